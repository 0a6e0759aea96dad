import type { EngineDatabase } from '../../database/engine-database.js';
import type { EngineSession } from '../../database/sql/engine-session.js';
import type { LaneItem } from '../../lanes/lane-work.js';
import type { LockedStream, RunCounts, Stream, SyncRun, SyncRunError, SyncRunStatus } from './stream.js';

const COLUMNS = `s.id::text AS id, s.tenant_id AS "tenantId", s.connection_id::text AS "connectionId", s.connector, s.sync, s.partition, s.status,
  s.is_paused AS "isPaused", s.run_id::text AS "runId", s.owner_token::text AS "ownerToken", s.starts, s.open_kind AS "openKind",
  s.wanted_kind AS "wantedKind", s.checkpoint, s.generation, s.full_since AS "fullSince", s.is_complete AS "isComplete",
  s.is_first_empty AS "isFirstEmpty", s.is_confirmed AS "isConfirmed", s.failures, s.stalled_runs AS "stalledRuns",
  s.next_run_at AS "nextRunAt", s.last_ok_at AS "lastOkAt"`;
const RUN = `r.id::text AS id, r.stream_id::text AS "streamId", r.kind, r.status, r.pages, r.records, r.added, r.updated, r.deleted, r.unchanged,
  r.problems, r.error, r.started_at AS "startedAt", r.finished_at AS "finishedAt"`;

/** A stream that is due. */
export interface DueStream extends LaneItem {
  readonly tenantId: string;
  readonly connector: string;
  readonly sync: string;
}

/** Which stream of a connection is meant. */
export interface StreamName {
  readonly tenantId: string;
  readonly connectionId: string;
  readonly sync: string;
  readonly partition: string;
}

/** A sync that connections of a connector have. */
export interface KnownSync {
  readonly connector: string;
  readonly sync: string;
  /** Whether its streams are due at once. Those without a schedule wait. */
  readonly isScheduled: boolean;
}

/**
 * Streams and their runs. Whoever changes a stream, or one of its records, holds the row of the stream, so
 * all of these take turns. Every statement names the tenant, or the id of a stream that was found with it.
 */
export class StreamStore {
  private readonly stream: string;
  private readonly run: string;
  private readonly connection: string;

  constructor(private readonly db: Pick<EngineDatabase, 'query' | 'tables'>) {
    this.stream = db.tables.syncStream;
    this.run = db.tables.syncRun;
    this.connection = db.tables.connection;
  }

  /** Holds the row until the transaction ends. */
  async lock(session: EngineSession, tenantId: string, id: string): Promise<LockedStream | undefined> {
    const [row] = await session.query<LockedStream>(
      `SELECT ${COLUMNS}, clock_timestamp() AS now FROM ${this.stream} s WHERE s.tenant_id = $1 AND s.id = $2 FOR NO KEY UPDATE`,
      [tenantId, id],
    );
    return row;
  }

  async lockNamed(session: EngineSession, name: StreamName): Promise<LockedStream | undefined> {
    const [row] = await session.query<LockedStream>(
      `SELECT ${COLUMNS}, clock_timestamp() AS now FROM ${this.stream} s
       WHERE s.tenant_id = $1 AND s.connection_id = $2 AND s.sync = $3 AND s.partition = $4 FOR NO KEY UPDATE`,
      [name.tenantId, name.connectionId, name.sync, name.partition],
    );
    return row;
  }

  async find(name: StreamName): Promise<Stream | undefined> {
    const [row] = await this.db.query<Stream>(
      `SELECT ${COLUMNS} FROM ${this.stream} s WHERE s.tenant_id = $1 AND s.connection_id = $2 AND s.sync = $3 AND s.partition = $4`,
      [name.tenantId, name.connectionId, name.sync, name.partition],
    );
    return row;
  }

  /** The streams of a connection. */
  ofConnection(tenantId: string, connectionId: string): Promise<Stream[]> {
    return this.db.query<Stream>(
      `SELECT ${COLUMNS} FROM ${this.stream} s WHERE s.tenant_id = $1 AND s.connection_id = $2 ORDER BY s.sync, s.partition`,
      [tenantId, connectionId],
    );
  }

