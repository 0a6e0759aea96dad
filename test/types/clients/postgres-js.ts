// Compiled by test/house/types.spec.ts, never run: what the compiler knows of an application on postgres.js.
import {
  type DomainEvent,
  type HostAdapter,
  type IntegrationDeveloperApiService,
  IntegrationModule,
  IntegrationSubscriber,
  type SubscriberContext,
} from 'nestjs-integration';
import { fromPostgresJs } from 'nestjs-integration/postgres-js';
import type postgres from 'postgres';

declare module 'nestjs-integration' {
  interface IntegrationTypes {
    transaction: postgres.TransactionSql;
  }
}

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

declare const api: IntegrationDeveloperApiService;
declare const sql: postgres.Sql;

const event = {
  eventName: 'account.opened',
  sourceModule: 'accounts',
  aggregateType: 'account',
  aggregateId: '1',
};

export const modules = [
  IntegrationModule.forRoot({ clientToken: 'SQL', adapter: fromPostgresJs }),
  IntegrationModule.forRoot({ client: fromPostgresJs(sql) }),
];
export const adapter: HostAdapter<postgres.TransactionSql> = fromPostgresJs<postgres.TransactionSql>(sql);

export const isTheTransaction: Same<SubscriberContext['transaction'], postgres.TransactionSql> = true;

export class Accounts {
  @IntegrationSubscriber('account.opened', { consumerName: 'accounts', transactional: true })
  async onOpened(_event: DomainEvent, { transaction }: SubscriberContext): Promise<void> {
    await transaction`SELECT 1`;
    // @ts-expect-error the transaction is not Prisma's
    await transaction.$executeRawUnsafe('SELECT 1');
    await api.publishEvent(event, { persistenceClient: transaction });
  }
}

export async function publishing(): Promise<void> {
  await api.transaction(async (tx) => {
    const same: Same<typeof tx, postgres.TransactionSql> = true;
    await api.publishEvent(event, { persistenceClient: tx });
    return same;
  });
  await sql.begin((tx) => api.publishEvent(event, { persistenceClient: tx }));
  // @ts-expect-error the instance is no transaction
  await api.publishEvent(event, { persistenceClient: sql });
  // @ts-expect-error another library's transaction
  await api.publishEvent(event, { persistenceClient: { commit() {}, rollback() {} } });
}

// @ts-expect-error this is no postgres.js
fromPostgresJs({});
