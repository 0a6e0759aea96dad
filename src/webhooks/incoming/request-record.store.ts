import type { EngineDatabase } from '../../database/engine-database.js';
import type { EngineSession } from '../../database/sql/engine-session.js';
import type { RefusedStep } from './refusal.js';
import { KEPT_REFUSALS, type WrittenTally } from './source-tally.js';

/** The last delivery that was taken, by both rows. */
const ACCEPTED = `greatest(kept.last_accepted_at, excluded.last_accepted_at, '-infinity')`;

/** At least how many were refused behind the last delivery that was taken, of those that one row knows. */
const inRow = (row: 'kept' | 'excluded') =>
  `CASE WHEN ${row}.refused_since > ${ACCEPTED} THEN ${row}.refused_in_row
     WHEN ${row}.last_refused_at > ${ACCEPTED} THEN 1 ELSE 0 END`;

/**
 * What became of requests. Several processes write at once, each a few seconds after the requests, in any
 * order. Why the times are right all the same:
 *
 * - A process says how long ago something was, and the database subtracts that from its own clock. So the
 *   clocks of processes need not agree.
 * - The last accepted and the last refused request are the latest that anybody wrote, in any order.
 * - `refused_since` is the first of the known refusals behind the last accepted one, so it is never before
 *   it, and it is null if nothing was refused behind it. Only four refusals are known: the first and the last
 *   of the row, and those of the process that writes. If another process has accepted a delivery between the
 *   first and the last refusal of the row, the first is void and the last takes its place. The time is then
 *   too late, by no more than that delivery waited to be written, and never too early. `refused_in_row` is
 *   too small then, and never too large.
 * - The row of the source is locked first, in the order of the sources. So two processes never wait for each
 *   other.
 * - Of the refusals of the table and of the process, the last ones stay. Two processes that write at the same
 *   moment do not see each other's, so there may be more until the next one writes. Readers ask for the last.
 */
export class RequestRecordStore {
  constructor(private readonly db: Pick<EngineDatabase, 'query' | 'tables'>) {}

  /** Adds tallies to what was written before. It is one statement, whatever came. */
  async write(tallies: readonly WrittenTally[]): Promise<void> {
    const { webhookCount, webhookRefusal, webhookSource } = this.db.tables;
    await this.db.query(
      `WITH told AS MATERIALIZED (
         SELECT t.source, t.counts, t.refusals, t."refusedInRow" AS refused_in_row,
           statement_timestamp() - t."acceptedMsAgo" * interval '1 ms' AS accepted_at,
           statement_timestamp() - t."refusedMsAgo" * interval '1 ms' AS refused_at,
           statement_timestamp() - t."refusedSinceMsAgo" * interval '1 ms' AS refused_since
         FROM jsonb_to_recordset($1::text::jsonb) AS t(source text, counts jsonb, refusals jsonb, "acceptedMsAgo" float8,
           "refusedMsAgo" float8, "refusedSinceMsAgo" float8, "refusedInRow" bigint)
       ), held AS (
         INSERT INTO ${webhookSource} AS kept (source, last_accepted_at, last_refused_at, refused_since, refused_in_row)
         SELECT source, accepted_at, refused_at, refused_since, refused_in_row FROM told ORDER BY source
         ON CONFLICT (source) DO UPDATE SET
           last_accepted_at = greatest(kept.last_accepted_at, excluded.last_accepted_at),
           last_refused_at = greatest(kept.last_refused_at, excluded.last_refused_at),
           refused_since = (SELECT min(at) FROM (VALUES (kept.refused_since), (kept.last_refused_at),
             (excluded.refused_since), (excluded.last_refused_at)) AS refused(at) WHERE at > ${ACCEPTED}),
           refused_in_row = ${inRow('kept')} + ${inRow('excluded')}
         RETURNING source
       ), refused AS MATERIALIZED (
         SELECT t.source, gen_random_uuid() AS id, statement_timestamp() - r."msAgo" * interval '1 ms' AS at,
           r.step, r."deliveryId" AS delivery_id, r."endpointId" AS endpoint_id, r.bytes
         FROM told t, jsonb_to_recordset(t.refusals) AS r("msAgo" float8, step text, "deliveryId" text, "endpointId" text, bytes int)
       ), placed AS MATERIALIZED (
         SELECT source, at, id, row_number() OVER (PARTITION BY source ORDER BY at DESC, id) AS place
         FROM (SELECT source, at, id FROM refused UNION ALL
           SELECT source, at, id FROM ${webhookRefusal} WHERE source IN (SELECT source FROM held)) AS each
       ), added AS (
         INSERT INTO ${webhookRefusal} (source, at, id, step, delivery_id, endpoint_id, bytes)
         SELECT source, at, id, step, delivery_id, endpoint_id, bytes FROM refused JOIN placed USING (source, at, id)
         WHERE place <= $2
       ), gone AS (
         DELETE FROM ${webhookRefusal} AS r USING placed p
         WHERE r.source = p.source AND r.at = p.at AND r.id = p.id AND p.place > $2
       )
       INSERT INTO ${webhookCount} AS kept (source, day, outcome, count)
       SELECT t.source, (statement_timestamp() AT TIME ZONE 'UTC')::date, c.key, c.value::bigint
       FROM told t JOIN held USING (source), jsonb_each_text(t.counts) AS c ORDER BY 1, 3
       ON CONFLICT (source, day, outcome) DO UPDATE SET count = kept.count + excluded.count`,
      [JSON.stringify(tallies), KEPT_REFUSALS],
    );
  }

