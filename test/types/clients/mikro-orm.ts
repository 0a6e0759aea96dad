// Compiled by test/house/types.spec.ts, never run: what the compiler knows of an application on MikroORM.

import { MikroORM, type SqlEntityManager } from '@mikro-orm/postgresql';
import {
  type DomainEvent,
  type HostAdapter,
  type IntegrationDeveloperApiService,
  IntegrationModule,
  IntegrationSubscriber,
  type SubscriberContext,
} from 'nestjs-integration';
import { fromMikroOrm } from 'nestjs-integration/mikro-orm';

declare module 'nestjs-integration' {
  interface IntegrationTypes {
    transaction: MikroORM['em'];
  }
}

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

declare const api: IntegrationDeveloperApiService;
declare const orm: MikroORM;
declare const em: SqlEntityManager;

const event = {
  eventName: 'account.opened',
  sourceModule: 'accounts',
  aggregateType: 'account',
  aggregateId: '1',
};

export const modules = [
  IntegrationModule.forRoot({ clientToken: MikroORM, adapter: fromMikroOrm }),
  IntegrationModule.forRoot({ client: fromMikroOrm(orm) }),
];
export const adapter: HostAdapter<MikroORM['em']> = fromMikroOrm(orm);

export const isTheTransaction: Same<SubscriberContext['transaction'], MikroORM['em']> = true;

export class Accounts {
  @IntegrationSubscriber('account.opened', { consumerName: 'accounts', transactional: true })
  async onOpened(_event: DomainEvent, { transaction }: SubscriberContext): Promise<void> {
    await transaction.execute('SELECT 1');
    // @ts-expect-error the transaction is not Prisma's
    await transaction.$executeRawUnsafe('SELECT 1');
    await api.publishEvent(event, { persistenceClient: transaction });
  }
}

export async function publishing(): Promise<void> {
  await api.transaction(async (em) => {
    const same: Same<typeof em, MikroORM['em']> = true;
    await api.publishEvent(event, { persistenceClient: em });
    return same;
  });
  await orm.em.transactional((em) => api.publishEvent(event, { persistenceClient: em }));
  // @ts-expect-error the ORM is no transaction
  await api.publishEvent(event, { persistenceClient: orm });
  // @ts-expect-error another library's transaction
  await api.publishEvent(event, { persistenceClient: { commit() {}, rollback() {} } });
}

// @ts-expect-error this is no MikroORM
fromMikroOrm({});
