// Compiled by test/house/types.spec.ts, never run: what the compiler knows of an application on node-postgres.
import {
  type DomainEvent,
  type HostAdapter,
  type IntegrationDeveloperApiService,
  IntegrationModule,
  IntegrationSubscriber,
  type SubscriberContext,
} from 'nestjs-integration';
import { fromPg } from 'nestjs-integration/pg';
import pg from 'pg';

declare module 'nestjs-integration' {
  interface IntegrationTypes {
    transaction: pg.PoolClient;
  }
}

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

declare const api: IntegrationDeveloperApiService;
declare const pool: pg.Pool;

const event = {
  eventName: 'account.opened',
  sourceModule: 'accounts',
  aggregateType: 'account',
  aggregateId: '1',
};

export const modules = [
  IntegrationModule.forRoot({ clientToken: pg.Pool, adapter: fromPg }),
  IntegrationModule.forRoot({ client: fromPg(pool) }),
];
export const adapter: HostAdapter<pg.PoolClient> = fromPg<pg.PoolClient>(pool);

export const isTheTransaction: Same<SubscriberContext['transaction'], pg.PoolClient> = true;

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
  await api.transaction(async (client) => {
    const same: Same<typeof client, pg.PoolClient> = true;
    await api.publishEvent(event, { persistenceClient: client });
    return same;
  });
  await api.publishEvent(event, { persistenceClient: await pool.connect() });
  // @ts-expect-error the pool is no transaction
  await api.publishEvent(event, { persistenceClient: pool });
  // @ts-expect-error another library's transaction
  await api.publishEvent(event, { persistenceClient: { commit() {}, rollback() {} } });
}

// @ts-expect-error this is no pool
fromPg({});
