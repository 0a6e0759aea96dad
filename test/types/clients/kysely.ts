// Compiled by test/house/types.spec.ts, never run: what the compiler knows of an application on Kysely.

import { Kysely, type Transaction } from 'kysely';
import {
  type DomainEvent,
  type HostAdapter,
  type IntegrationDeveloperApiService,
  IntegrationModule,
  IntegrationSubscriber,
  type SubscriberContext,
} from 'nestjs-integration';
import { fromKysely } from 'nestjs-integration/kysely';

interface Tables {
  account: { id: string };
}

declare module 'nestjs-integration' {
  interface IntegrationTypes {
    transaction: Transaction<Tables>;
  }
}

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

declare const api: IntegrationDeveloperApiService;
declare const db: Kysely<Tables>;

const event = {
  eventName: 'account.opened',
  sourceModule: 'accounts',
  aggregateType: 'account',
  aggregateId: '1',
};

export const modules = [
  IntegrationModule.forRoot({ clientToken: Kysely, adapter: fromKysely }),
  IntegrationModule.forRoot({ client: fromKysely(db) }),
];
export const adapter: HostAdapter<Transaction<Tables>> = fromKysely<Transaction<Tables>>(db);

export const isTheTransaction: Same<SubscriberContext['transaction'], Transaction<Tables>> = true;

export class Accounts {
  @IntegrationSubscriber('account.opened', { consumerName: 'accounts', transactional: true })
  async onOpened(_event: DomainEvent, { transaction }: SubscriberContext): Promise<void> {
    await transaction.insertInto('account').values({ id: '1' }).execute();
    // @ts-expect-error the transaction is not Prisma's
    await transaction.$executeRawUnsafe('SELECT 1');
    await api.publishEvent(event, { persistenceClient: transaction });
  }
}

export async function publishing(): Promise<void> {
  await api.transaction(async (trx) => {
    const same: Same<typeof trx, Transaction<Tables>> = true;
    await api.publishEvent(event, { persistenceClient: trx });
    return same;
  });
  await db.transaction().execute((trx) => api.publishEvent(event, { persistenceClient: trx }));
  // @ts-expect-error the root is no transaction
  await api.publishEvent(event, { persistenceClient: db });
  // @ts-expect-error another library's transaction
  await api.publishEvent(event, { persistenceClient: { commit() {}, rollback() {} } });
}

// @ts-expect-error this is no Kysely
fromKysely({});
