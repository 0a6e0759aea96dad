import type { HostAdapter } from '../database/clients/host-adapter.js';
import type { StatementGate } from '../database/clients/statement-gate.js';
import { Gates } from './gates.js';
import { guardedClient } from './guarded-client.js';
import { notTheClient } from './not-the-client.js';
import { sequelizePoolOf } from './pools.js';

/** The part of a Sequelize of the dialect `postgres` that is used here. */
export interface SequelizeDatabase {
  query(sql: string, options: never): Promise<unknown>;
  transaction(options: never, fn: (t: never) => Promise<unknown>): Promise<unknown>;
  getDialect(): string;
  readonly connectionManager?: unknown;
}

/** The part of a transaction that is used here. */
interface TransactionShape {
  readonly sequelize: unknown;
  /** Undefined while the transaction is open. */
  readonly finished?: unknown;
  /** Undefined until the transaction has begun. */
  readonly connection?: { getTransactionStatus?(): string | null };
}

/**
 * An adapter for Sequelize: `client: fromSequelize(sequelize)`, or beside `clientToken`. Its transaction is
 * the `t` of `sequelize.transaction(…)`.
 *
 * @throws IntegrationError INTEGRATION_CLIENT_INVALID if the value is no Sequelize of the dialect `postgres`
 */
export function fromSequelize<T extends object = object>(sequelize: SequelizeDatabase): HostAdapter<T> {
  if (typeof sequelize?.getDialect !== 'function' || sequelize.getDialect() !== 'postgres')
    throw notTheClient('fromSequelize', "a Sequelize of the dialect 'postgres'", 'sequelize', sequelize);
  const gates = new Gates();
  return {
    words: {
      library: 'Sequelize',
      root: 'the Sequelize instance',
      transaction: 'the t that sequelize.transaction(async (t) => …) gives',
      within: 'give each call { transaction: context.transaction }',
    },

    transaction: <R>(fn: (t: T) => Promise<R>) =>
      gates.run<T, R>(
        // Null makes a transaction of its own, and not a savepoint of the one that `Sequelize.useCLS` knows.
        (run) =>
          sequelize.transaction(
            { isolationLevel: 'READ COMMITTED', transaction: null } as never,
            run,
          ) as Promise<R>,
        guardTransaction,
        fn,
      ),

    async query(tx, sql, values) {
      const bind = values.length === 0 ? {} : { bind: values };
      const options = { ...bind, transaction: tx ?? null, type: 'RAW' };
      const [rows, answer] = (await sequelize.query(sql, options as never)) as [
        unknown[],
        { rowCount?: number | null } | number | undefined,
      ];
      return { rows: rows ?? [], count: typeof answer === 'number' ? answer : (answer?.rowCount ?? 0) };
    },

    stateOf(value) {
      if (value === sequelize) return 'root';
      if (typeof value !== 'object' || value === null) return 'foreign';
      if (gates.isClosed(value)) return 'ended';
      const { sequelize: own, finished, connection } = value as TransactionShape;
      if (own !== sequelize || !('finished' in value || 'connection' in value || 'savepoints' in value))
        return 'foreign';
      if (finished !== undefined || connection === undefined) return 'ended';
      // A COMMIT or a ROLLBACK that was sent as a statement is known to the connection only.
      return connection.getTransactionStatus?.() === 'I' ? 'ended' : 'open';
    },

    refuse: (t, error) => gates.close(t, error),
    isBusy: (t) => gates.isBusy(t),
    pool: () => sequelizePoolOf((sequelize.connectionManager as { pool?: unknown } | undefined)?.pool),
  };
}

/**
 * Sequelize ends the transaction that it began itself. The function gets another object of the same
 * transaction, whose statements pass the gate.
 */
function guardTransaction<T extends object>(t: T, gate: StatementGate): T {
  const own = t as TransactionShape;
  const connection = guardedClient(own.connection as object, gate);
  return Object.create(t, {
    connection: {
      get: () => {
        const refusal = gate.refuses(undefined);
        if (refusal !== undefined) throw refusal;
        return connection;
      },
    },
    // Sequelize would refuse a late statement with an error of its own, which has no code.
    finished: {
      get: () => (gate.isClosed ? undefined : own.finished),
      set: (value: unknown) => Reflect.set(own, 'finished', value),
    },
  }) as T;
}