  /** Adds streams of a connection that are not there yet. */
  async add(
    session: EngineSession,
    { tenantId, connectionId, connector }: Pick<Stream, 'tenantId' | 'connectionId' | 'connector'>,
    streams: readonly { readonly sync: string; readonly partition: string; readonly isDue: boolean }[],
  ): Promise<void> {
    await session.query(
      `INSERT INTO ${this.stream} (id, tenant_id, connection_id, connector, sync, partition, next_run_at)
       SELECT gen_random_uuid(), $1, $2::uuid, $3, n.sync, n.partition, CASE WHEN n.is_due THEN now() END
       FROM unnest($4::text[], $5::text[], $6::boolean[]) AS n (sync, partition, is_due) ORDER BY n.sync, n.partition
       ON CONFLICT (connection_id, sync, partition) DO NOTHING`,
      [
        tenantId,
        connectionId,
        connector,
        streams.map(({ sync }) => sync),
        streams.map(({ partition }) => partition),
        streams.map(({ isDue }) => isDue),
      ],
    );
  }

  /**
   * Connections that are enabled and lack a stream, or have one that has a schedule now and had none. It is
   * asked at the boot only: who enables a connection adds its streams.
   */
  lacking(
    known: readonly KnownSync[],
    most: number,
  ): Promise<{ id: string; tenantId: string; connector: string }[]> {
    return this.db.query(
      `SELECT DISTINCT c.id::text AS id, c.tenant_id AS "tenantId", c.connector FROM ${this.connection} c
       JOIN unnest($1::text[], $2::text[], $3::boolean[]) AS k (connector, sync, is_scheduled) ON k.connector = c.connector
       LEFT JOIN ${this.stream} s ON s.connection_id = c.id AND s.sync = k.sync AND s.partition = ''
       WHERE c.state = 'enabled' AND (s.id IS NULL OR (k.is_scheduled AND s.next_run_at IS NULL AND NOT s.is_paused))
       ORDER BY id LIMIT $4`,
      [
        known.map(({ connector }) => connector),
        known.map(({ sync }) => sync),
        known.map(({ isScheduled }) => isScheduled),
        most,
      ],
    );
  }

  /** Streams of these syncs that wait for nobody are due now. */
  async schedule(
    session: EngineSession,
    tenantId: string,
    connectionId: string,
    syncs: readonly string[],
  ): Promise<void> {
    await session.query(
      `UPDATE ${this.stream} SET next_run_at = now()
       WHERE tenant_id = $1 AND connection_id = $2 AND sync = ANY ($3::text[]) AND partition = '' AND next_run_at IS NULL AND NOT is_paused`,
      [tenantId, connectionId, syncs],
    );
  }

  /** What works on the streams of a connection at this moment saves nothing more. */
  async disown(session: EngineSession, tenantId: string, connectionId: string): Promise<void> {
    await session.query(
      `UPDATE ${this.stream} SET owner_token = NULL WHERE tenant_id = $1 AND connection_id = $2 AND owner_token IS NOT NULL`,
      [tenantId, connectionId],
    );
  }

  /** The streams that are due, the earliest first. `wanted` has the most that is taken of each connection. */
  due(wanted: ReadonlyMap<string, number>): Promise<DueStream[]> {
    return this.db.query<DueStream>(
      `SELECT s.id::text AS key, s.connection_id::text AS target, s.tenant_id AS "tenantId", s.connector, s.sync
       FROM unnest($1::uuid[], $2::int[]) AS w (target, most), LATERAL (
         SELECT * FROM ${this.stream} WHERE connection_id = w.target AND next_run_at <= now() ORDER BY next_run_at LIMIT w.most) AS s`,
      [[...wanted.keys()], [...wanted.values()]],
    );
  }

  /** When the next stream of each connection is due. Null if none is. */
  async nextDue(session: EngineSession, targets: readonly string[]): Promise<Map<string, Date | null>> {
    const rows = await session.query<{ target: string; dueAt: Date | null }>(
      `SELECT t.target::text AS target,
         (SELECT min(next_run_at) FROM ${this.stream} s WHERE s.connection_id = t.target AND s.next_run_at IS NOT NULL) AS "dueAt"
       FROM unnest($1::uuid[]) AS t (target)`,
      [targets],
    );
    return new Map(rows.map(({ target, dueAt }) => [target, dueAt]));
  }

