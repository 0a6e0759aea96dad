import type { HostAdapter } from '../database/clients/host-adapter.js';
import { notTheClient } from './not-the-client.js';

/** The part of a Sequelize of the dialect `postgres` that is used here. */
export interface SequelizeDatabase {
  query(sql: string, options: never): Promise<unknown>;
  transaction(options: never, fn: (t: never) => Promise<unknown>): Promise<unknown>;
  getDialect(): string;
}

/** The part of a transaction that is used here. */
interface TransactionShape {
  readonly sequelize: unknown;
  /** Undefined while the transaction is open. */
  readonly finished?: unknown;
  /** Undefined until the transaction has begun. */
  readonly connection?: unknown;
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
  return {
    words: {
      library: 'Sequelize',
      root: 'the Sequelize instance',
      transaction: 'the t that sequelize.transaction(async (t) => …) gives',
    },

    transaction: <R>(fn: (t: T) => Promise<R>) =>
      // Null makes a transaction of its own, and not a savepoint of the one that `Sequelize.useCLS` knows.
      sequelize.transaction(
        { isolationLevel: 'READ COMMITTED', transaction: null } as never,
        fn,
      ) as Promise<R>,

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
      const { sequelize: own, finished, connection } = value as TransactionShape;
      if (own !== sequelize || !('finished' in value || 'connection' in value || 'savepoints' in value))
        return 'foreign';
      return finished === undefined && connection !== undefined ? 'open' : 'ended';
    },
  };
}
