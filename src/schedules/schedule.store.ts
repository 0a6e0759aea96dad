import type { EngineDatabase } from '../database/engine-database.js';
import type { EngineSession } from '../database/sql/engine-session.js';
import type { Lease } from '../membership/leases/lease.js';
import { isAliveNow } from '../status/unserved.store.js';
import type { DueSchedule } from './decide.js';
import type { CheckedSchedule } from './definition.js';
import type { Schedule } from './schedule.js';

const ms = (column: string) => `floor(extract(epoch FROM ${column}) * 1000)::bigint`;
const NOW = ms('clock_timestamp()');

/** What an index knows: schedules that have a next time. */
const IS_WAITING = 's.paused_at IS NULL AND s.next_at IS NOT NULL';

const TIMING = `s.name, s.cron, s.every_ms AS "everyMs", s.time_zone AS "timeZone", ${ms('s.anchor_at')} AS "anchorAt",
  ${ms('s.starts_at')} AS "startsAt", ${ms('s.ends_at')} AS "endsAt", s.run_limit AS "limit", s.runs_left AS "left", s.missed, s.overlap,
  s.consumer AS "consumerName", s.payload, ${ms('s.next_at')} AS "nextAt", s.last_event_id::text AS "lastEventId"`;

const SHOWN = `s.name, CASE WHEN s.next_at IS NULL THEN 'ended' WHEN s.paused_at IS NOT NULL THEN 'paused' ELSE 'active' END AS status,
  s.cron, s.every_ms AS "everyMs", s.time_zone AS "timeZone", s.starts_at AS "startAt", s.ends_at AS "endAt", s.run_limit AS "limit",
  s.runs_left AS "left", s.missed, s.overlap, s.consumer AS "consumerName", s.payload, s.next_at AS "nextAt", s.last_at AS "lastAt",
  s.last_event_id::text AS "lastEventId", s.skipped, s.skipped_at AS "skippedAt", s.paused_at AS "pausedAt", s.place,
  s.changed_by AS "changedBy", s.changed_at AS "changedAt"`;

/** A row whose lock somebody holds. Times are milliseconds since 1970. */
export interface LockedSchedule extends Omit<CheckedSchedule, 'payload'>, Omit<DueSchedule, 'nextAt'> {
  readonly name: string;
  readonly payload: unknown;
  readonly nextAt: number | null;
  readonly lastEventId: string | null;
  readonly place: string | null;
  readonly pausedAt: number | null;
  readonly changedBy: string;
}

/** A schedule that is due, and whose lock the ticker holds. */
export interface TakenSchedule extends DueSchedule {
  readonly name: string;
  readonly consumerName: string;
  readonly payload: unknown;
  readonly lastEventId: string | null;
}

/** What a tick writes of a schedule. Times are ISO texts. */
export interface MovedSchedule {
  readonly name: string;
  readonly nextAt: string | null;
  readonly left: number | null;
  /** Null if nothing was published. */
  readonly lastAt: string | null;
  readonly lastEventId: string | null;
  readonly skipped: number;
}

/** A row as a change of its definition leaves it. */
export interface SavedSchedule extends CheckedSchedule {
  readonly name: string;
  readonly anchorAt: number;
  readonly nextAt: number | undefined;
  readonly left: number | null;
  readonly place: string | null;
  readonly changedBy: string;
}

/*
 * Why each time of a schedule is published once.
 *
 * A tick is one transaction. It takes the rows that are due by the database's clock, writes their events, and
 * moves `next_at` behind them. So a time is published and passed by, or neither, whenever the process dies.
 *
 * 1. Two ticks at once. Both lock the row before they read it. The second passes over what the first has
 *    locked, and finds `next_at` moved when it looks again.
 * 2. A ticker that stalls, and whose lease another process has taken. The fence is the first statement of its
 *    transaction: either the taking is committed, and the tick ends before it reads anything, or the taking
 *    waits for its commit. Without the fence, each time would still be published once. But a process that was
 *    told to stop, by its role or by a setting, or that is of an older version, would go on to decide.
 * 3. A change beside a tick: pause, upsert, trigger and remove lock the row as well. They come before the
 *    tick, which then sees what they have written, or after it.
 * 4. A commit whose answer is lost. The next tick reads what the table says.
 * 5. A `next_at` that was published already: a backup was restored, or somebody has written the row by hand.
 *    The deduplication key `<name>@<time>` finds the event of the log, and nothing is written.
 *
 * The rows that a tick locks are passed over where somebody else has them, so it waits for nobody, and cannot
 * be in a circle with changes of many rows.
 */

