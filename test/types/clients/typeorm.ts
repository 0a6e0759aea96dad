// Compiled by test/house/types.spec.ts, never run: what the compiler knows of an application on TypeORM.
import {
  type DomainEvent,
  type HostAdapter,
  type IntegrationDeveloperApiService,
  IntegrationModule,
  IntegrationSubscriber,
  type SubscriberContext,
} from 'nestjs-integration';
import { fromTypeOrm, typeOrmAmbient } from 'nestjs-integration/typeorm';
import { DataSource, type EntityManager, type QueryRunner } from 'typeorm';

declare module 'nestjs-integration' {
  interface IntegrationTypes {
    transaction: EntityManager;
    persistenceClient: QueryRunner;
  }
}

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

declare const api: IntegrationDeveloperApiService;
declare const dataSource: DataSource;
declare const runner: QueryRunner;

const event = {
  eventName: 'account.opened',
  sourceModule: 'accounts',
  aggregateType: 'account',
  aggregateId: '1',
};

export const modules = [
  IntegrationModule.forRoot({
    clientToken: DataSource,
    adapter: fromTypeOrm,
    ambient: typeOrmAmbient(dataSource),
  }),
  IntegrationModule.forRoot({ client: fromTypeOrm(dataSource) }),
];
export const adapter: HostAdapter<EntityManager> = fromTypeOrm(dataSource);

export const isTheTransaction: Same<SubscriberContext['transaction'], EntityManager> = true;

export class Accounts {
  @IntegrationSubscriber('account.opened', { consumerName: 'accounts', transactional: true })
  async onOpened(_event: DomainEvent, { transaction }: SubscriberContext): Promise<void> {
    await transaction.query('SELECT 1');
    // @ts-expect-error the transaction is not Prisma's
    await transaction.$executeRawUnsafe('SELECT 1');
    await api.publishEvent(event, { persistenceClient: transaction });
  }
}

export async function publishing(): Promise<void> {
  await api.transaction(async (manager) => {
    const same: Same<typeof manager, EntityManager> = true;
    await api.publishEvent(event, { persistenceClient: manager });
    return same;
  });
  await dataSource.transaction((manager) => api.publishEvent(event, { persistenceClient: manager }));
  await api.publishEvent(event, { persistenceClient: runner });
  // @ts-expect-error the DataSource is no transaction
  await api.publishEvent(event, { persistenceClient: dataSource });
  // @ts-expect-error another library's transaction
  await api.publishEvent(event, { persistenceClient: { commit() {}, rollback() {} } });
}

// @ts-expect-error this is no DataSource
fromTypeOrm({});
