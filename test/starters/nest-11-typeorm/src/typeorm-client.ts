import type { SqlClient, TransactionalSqlClient } from 'nestjs-integration';
import type { DataSource, EntityManager, QueryRunner } from 'typeorm';

/** The transaction of an EntityManager, as `persistenceClient` takes it. */
export function clientOfManager(manager: EntityManager): SqlClient {
  if (manager.queryRunner === undefined) throw new Error('this EntityManager is not one of a transaction');
  return clientOfRunner(manager.queryRunner);
}

/** A DataSource, as `client` and `clientToken` take it. */
export function clientOfDataSource(source: DataSource): TransactionalSqlClient {
  const once = async <R>(ask: (client: SqlClient) => PromiseLike<R>): Promise<R> => {
    const runner = source.createQueryRunner();
    try {
      return await ask(clientOfRunner(runner));
    } finally {
      await runner.release();
    }
  };
  return {
    // TypeORM's transactions have no limits of their own; its pool has.
    $transactionLimits: [],
    $queryRawUnsafe: (sql, ...values) => once((client) => client.$queryRawUnsafe(sql, ...values)),
    $executeRawUnsafe: (sql, ...values) => once((client) => client.$executeRawUnsafe(sql, ...values)),
    $transaction: (fn) => source.transaction('READ COMMITTED', (manager) => fn(clientOfManager(manager))),
  };
}

function clientOfRunner(runner: QueryRunner): SqlClient {
  return {
    $queryRawUnsafe: async <T>(sql: string, ...values: unknown[]) =>
      (await runner.query(sql, values, true)).records as T,
    $executeRawUnsafe: async (sql, ...values) => (await runner.query(sql, values, true)).affected ?? 0,
  };
}