/** The table of schedules. */
export class ScheduleStore {
  private readonly table: string;

  constructor(private readonly db: Pick<EngineDatabase, 'query' | 'tables'>) {
    this.table = db.tables.integrationSchedule;
  }

  /**
   * In how many milliseconds the first schedule is due, by the database's clock: 0 or less if one is.
   * Undefined if none is waiting. It reads one entry of an index, however many schedules there are.
   */
  async nextIn(except: readonly string[]): Promise<number | undefined> {
    const [row] = await this.db.query<{ ms: number }>(
      `SELECT (extract(epoch FROM s.next_at - clock_timestamp()) * 1000)::float8 AS ms FROM ${this.table} s
       WHERE ${IS_WAITING} AND s.name <> ALL ($1::text[]) ORDER BY s.next_at LIMIT 1`,
      [except],
    );
    return row?.ms;
  }

  /** Makes the transaction one of the lease. False if another process has had it since. */
  async fence(session: EngineSession, lease: Lease): Promise<boolean> {
    const { sql, values } = lease.fenceSql(1);
    return (await session.query(`SELECT 1 AS held WHERE ${sql}`, values)).length > 0;
  }

  /**
   * Locks schedules that are due, those that were due first before others, and what nobody else holds. The
   * clock is that of the statement, because a condition with one that moves cannot end the scan of the index.
   */
  async takeDue(
    session: EngineSession,
    most: number,
    except: readonly string[],
  ): Promise<{ readonly now: number; readonly due: TakenSchedule[] }> {
    const rows = await session.query<TakenSchedule & { now: number }>(
      `SELECT ${TIMING}, ${ms('statement_timestamp()')} AS now FROM ${this.table} s
       WHERE ${IS_WAITING} AND s.next_at <= statement_timestamp() AND s.name <> ALL ($2::text[])
       ORDER BY s.next_at LIMIT $1 FOR UPDATE SKIP LOCKED`,
      [most, except],
    );
    return { now: Math.max(0, ...rows.map(({ now }) => now)), due: rows };
  }

  /** Writes what a tick has decided. Only the ticker calls it, which holds the locks. */
  async moveOn(session: EngineSession, moved: readonly MovedSchedule[]): Promise<void> {
    await session.query(
      `UPDATE ${this.table} s SET next_at = m."nextAt", runs_left = m."left", last_at = coalesce(m."lastAt", s.last_at),
         last_event_id = coalesce(m."lastEventId", s.last_event_id), skipped = s.skipped + m.skipped,
         skipped_at = CASE WHEN m.skipped > 0 THEN clock_timestamp() ELSE s.skipped_at END
       FROM jsonb_to_recordset($1::text::jsonb)
         AS m (name text, "nextAt" timestamptz, "left" integer, "lastAt" timestamptz, "lastEventId" uuid, skipped integer)
       WHERE s.name = m.name`,
      [JSON.stringify(moved)],
    );
  }

  async now(session: EngineSession): Promise<number> {
    const [row] = await session.query<{ now: number }>(`SELECT ${NOW} AS now`);
    return row?.now ?? 0;
  }

  /** Locks those of these schedules that exist, in the order of their names. */
  lock(session: EngineSession, names: readonly string[]): Promise<LockedSchedule[]> {
    return session.query<LockedSchedule>(
      `SELECT ${TIMING}, s.place, s.changed_by AS "changedBy", ${ms('s.paused_at')} AS "pausedAt" FROM ${this.table} s
       WHERE s.name = ANY ($1::text[]) ORDER BY s.name FOR UPDATE`,
      [names],
    );
  }

