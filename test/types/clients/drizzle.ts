// Compiled by test/house/types.spec.ts, never run: what the compiler knows of an application on Drizzle.

import { sql } from 'drizzle-orm';
import type { NodePgDatabase } from 'drizzle-orm/node-postgres';
import {
  type DomainEvent,
  type HostAdapter,
  type IntegrationDeveloperApiService,
  IntegrationModule,
  IntegrationSubscriber,
  type SubscriberContext,
} from 'nestjs-integration';
import { fromDrizzle } from 'nestjs-integration/drizzle';

type Transaction = Parameters<Parameters<NodePgDatabase['transaction']>[0]>[0];

declare module 'nestjs-integration' {
  interface IntegrationTypes {
    transaction: Transaction;
  }
}

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

declare const api: IntegrationDeveloperApiService;
declare const db: NodePgDatabase;

const event = {
  eventName: 'account.opened',
  sourceModule: 'accounts',
  aggregateType: 'account',
  aggregateId: '1',
};

export const modules = [
  IntegrationModule.forRoot({ clientToken: 'DB', adapter: fromDrizzle }),
  IntegrationModule.forRoot({ client: fromDrizzle(db) }),
];
export const adapter: HostAdapter<Transaction> = fromDrizzle<Transaction>(db);

export const isTheTransaction: Same<SubscriberContext['transaction'], Transaction> = true;

export class Accounts {
  @IntegrationSubscriber('account.opened', { consumerName: 'accounts', transactional: true })
  async onOpened(_event: DomainEvent, { transaction }: SubscriberContext): Promise<void> {
    await transaction.execute(sql`SELECT 1`);
    // @ts-expect-error the transaction is not Prisma's
    await transaction.$executeRawUnsafe('SELECT 1');
    await api.publishEvent(event, { persistenceClient: transaction });
  }
}

export async function publishing(): Promise<void> {
  await api.transaction(async (tx) => {
    const same: Same<typeof tx, Transaction> = true;
    await api.publishEvent(event, { persistenceClient: tx });
    return same;
  });
  await db.transaction((tx) => api.publishEvent(event, { persistenceClient: tx }));
  // @ts-expect-error the database is no transaction
  await api.publishEvent(event, { persistenceClient: db });
  // @ts-expect-error another library's transaction
  await api.publishEvent(event, { persistenceClient: { commit() {}, rollback() {} } });
}

// @ts-expect-error this is no Drizzle
fromDrizzle({});
