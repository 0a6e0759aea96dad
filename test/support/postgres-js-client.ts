import type postgres from 'postgres';
import type { SqlClient, TransactionalSqlClient } from '../../src/database/clients/sql-client.js';

/** postgres.js in the shape of a host's client, as its users would write it. */
export function postgresJsClient(sql: postgres.Sql): TransactionalSqlClient {
  return {
    ...statementsOf(sql),
    $transaction: (run) =>
      sql.begin('ISOLATION LEVEL READ COMMITTED', (transaction) =>
        run(statementsOf(transaction)),
      ) as ReturnType<typeof run>,
  };
}

function statementsOf(sql: postgres.Sql | postgres.TransactionSql): SqlClient {
  const ask = (text: string, values: unknown[]) =>
    sql.unsafe(text, values as postgres.ParameterOrJSON<never>[]);
  return {
    $queryRawUnsafe: async <T>(text: string, ...values: unknown[]) => [...(await ask(text, values))] as T,
    $executeRawUnsafe: async (text, ...values) => (await ask(text, values)).count,
  };
}
