// Compiled by test/house/types.spec.ts, never run: what the compiler knows of an application on Knex.

import type { Knex } from 'knex';
import {
  type DomainEvent,
  type HostAdapter,
  type IntegrationDeveloperApiService,
  IntegrationModule,
  IntegrationSubscriber,
  type SubscriberContext,
} from 'nestjs-integration';
import { fromKnex } from 'nestjs-integration/knex';

declare module 'nestjs-integration' {
  interface IntegrationTypes {
    transaction: Knex.Transaction;
  }
}

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

declare const api: IntegrationDeveloperApiService;
declare const knex: Knex;

const event = {
  eventName: 'account.opened',
  sourceModule: 'accounts',
  aggregateType: 'account',
  aggregateId: '1',
};

export const modules = [
  IntegrationModule.forRoot({ clientToken: 'KNEX', adapter: fromKnex }),
  IntegrationModule.forRoot({ client: fromKnex(knex) }),
];
export const adapter: HostAdapter<Knex.Transaction> = fromKnex<Knex.Transaction>(knex);

export const isTheTransaction: Same<SubscriberContext['transaction'], Knex.Transaction> = true;

export class Accounts {
  @IntegrationSubscriber('account.opened', { consumerName: 'accounts', transactional: true })
  async onOpened(_event: DomainEvent, { transaction }: SubscriberContext): Promise<void> {
    await transaction('account').insert({ id: '1' });
    // @ts-expect-error the transaction is not Prisma's
    await transaction.$executeRawUnsafe('SELECT 1');
    await api.publishEvent(event, { persistenceClient: transaction });
  }
}

export async function publishing(): Promise<void> {
  await api.transaction(async (trx) => {
    const same: Same<typeof trx, Knex.Transaction> = true;
    await api.publishEvent(event, { persistenceClient: trx });
    return same;
  });
  await knex.transaction((trx) => api.publishEvent(event, { persistenceClient: trx }));
  // @ts-expect-error the instance is no transaction
  await api.publishEvent(event, { persistenceClient: knex });
  // @ts-expect-error another library's transaction
  await api.publishEvent(event, { persistenceClient: { commit() {}, rollback() {} } });
}

// @ts-expect-error this is no Knex
fromKnex({});
