import type { EngineDatabase } from '../database/engine-database.js';

/** A transaction that may still own positions of the log. */
export interface OpenTransaction {
  readonly pid: number;
  readonly user: string | null;
  readonly application: string | null;
  readonly address: string | null;
  readonly state: string | null;
  /** Null if this role may not see it. */
  readonly openForSeconds: number | null;
}

export interface PreparedTransaction {
  readonly gid: string;
  readonly owner: string;
  readonly preparedForSeconds: number;
}

/** The sequence of the positions, and the last position of the log. */
interface SequenceOfLog {
  readonly sequence: string;
  readonly head: number;
}

/** Reads which transactions block the log. */
export class LogHealthStore {
  private readonly log: string;
  private readonly cursor: string;

  constructor(private readonly db: EngineDatabase) {
    this.log = db.tables.outboxEvent;
    this.cursor = db.tables.inboxCursor;
  }

  async sequence(): Promise<SequenceOfLog | undefined> {
    const [row] = await this.db.query<SequenceOfLog>(
      `SELECT s.name AS sequence, (SELECT coalesce(max(position), 0) FROM ${this.log}) AS head
       FROM (SELECT pg_get_serial_sequence($1, 'position') AS name) s WHERE s.name IS NOT NULL`,
      [this.log],
    );
    return row;
  }

  /** The transactions that hold the log's writer lock, the oldest first. */
  writers(): Promise<OpenTransaction[]> {
    return this.db.query<OpenTransaction>(
      `SELECT DISTINCT l.pid, a.usename AS "user", a.application_name AS application, a.client_addr::text AS address, a.state,
         extract(epoch FROM clock_timestamp() - a.xact_start)::float8 AS "openForSeconds"
       FROM pg_locks l LEFT JOIN pg_stat_activity a ON a.pid = l.pid
       WHERE l.locktype = 'relation' AND l.relation = $1::regclass AND l.mode = 'RowExclusiveLock' AND l.granted
         AND l.pid IS NOT NULL AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
       ORDER BY "openForSeconds" DESC NULLS FIRST`,
      [this.log],
    );
  }

  /** Prepared transactions that have published, the oldest first. */
  prepared(): Promise<PreparedTransaction[]> {
    return this.db.query<PreparedTransaction>(
      `SELECT p.gid, p.owner, extract(epoch FROM clock_timestamp() - p.prepared)::float8 AS "preparedForSeconds"
       FROM pg_prepared_xacts p
       WHERE p.database = current_database() AND EXISTS (
         SELECT FROM pg_locks x JOIN pg_locks l ON l.virtualtransaction = x.virtualtransaction AND l.pid IS NULL
         WHERE x.pid IS NULL AND x.locktype = 'transactionid' AND x.transactionid = p.transaction
           AND l.locktype = 'relation' AND l.relation = $1::regclass)
       ORDER BY p.prepared`,
      [this.log],
    );
  }

  /**
   * Transactions of this database that keep dead rows from being removed, the oldest first. This session's
   * own transaction does not count.
   */
  oldSnapshots(olderThanSeconds: number): Promise<OpenTransaction[]> {
    return this.db.query<OpenTransaction>(
      `SELECT pid, usename AS "user", application_name AS application, client_addr::text AS address, state,
         extract(epoch FROM clock_timestamp() - xact_start)::float8 AS "openForSeconds"
       FROM pg_stat_activity
       WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
         AND (backend_xmin IS NOT NULL OR backend_xid IS NOT NULL)
         AND xact_start < clock_timestamp() - $1::float8 * interval '1 second'
       ORDER BY xact_start`,
      [olderThanSeconds],
    );
  }

  /** The largest number of positions below its read position that a cursor still waits for. */
  async mostHoles(): Promise<number> {
    const [row] = await this.db.query<{ holes: number }>(
      `SELECT coalesce(max(holes), 0)::float8 AS holes FROM (
         SELECT sum(upper(r) - lower(r)) AS holes FROM ${this.cursor} c CROSS JOIN unnest(c.unread) AS r
         WHERE NOT upper_inf(r) GROUP BY c.consumer_name, c.partition) AS each`,
    );
    return row?.holes ?? 0;
  }
}