  /** Writes a definition. Whoever changes a schedule that exists holds its lock. */
  async save(session: EngineSession, rows: readonly SavedSchedule[]): Promise<void> {
    const given = rows.map(({ payload, ...row }) => ({
      ...row,
      payload: JSON.parse(payload) as unknown,
      anchorAt: iso(row.anchorAt),
      startsAt: iso(row.startsAt),
      endsAt: iso(row.endsAt),
      nextAt: iso(row.nextAt),
    }));
    await session.query(
      `INSERT INTO ${this.table} (name, cron, every_ms, time_zone, anchor_at, starts_at, ends_at, run_limit, runs_left, missed, overlap, consumer,
         payload, next_at, place, changed_by)
       SELECT r.name, r.cron, r."everyMs", r."timeZone", r."anchorAt", r."startsAt", r."endsAt", r."limit", r."left", r.missed, r.overlap,
         r."consumerName", coalesce(r.payload, 'null'::jsonb), r."nextAt", r.place, r."changedBy"
       FROM jsonb_to_recordset($1::text::jsonb) AS r (name text, cron text, "everyMs" bigint, "timeZone" text, "anchorAt" timestamptz,
         "startsAt" timestamptz, "endsAt" timestamptz, "limit" integer, "left" integer, missed text, overlap text, "consumerName" text, payload jsonb,
         "nextAt" timestamptz, place text, "changedBy" text)
       ORDER BY r.name
       ON CONFLICT (name) DO UPDATE SET cron = excluded.cron, every_ms = excluded.every_ms, time_zone = excluded.time_zone,
         anchor_at = excluded.anchor_at, starts_at = excluded.starts_at, ends_at = excluded.ends_at, run_limit = excluded.run_limit,
         runs_left = excluded.runs_left, missed = excluded.missed, overlap = excluded.overlap, consumer = excluded.consumer,
         payload = excluded.payload, next_at = excluded.next_at, place = excluded.place, changed_by = excluded.changed_by,
         changed_at = clock_timestamp()`,
      [JSON.stringify(given)],
    );
  }

  async remove(session: EngineSession, name: string): Promise<void> {
    await session.query(`DELETE FROM ${this.table} WHERE name = $1`, [name]);
  }

  /** The caller holds the lock. */
  async pause(session: EngineSession, name: string): Promise<void> {
    await session.query(`UPDATE ${this.table} SET paused_at = clock_timestamp() WHERE name = $1`, [name]);
  }

  /** The caller holds the lock. */
  async resume(session: EngineSession, name: string, nextAt: number | undefined): Promise<void> {
    await session.query(
      `UPDATE ${this.table} SET paused_at = NULL, next_at = $2::text::timestamptz WHERE name = $1`,
      [name, iso(nextAt)],
    );
  }

  /** The last event is now one that somebody has asked for. The caller holds the lock. */
  async triggered(session: EngineSession, name: string, eventId: string): Promise<void> {
    await session.query(`UPDATE ${this.table} SET last_event_id = $2::uuid WHERE name = $1`, [name, eventId]);
  }

  async find(name: string): Promise<Schedule | undefined> {
    const [row] = await this.db.query<Schedule>(`SELECT ${SHOWN} FROM ${this.table} s WHERE s.name = $1`, [
      name,
    ]);
    return row;
  }

  /** The timing of a schedule, to look ahead. */
  async timingOf(name: string): Promise<LockedSchedule | undefined> {
    const [row] = await this.db.query<LockedSchedule>(
      `SELECT ${TIMING}, s.place, s.changed_by AS "changedBy", ${ms('s.paused_at')} AS "pausedAt" FROM ${this.table} s
       WHERE s.name = $1`,
      [name],
    );
    return row;
  }

  /** Those that come behind `after`, by their names. */
  list(after: string | undefined, limit: number): Promise<Schedule[]> {
    return this.db.query<Schedule>(
      `SELECT ${SHOWN} FROM ${this.table} s WHERE $1::text IS NULL OR s.name > $1::text ORDER BY s.name LIMIT $2`,
      [after ?? null, limit],
    );
  }

  /** Schedules that have been due for so many seconds, those that were due first before others. */
  late(seconds: number, most: number): Promise<{ name: string; nextAt: Date }[]> {
    return this.db.query(
      `SELECT s.name, s.next_at AS "nextAt" FROM ${this.table} s
       WHERE ${IS_WAITING} AND s.next_at < now() - $1::int * interval '1 second' ORDER BY s.next_at LIMIT $2`,
      [seconds, most],
    );
  }

  async countLate(seconds: number): Promise<number> {
    const [row] = await this.db.query<{ count: number }>(
      `SELECT count(*) FROM ${this.table} s
       WHERE ${IS_WAITING} AND s.next_at < now() - $1::int * interval '1 second'`,
      [seconds],
    );
    return row?.count ?? 0;
  }

  /** Schedules that go on, and whose consumer no live process has, if any process is alive. */
  withoutConsumer(most: number): Promise<{ name: string; consumerName: string }[]> {
    const alive = `FROM ${this.db.tables.integrationProcess} p WHERE ${isAliveNow('p')}`;
    return this.db.query(
      `SELECT s.name, s.consumer AS "consumerName" FROM ${this.table} s
       WHERE ${IS_WAITING} AND EXISTS (SELECT ${alive}) AND s.consumer NOT IN (SELECT unnest(p.handles) ${alive})
       ORDER BY s.name LIMIT $1`,
      [most],
    );
  }
}

function iso(time: number | null | undefined): string | null {
  return time === null || time === undefined ? null : new Date(time).toISOString();
}