  /** The number of requests of each source by their outcome, within this number of days. Today is one. */
  counts(days: number): Promise<SourceCount[]> {
    return this.db.query<SourceCount>(
      `SELECT source, outcome, sum(count)::float8 AS count FROM ${this.db.tables.webhookCount}
       WHERE day > (clock_timestamp() AT TIME ZONE 'UTC')::date - $1::int
       GROUP BY source, outcome ORDER BY source, outcome`,
      [days],
    );
  }

  /** When each source accepted and refused something. */
  times(): Promise<SourceTimes[]> {
    return this.db.query<SourceTimes>(
      `SELECT source, last_accepted_at AS "lastAcceptedAt", last_refused_at AS "lastRefusedAt",
         refused_since AS "refusedSince", refused_in_row::float8 AS "refusedInRow",
         extract(epoch FROM clock_timestamp() - refused_since)::float8 AS "refusedForSeconds"
       FROM ${this.db.tables.webhookSource} ORDER BY source`,
    );
  }

  /** The last refused requests, the latest first. Without a source, those of all. */
  refusals(source: string | undefined, limit: number): Promise<Refusal[]> {
    return this.db.query<Refusal>(
      `SELECT id, nullif(source, '') AS source, at, step, delivery_id AS "deliveryId", endpoint_id AS "endpointId", bytes
       FROM (SELECT *, row_number() OVER (PARTITION BY source ORDER BY at DESC, id) AS place
         FROM ${this.db.tables.webhookRefusal} WHERE $1::text IS NULL OR source = $1) AS each
       WHERE place <= $3 ORDER BY at DESC, id LIMIT $2`,
      [source ?? null, limit, KEPT_REFUSALS],
    );
  }

  /**
   * Sources that have refused everything for at least `seconds`, and at least `requests` in this time, of
   * which the last is not older than `days`. Requests to names that are not a source are never accepted, so
   * they are left out.
   */
  refusing(seconds: number, requests: number, days: number): Promise<RefusingSource[]> {
    const { webhookRefusal, webhookSource } = this.db.tables;
    return this.db.query<RefusingSource>(
      `SELECT s.source, s.refused_since AS since, s.refused_in_row::float8 AS count, s.last_accepted_at AS "lastAcceptedAt",
         (SELECT r.step FROM ${webhookRefusal} r WHERE r.source = s.source AND r.at >= s.refused_since
          GROUP BY r.step ORDER BY count(*) DESC, r.step LIMIT 1) AS step
       FROM ${webhookSource} s
       WHERE s.source <> '' AND s.refused_since <= clock_timestamp() - $1::int * interval '1 second'
         AND s.refused_in_row >= $2 AND s.last_refused_at > clock_timestamp() - $3::int * interval '1 day'
       ORDER BY s.source`,
      [seconds, requests, days],
    );
  }
}

/**
 * Deletes counts and times that are older than `countDays`, and refused requests that are older than
 * `refusalDays`. It locks the sources first, as a process does that writes.
 */
export async function deleteOutdatedRecords(
  session: EngineSession,
  { webhookCount, webhookRefusal, webhookSource }: EngineDatabase['tables'],
  { countDays, refusalDays }: { readonly countDays: number; readonly refusalDays: number },
): Promise<void> {
  await session.query(
    `WITH held AS MATERIALIZED (
       SELECT source, greatest(last_accepted_at, last_refused_at) < clock_timestamp() - $1::int * interval '1 day' AS outdated
       FROM ${webhookSource} ORDER BY source FOR UPDATE
     ), refusals AS (
       DELETE FROM ${webhookRefusal} WHERE source IN (SELECT source FROM held)
         AND at < clock_timestamp() - $2::int * interval '1 day'
     ), sources AS (
       DELETE FROM ${webhookSource} WHERE source IN (SELECT source FROM held WHERE outdated)
     )
     DELETE FROM ${webhookCount} WHERE day < (clock_timestamp() AT TIME ZONE 'UTC')::date - $1::int`,
    [countDays, refusalDays],
  );
}

export interface SourceCount {
  /** Empty for requests to names that are not a source. */
  readonly source: string;
  readonly outcome: string;
  readonly count: number;
}

export interface SourceTimes {
  readonly source: string;
  readonly lastAcceptedAt: Date | null;
  readonly lastRefusedAt: Date | null;
  readonly refusedSince: Date | null;
  readonly refusedInRow: number;
  readonly refusedForSeconds: number | null;
}

/** A refused request. What a stranger chose in it is never shown but as text. */
export interface Refusal {
  readonly id: string;
  /** Null for a name that is not a source. */
  readonly source: string | null;
  readonly at: Date;
  readonly step: RefusedStep;
  readonly deliveryId: string | null;
  readonly endpointId: string | null;
  readonly bytes: number | null;
}

export interface RefusingSource {
  readonly source: string;
  readonly since: Date;
  readonly count: number;
  readonly lastAcceptedAt: Date | null;
  /** The step at which most of them were refused. Null if none of them is known any more. */
  readonly step: RefusedStep | null;
}
