// Compiled by test/house/types.spec.ts, never run: what the compiler knows of an application on Sequelize.
import {
  type DomainEvent,
  type HostAdapter,
  type IntegrationDeveloperApiService,
  IntegrationModule,
  IntegrationSubscriber,
  type SubscriberContext,
} from 'nestjs-integration';
import { fromSequelize } from 'nestjs-integration/sequelize';
import { Sequelize, type Transaction } from 'sequelize';

declare module 'nestjs-integration' {
  interface IntegrationTypes {
    transaction: Transaction;
  }
}

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

declare const api: IntegrationDeveloperApiService;
declare const sequelize: Sequelize;

const event = {
  eventName: 'account.opened',
  sourceModule: 'accounts',
  aggregateType: 'account',
  aggregateId: '1',
};

export const modules = [
  IntegrationModule.forRoot({ clientToken: Sequelize, adapter: fromSequelize }),
  IntegrationModule.forRoot({ client: fromSequelize(sequelize) }),
];
export const adapter: HostAdapter<Transaction> = fromSequelize<Transaction>(sequelize);

export const isTheTransaction: Same<SubscriberContext['transaction'], Transaction> = true;

export class Accounts {
  @IntegrationSubscriber('account.opened', { consumerName: 'accounts', transactional: true })
  async onOpened(_event: DomainEvent, { transaction }: SubscriberContext): Promise<void> {
    await sequelize.query('SELECT 1', { transaction });
    // @ts-expect-error the transaction is not Prisma's
    await transaction.$executeRawUnsafe('SELECT 1');
    await api.publishEvent(event, { persistenceClient: transaction });
  }
}

export async function publishing(): Promise<void> {
  await api.transaction(async (t) => {
    const same: Same<typeof t, Transaction> = true;
    await api.publishEvent(event, { persistenceClient: t });
    return same;
  });
  await sequelize.transaction((t) => api.publishEvent(event, { persistenceClient: t }));
  // @ts-expect-error the instance is no transaction
  await api.publishEvent(event, { persistenceClient: sequelize });
  // @ts-expect-error another library's transaction
  await api.publishEvent(event, { persistenceClient: { commit() {}, rollback() {} } });
}

// @ts-expect-error this is no Sequelize
fromSequelize({});
