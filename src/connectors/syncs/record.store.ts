import type { EngineDatabase } from '../../database/engine-database.js';
import type { EngineSession } from '../../database/sql/engine-session.js';
import type { Stream, SyncedRecord, SyncProblem } from './stream.js';

type Owner = Pick<Stream, 'id' | 'tenantId'>;

/** A record as it is stored, without its data. */
export interface StoredRecord {
  readonly externalId: string;
  /** Hexadecimal. */
  readonly hash: string;
  readonly generation: number;
  readonly sourceAt: Date | null;
  readonly toldAt: Date | null;
  readonly deletedAt: Date | null;
}

/** A record as it is to be stored. */
export interface NewRecord {
  readonly externalId: string;
  readonly hash: string;
  readonly sourceAt: Date | null;
  /** JSON. Null where records are not kept. */
  readonly data: string | null;
}

/** A record that is set aside. */
export interface NewProblem {
  readonly externalId: string;
  readonly path: string;
  readonly reason: string;
  /** JSON, as it came. Null where records are not kept. */
  readonly data: string | null;
}

/**
 * The records of streams. A page takes as many statements as one record does. Whoever writes holds the row of
 * the stream, so what was read in the same transaction is still so.
 */
export class RecordStore {
  private readonly record: string;
  private readonly problem: string;

  constructor(private readonly db: Pick<EngineDatabase, 'query' | 'tables'>) {
    this.record = db.tables.syncRecord;
    this.problem = db.tables.syncProblem;
  }

  async read(session: EngineSession, of: Owner, ids: readonly string[]): Promise<Map<string, StoredRecord>> {
    if (ids.length === 0) return new Map();
    const rows = await session.query<StoredRecord>(
      `SELECT external_id AS "externalId", encode(hash, 'hex') AS hash, generation, source_at AS "sourceAt", told_at AS "toldAt", deleted_at AS "deletedAt"
       FROM ${this.record} WHERE tenant_id = $1 AND stream_id = $2 AND external_id = ANY ($3::text[])`,
      [of.tenantId, of.id, ids],
    );
    return new Map(rows.map((row) => [row.externalId, row]));
  }

  /** Writes records that are new or changed. `toldAt` is the time at which somebody has told of them. */
  async write(
    session: EngineSession,
    of: Owner,
    rows: readonly NewRecord[],
    generation: number,
    toldAt: Date | null,
  ): Promise<void> {
    if (rows.length === 0) return;
    await session.query(
      `INSERT INTO ${this.record} AS r (stream_id, external_id, tenant_id, hash, generation, source_at, told_at, data)
       SELECT $1::uuid, n.id, $2, decode(n.hash, 'hex'), $3::int, n.source_at, $4::timestamptz, n.data::jsonb
       FROM unnest($5::text[], $6::text[], $7::timestamptz[], $8::text[]) AS n (id, hash, source_at, data)
       ON CONFLICT (stream_id, external_id) DO UPDATE SET hash = EXCLUDED.hash, generation = EXCLUDED.generation,
         source_at = EXCLUDED.source_at, told_at = coalesce(EXCLUDED.told_at, r.told_at), data = EXCLUDED.data, deleted_at = NULL,
         created_at = CASE WHEN r.deleted_at IS NULL THEN r.created_at ELSE clock_timestamp() END`,
      [
        of.id,
        of.tenantId,
        generation,
        toldAt,
        rows.map(({ externalId }) => externalId),
        rows.map(({ hash }) => hash),
        rows.map(({ sourceAt }) => sourceAt),
        rows.map(({ data }) => data),
      ],
    );
  }

  /** Records that are as they were. The time of the other system moves forward with them. */
  async see(
    session: EngineSession,
    of: Owner,
    rows: readonly { readonly externalId: string; readonly sourceAt: Date | null }[],
    generation: number,
    toldAt: Date | null,
  ): Promise<void> {
    if (rows.length === 0) return;
    await session.query(
      `UPDATE ${this.record} AS r SET generation = $3, told_at = coalesce($4::timestamptz, r.told_at), source_at = greatest(r.source_at, n.source_at)
       FROM unnest($5::text[], $6::timestamptz[]) AS n (id, source_at)
       WHERE r.tenant_id = $1 AND r.stream_id = $2 AND r.external_id = n.id`,
      [
        of.tenantId,
        of.id,
        generation,
        toldAt,
        rows.map(({ externalId }) => externalId),
        rows.map(({ sourceAt }) => sourceAt),
      ],
    );
  }

  /**
   * Marks records as deleted. Nothing of their data stays. If somebody has told of a deletion without a time,
   * the record loses the time of the other system. So a page that was fetched before does not bring it back.
   */
  async bury(
    session: EngineSession,
    of: Owner,
    ids: readonly string[],
    generation: number,
    told: { readonly at: Date; readonly sourceAt: Date | null } | null,
  ): Promise<void> {
    if (ids.length === 0) return;
    await session.query(
      `UPDATE ${this.record} AS r SET deleted_at = clock_timestamp(), data = NULL, generation = $4, told_at = coalesce($5::timestamptz, r.told_at),
         source_at = CASE WHEN $5::timestamptz IS NULL THEN r.source_at ELSE $6::timestamptz END
       WHERE r.tenant_id = $1 AND r.stream_id = $2 AND r.external_id = ANY ($3::text[]) AND r.deleted_at IS NULL`,
      [of.tenantId, of.id, ids, generation, told?.at ?? null, told?.sourceAt ?? null],
    );
  }