  /** Writes how a stream stands, whose row the transaction holds. */
  async write(session: EngineSession, stream: Stream): Promise<void> {
    await session.query(
      `UPDATE ${this.stream} SET status = $3, is_paused = $4, run_id = $5, owner_token = $6, starts = $7, open_kind = $8, wanted_kind = $9,
         checkpoint = $10::text::jsonb, generation = $11, full_since = $12, is_complete = $13, is_first_empty = $14, is_confirmed = $15,
         failures = $16, stalled_runs = $17, next_run_at = $18, last_ok_at = $19
       WHERE tenant_id = $1 AND id = $2`,
      [
        stream.tenantId,
        stream.id,
        stream.status,
        stream.isPaused,
        stream.runId,
        stream.ownerToken,
        stream.starts,
        stream.openKind,
        stream.wantedKind,
        stream.checkpoint === null || stream.checkpoint === undefined
          ? null
          : JSON.stringify(stream.checkpoint),
        stream.generation,
        stream.fullSince,
        stream.isComplete,
        stream.isFirstEmpty,
        stream.isConfirmed,
        stream.failures,
        stream.stalledRuns,
        stream.nextRunAt,
        stream.lastOkAt,
      ],
    );
  }

  /** A stream is due again in a minute: this process does not know its sync, or could not save. */
  async putOff(tenantId: string, id: string): Promise<void> {
    await this.db.query(
      `UPDATE ${this.stream} SET next_run_at = now() + interval '1 minute' WHERE tenant_id = $1 AND id = $2 AND next_run_at IS NOT NULL`,
      [tenantId, id],
    );
  }

  /** Gives the claim of an attempt back that was cut off before it could save: it is no crash. */
  async giveBack(tenantId: string, id: string, ownerToken: string): Promise<void> {
    await this.db.query(
      `UPDATE ${this.stream} SET starts = greatest(0, starts - 1), owner_token = NULL WHERE tenant_id = $1 AND id = $2 AND owner_token = $3::uuid`,
      [tenantId, id, ownerToken],
    );
  }

  async addRun(session: EngineSession, stream: Stream, runId: string, kind: string, at: Date): Promise<void> {
    await session.query(
      `INSERT INTO ${this.run} (id, tenant_id, stream_id, kind, started_at) VALUES ($1, $2, $3, $4, $5)`,
      [runId, stream.tenantId, stream.id, kind, at],
    );
  }

  /** Adds what was done, and says how the run stands. */
  async countRun(
    session: EngineSession,
    { tenantId, runId }: { readonly tenantId: string; readonly runId: string },
    counts: RunCounts,
    status: SyncRunStatus = 'running',
    error: SyncRunError | null = null,
  ): Promise<SyncRun | undefined> {
    const [row] = await session.query<SyncRun>(
      `UPDATE ${this.run} AS r SET pages = pages + $3, records = records + $4, added = added + $5, updated = updated + $6, deleted = deleted + $7,
         unchanged = unchanged + $8, problems = problems + $9, status = $10::text, error = $11::text::jsonb,
         finished_at = CASE WHEN $10::text <> 'running' THEN clock_timestamp() END
       WHERE r.tenant_id = $1 AND r.id = $2 RETURNING ${RUN}`,
      [
        tenantId,
        runId,
        counts.pages,
        counts.records,
        counts.added,
        counts.updated,
        counts.deleted,
        counts.unchanged,
        counts.problems,
        status,
        error === null ? null : JSON.stringify(error),
      ],
    );
    return row;
  }

  /** The runs of a stream, the last one first. */
  runs(tenantId: string, streamId: string, after: string | undefined, limit: number): Promise<SyncRun[]> {
    return this.db.query<SyncRun>(
      `SELECT ${RUN} FROM ${this.run} r WHERE r.tenant_id = $1 AND r.stream_id = $2 AND ($3::uuid IS NULL OR r.id < $3) ORDER BY r.id DESC LIMIT $4`,
      [tenantId, streamId, after ?? null, limit],
    );
  }
}
