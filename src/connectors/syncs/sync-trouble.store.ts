import type { EngineDatabase } from '../../database/engine-database.js';
import type { StreamStatus } from './stream.js';

/** A stream that somebody should look at. */
export interface TroubledStream {
  readonly id: string;
  readonly tenantId: string;
  readonly connectionId: string;
  readonly connector: string;
  readonly sync: string;
  readonly failures: number;
  readonly since: Date;
}

const COLUMNS = `id::text AS id, tenant_id AS "tenantId", connection_id::text AS "connectionId", connector, sync, failures`;

/** Looks at the streams of all tenants, for the doctor and for metrics. */
export class SyncTroubleStore {
  private readonly table: string;
  private readonly target: string;

  constructor(private readonly db: Pick<EngineDatabase, 'query' | 'tables'>) {
    this.table = db.tables.syncStream;
    this.target = db.tables.outgoingTarget;
  }

  inStatus(status: Extract<StreamStatus, 'stalled' | 'suspicious'>, most: number): Promise<TroubledStream[]> {
    return this.db.query<TroubledStream>(
      `SELECT ${COLUMNS}, coalesce(last_ok_at, created_at) AS since FROM ${this.table} WHERE status = $1 AND status IN ('failing', 'stalled', 'suspicious') ORDER BY id LIMIT $2`,
      [status, most],
    );
  }

  /** Streams that were due so many seconds ago, and that nobody runs. Their connections are in use. */
  late(seconds: number, most: number): Promise<TroubledStream[]> {
    return this.db.query<TroubledStream>(
      `SELECT s.id::text AS id, s.tenant_id AS "tenantId", s.connection_id::text AS "connectionId", s.connector, s.sync, s.failures, s.next_run_at AS since
       FROM ${this.table} s JOIN ${this.target} t ON t.kind = 'sync' AND t.id = s.connection_id
       WHERE s.next_run_at < now() - $1::int * interval '1 second' AND s.owner_token IS NULL AND NOT t.held
         AND (t.not_before IS NULL OR t.not_before < now())
       ORDER BY s.next_run_at LIMIT $2`,
      [seconds, most],
    );
  }

  async counts(): Promise<{ status: StreamStatus; count: number }[]> {
    return this.db.query(
      `SELECT status, count(*) AS count FROM ${this.table} WHERE status IN ('failing', 'stalled', 'suspicious') GROUP BY status`,
    );
  }
}