  /** A tombstone of a record that nobody knew, so that a page that was fetched before does not bring it. */
  async addTombstone(
    session: EngineSession,
    of: Owner,
    externalId: string,
    generation: number,
    told: { readonly at: Date; readonly sourceAt: Date | null },
  ): Promise<void> {
    await session.query(
      `INSERT INTO ${this.record} (stream_id, external_id, tenant_id, hash, generation, source_at, told_at, deleted_at)
       VALUES ($1, $2, $3, '\\x', $4, $5, $6, clock_timestamp())
       ON CONFLICT (stream_id, external_id) DO UPDATE SET told_at = EXCLUDED.told_at, source_at = EXCLUDED.source_at`,
      [of.id, externalId, of.tenantId, generation, told.sourceAt, told.at],
    );
  }

  /**
   * How many records the sweep of a generation would delete, and how many there were when it began. What
   * somebody has told of since then is not swept.
   */
  async countSwept(
    session: EngineSession,
    of: Owner,
    generation: number,
    since: Date,
  ): Promise<{ gone: number; had: number }> {
    const [row] = await session.query<{ gone: number; had: number }>(
      `SELECT count(*) FILTER (WHERE generation < $3 AND (told_at IS NULL OR told_at < $4)) AS gone, count(*) FILTER (WHERE created_at < $4) AS had
       FROM ${this.record} WHERE tenant_id = $1 AND stream_id = $2 AND deleted_at IS NULL`,
      [of.tenantId, of.id, generation, since],
    );
    return row ?? { gone: 0, had: 0 };
  }

  /** The next ids behind `after` that the generation has not seen. */
  async unseen(
    session: EngineSession,
    of: Owner,
    generation: number,
    since: Date,
    after: string,
    most: number,
  ): Promise<string[]> {
    const rows = await session.query<{ id: string }>(
      `SELECT external_id AS id FROM ${this.record}
       WHERE tenant_id = $1 AND stream_id = $2 AND external_id > $5 AND deleted_at IS NULL AND generation < $3 AND (told_at IS NULL OR told_at < $4)
       ORDER BY external_id LIMIT $6`,
      [of.tenantId, of.id, generation, since, after, most],
    );
    return rows.map(({ id }) => id);
  }

  /** Sets records aside. One that is there already as a record is not touched, and counts as seen. */
  async setAside(
    session: EngineSession,
    of: Owner,
    problems: readonly NewProblem[],
    generation: number,
  ): Promise<void> {
    if (problems.length === 0) return;
    const ids = problems.map(({ externalId }) => externalId);
    await session.query(
      `INSERT INTO ${this.problem} (stream_id, external_id, tenant_id, path, reason, data)
       SELECT $1::uuid, n.id, $2, n.path, n.reason, n.data::jsonb
       FROM unnest($3::text[], $4::text[], $5::text[], $6::text[]) AS n (id, path, reason, data)
       ON CONFLICT (stream_id, external_id) DO UPDATE SET path = EXCLUDED.path, reason = EXCLUDED.reason, data = EXCLUDED.data,
         seen_at = clock_timestamp()`,
      [
        of.id,
        of.tenantId,
        ids,
        problems.map(({ path }) => path),
        problems.map(({ reason }) => reason),
        problems.map(({ data }) => data),
      ],
    );
    await session.query(
      `UPDATE ${this.record} SET generation = $4 WHERE tenant_id = $1 AND stream_id = $2 AND external_id = ANY ($3::text[]) AND generation <> $4`,
      [of.tenantId, of.id, ids, generation],
    );
  }

  /** These fit now, or are gone. */
  async heal(session: EngineSession, of: Owner, ids: readonly string[]): Promise<void> {
    if (ids.length === 0) return;
    await session.query(
      `DELETE FROM ${this.problem} WHERE tenant_id = $1 AND stream_id = $2 AND external_id = ANY ($3::text[])`,
      [of.tenantId, of.id, ids],
    );
  }

  /** What was set aside as it came, behind an id. */
  kept(
    of: Owner,
    after: string,
    most: number,
  ): Promise<{ externalId: string; data: unknown; seenAt: Date }[]> {
    return this.db.query(
      `SELECT external_id AS "externalId", data, seen_at AS "seenAt" FROM ${this.problem}
       WHERE tenant_id = $1 AND stream_id = $2 AND external_id > $3 AND data IS NOT NULL ORDER BY external_id LIMIT $4`,
      [of.tenantId, of.id, after, most],
    );
  }

  /** The records behind an id. */
  page(of: Owner, after: string | undefined, limit: number): Promise<SyncedRecord[]> {
    return this.db.query<SyncedRecord>(
      `SELECT external_id AS "externalId", data, source_at AS "sourceAt", deleted_at AS "deletedAt" FROM ${this.record}
       WHERE tenant_id = $1 AND stream_id = $2 AND external_id > $3 ORDER BY external_id LIMIT $4`,
      [of.tenantId, of.id, after ?? '', limit],
    );
  }

  problems(of: Owner, after: string | undefined, limit: number): Promise<SyncProblem[]> {
    return this.db.query<SyncProblem>(
      `SELECT external_id AS "externalId", path, reason, seen_at AS "seenAt" FROM ${this.problem}
       WHERE tenant_id = $1 AND stream_id = $2 AND external_id > $3 ORDER BY external_id LIMIT $4`,
      [of.tenantId, of.id, after ?? '', limit],
    );
  }
}
