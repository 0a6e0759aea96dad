import type { HostPool } from '../database/clients/host-adapter.js';

interface PgPoolShape {
  readonly options?: { readonly max?: unknown };
  readonly totalCount?: unknown;
  readonly idleCount?: unknown;
  readonly waitingCount?: unknown;
}

/** The pool of node-postgres. */
export function pgPoolOf(value: unknown): HostPool | undefined {
  const { options, totalCount, idleCount, waitingCount } = (value ?? {}) as PgPoolShape;
  const size = options?.max;
  if (typeof size !== 'number' || typeof totalCount !== 'number' || typeof idleCount !== 'number')
    return undefined;
  const waiting = typeof waitingCount === 'number' ? waitingCount : undefined;
  return { size, inUse: totalCount - idleCount, waiting };
}

interface TarnPoolShape {
  readonly max?: unknown;
  numUsed?(): number;
  numPendingAcquires?(): number;
}

/** The pool of Knex. */
export function tarnPoolOf(value: unknown): HostPool | undefined {
  const pool = (value ?? {}) as TarnPoolShape;
  if (typeof pool.max !== 'number') return undefined;
  return { size: pool.max, inUse: pool.numUsed?.(), waiting: pool.numPendingAcquires?.() };
}

interface SequelizePoolShape {
  readonly maxSize?: unknown;
  readonly using?: number;
  readonly waiting?: number;
  /** Exists with replication. Transactions that write get their connections here. */
  readonly write?: SequelizePoolShape;
}

/** The pool of Sequelize. */
export function sequelizePoolOf(value: unknown): HostPool | undefined {
  const given = (value ?? {}) as SequelizePoolShape;
  const { maxSize, using, waiting } = given.write ?? given;
  return typeof maxSize === 'number' ? { size: maxSize, inUse: using, waiting } : undefined;
}

/** The pool of postgres.js, which shows its size only. */
export function postgresJsPoolOf(sql: unknown): HostPool | undefined {
  const size = (sql as { options?: { max?: unknown } } | undefined)?.options?.max;
  return typeof size === 'number' ? { size } : undefined;
}
