import type { HostAdapter } from '../database/clients/host-adapter.js';
import type { StatementGate } from '../database/clients/statement-gate.js';
import { UnusableConnection } from '../database/wire/unusable-connection.js';
import { Gates } from './gates.js';
import { notTheClient } from './not-the-client.js';
import { pgPoolOf } from './pools.js';

/** The part of TypeORM's QueryRunner that is used here. */
interface QueryRunnerShape {
  readonly isReleased: boolean;
  readonly isTransactionActive: boolean;
  query(sql: string, values: unknown[], useStructuredResult: true): Promise<unknown>;
  stream?(sql: string, ...more: unknown[]): Promise<unknown>;
  release(): Promise<void>;
  /** The client of node-postgres. */
  readonly databaseConnection?: { getTransactionStatus?(): string | null } | undefined;
}

/** The part of TypeORM's DataSource that is used here. */
export interface TypeOrmDataSource {
  readonly manager: object;
  createQueryRunner(): unknown;
  transaction(...args: never[]): Promise<unknown>;
}

/** A transaction of a DataSource is an EntityManager. */
export type TypeOrmTransaction<D extends TypeOrmDataSource> = D['manager'];

interface Transacting {
  transaction(isolation: 'READ COMMITTED', fn: (manager: never) => Promise<unknown>): Promise<unknown>;
}

/**
 * A value that may be an EntityManager or a QueryRunner. Before 1.0, the data source was called connection.
 */
interface Known {
  readonly dataSource?: unknown;
  readonly connection?: unknown;
  readonly queryRunner?: QueryRunnerShape;
  readonly isTransactionActive?: boolean;
}

/**
 * An adapter for TypeORM: `clientToken: DataSource, adapter: fromTypeOrm`, or the adapter
 * `fromTypeOrm(dataSource)` as `client`. Its transaction is the EntityManager of
 * `dataSource.transaction(…)`. A QueryRunner after `startTransaction()`, and its manager, are taken as well.
 *
 * @throws IntegrationError INTEGRATION_CLIENT_INVALID if the value is no DataSource
 */
export function fromTypeOrm<D extends TypeOrmDataSource>(dataSource: D): HostAdapter<TypeOrmTransaction<D>> {
  if (!isDataSource(dataSource))
    throw notTheClient('fromTypeOrm', 'a DataSource of TypeORM', 'typeorm', dataSource);
  const gates = new Gates();
  return {
    words: {
      library: 'TypeORM',
      root: 'the DataSource, or a manager that belongs to no transaction',
      transaction:
        'the EntityManager that dataSource.transaction(async (manager) => …) gives, or a QueryRunner after startTransaction()',
      within: 'use transaction.withRepository(repository), and not an injected repository or the DataSource',
    },

    transaction: <R>(fn: (manager: D['manager']) => Promise<R>) =>
      gates.run<D['manager'], R>(
        (run) => (dataSource as unknown as Transacting).transaction('READ COMMITTED', run) as Promise<R>,
        guardManager,
        fn,
      ),

    async query(tx, sql, values) {
      if (tx !== undefined) {
        gates.requireOpen(tx);
        return answerOf(await runnerOf(tx).query(sql, values, true));
      }
      const runner = dataSource.createQueryRunner() as QueryRunnerShape;
      try {
        return answerOf(await runner.query(sql, values, true));
      } finally {
        await runner.release();
      }
    },

    stateOf(value) {
      if (value === dataSource) return 'root';
      if (typeof value !== 'object' || value === null) return 'foreign';
      const { dataSource: own, connection, queryRunner, isTransactionActive } = value as Known;
      if ((own ?? connection) !== dataSource) return 'foreign';
      const runner = typeof isTransactionActive === 'boolean' ? (value as QueryRunnerShape) : queryRunner;
      if (runner === undefined) return 'root';
      if (gates.isClosed(value) || !runner.isTransactionActive || runner.isReleased) return 'ended';
      // A COMMIT or a ROLLBACK that was sent as a statement is known to the connection only.
      return runner.databaseConnection?.getTransactionStatus?.() === 'I' ? 'ended' : 'open';
    },

    refuse: (manager, error) => gates.close(manager, error),
    isBusy: (manager) => gates.isBusy(manager),
    pool: () => pgPoolOf((dataSource as { driver?: { master?: unknown } }).driver?.master),
  };
}

/**
 * Finds the transaction of `typeorm-transactional` around the calling code. Give it to the option `ambient`.
 *
 * @param dataSource the one that was given to `addTransactionalDataSource`
 * @throws IntegrationError INTEGRATION_CLIENT_INVALID if the value is no DataSource
 */
export function typeOrmAmbient(dataSource: TypeOrmDataSource): () => object | undefined {
  if (!isDataSource(dataSource))
    throw notTheClient('typeOrmAmbient', 'a DataSource of TypeORM', 'typeorm', dataSource);
  return () => {
    // The library makes this property return the manager of the current transaction.
    const { manager } = dataSource;
    return (manager as Known).queryRunner === undefined ? undefined : manager;
  };
}

function isDataSource(value: TypeOrmDataSource | undefined): value is TypeOrmDataSource {
  return typeof value?.createQueryRunner === 'function' && typeof value.transaction === 'function';
}

/**
 * Each transaction has a QueryRunner of its own, through which all of its statements go. Inside of a nested
 * transaction, TypeORM would roll back to a savepoint and return the connection with an open transaction. So
 * once the gate is closed, everything is rolled back.
 */
function guardManager<M extends object>(manager: M, gate: StatementGate): M {
  const runner = runnerOf(manager);
  const { query, stream } = runner;
  runner.query = (sql, ...more) => {
    const text = gate.isClosed && ROLLBACK_TO.test(sql) ? 'ROLLBACK' : sql;
    return gate.pass(text, () => query.call(runner, text, ...more));
  };
  if (stream !== undefined)
    runner.stream = (sql, ...more) => gate.pass(sql, () => stream.call(runner, sql, ...more));
  return manager;
}

const ROLLBACK_TO = /^ROLLBACK TO SAVEPOINT /;

function runnerOf(tx: object): QueryRunnerShape {
  const runner = (tx as Known).queryRunner ?? (tx as QueryRunnerShape);
  // TypeORM releases a runner as soon as its session ends, and each later statement fails only with that.
  if (runner.isReleased)
    throw new UnusableConnection('connection lost: the QueryRunner of the transaction is released');
  return runner;
}

function answerOf(answer: unknown): { rows: unknown[]; count: number } {
  const { records, affected } = answer as { records?: unknown[]; affected?: number | null };
  return { rows: records ?? [], count: affected ?? 0 };
}
