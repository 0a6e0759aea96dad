import type { EngineDatabase } from '../database/engine-database.js';
import type { EngineSession } from '../database/sql/engine-session.js';
import { tablesOf } from '../database/sql/tables.js';
import { splitNames } from '../log/event-names.js';
import { positionAtTime } from '../log/position-at-time.store.js';
import { removalKey } from '../settings/removal-note.store.js';

/** A stored consumer. Its partitions are taken together. */
export interface StoredConsumer {
  readonly consumerName: string;
  readonly eventNames: readonly string[];
  readonly partitions: number;
  /** True when names were added while an owner that knows only the old names may still be reading. */
  readonly isSuperseded: boolean;
}

export interface NewCursor {
  readonly consumerName: string;
  readonly eventNames: readonly string[];
  readonly partitions: number;
  /** An int8multirange as text. */
  readonly unread: string;
}

/**
 * The statements that create consumers and give them more event names. They run inside one transaction that
 * holds the registration lock. So two processes that start together see each other's work complete.
 */
export class CursorRegistrationStore {
  private readonly sql: ReturnType<typeof statements>;

  constructor(private readonly db: EngineDatabase) {
    this.sql = statements(db.schema);
  }

  /**
   * Runs `register` alone: no other registration of this schema runs at the same time. It waits longer for
   * locks than the engine's other sessions.
   */
  exclusively<R>(register: (session: EngineSession) => Promise<R>): Promise<R> {
    return this.db.transaction(
      async (session) => {
        await session.query(`SET LOCAL lock_timeout = '12s'`);
        await session.query(`SELECT pg_advisory_xact_lock(hashtextextended($1, 0))`, [
          `nestjs-integration registration ${this.db.schema}`,
        ]);
        return register(session);
      },
      { isLong: true },
    );
  }

  async stored(session: EngineSession, consumerNames: readonly string[]): Promise<StoredConsumer[]> {
    return session.query<StoredConsumer>(this.sql.stored, [consumerNames]);
  }

  /**
   * Returns the stored consumers for which no live process has handlers. It leaves out the consumers in
   * `declared`, because the caller has handlers for them. A process beats several times a minute.
   */
  async withoutProcess(
    declared: readonly string[],
  ): Promise<Pick<StoredConsumer, 'consumerName' | 'eventNames'>[]> {
    return this.db.query(this.sql.withoutProcess, [declared]);
  }

  /** The position after the last one that was handed out. */
  async nextPosition(session: Pick<EngineSession, 'query'>): Promise<number> {
    const [row] = await session.query<{ next: number }>(this.sql.next);
    return row?.next ?? 1;
  }

  /** The time one hour ago, by the clock of the database. */
  async anHourAgo(session: EngineSession): Promise<Date> {
    const [row] = await session.query<{ time: Date }>(`SELECT clock_timestamp() - interval '1 hour' AS time`);
    return row?.time ?? new Date(0);
  }

  /**
   * The position after the last event that was written before `time`, or 1 if there is none. It is found by
   * halving, because a scan back over the last hour could read millions of rows. Halving works because rows
   * are written almost in the order of their positions.
   */
  async positionAt(session: EngineSession, time: Date): Promise<number> {
    const [row] = await session.query<{ position: number }>(this.sql.positionAt, [time]);
    return row?.position ?? 1;
  }

  /**
   * The start of the oldest transaction that may have positions and has not committed. Undefined when there
   * is none. The result is one hour ago where the start cannot be seen: for the session of another role, and
   * for a prepared transaction.
   */
  async oldestWriter(session: EngineSession): Promise<Date | undefined> {
    const [row] = await session.query<{ began: Date | null }>(this.sql.oldestWriter);
    return row?.began ?? undefined;
  }

  /**
   * Everything from `from` on, without the positions below `next` whose events are committed. Those events
   * are old.
   */
  async uncommittedFrom(session: EngineSession, from: number, next: number): Promise<string> {
    const [row] = await session.query<{ unread: string }>(this.sql.uncommittedFrom, [from, next]);
    return row?.unread ?? `{[${next},)}`;
  }

  /** Inserts one row for each partition. */
  async insertCursors(session: EngineSession, cursor: NewCursor): Promise<{ startsAt: number }> {
    const [row] = await session.query<{ starts_at: number }>(this.sql.insert, [
      cursor.consumerName,
      cursor.partitions,
      cursor.eventNames,
      cursor.unread,
    ]);
    return { startsAt: row?.starts_at ?? 1 };
  }

  /** Returns which of these consumers an admin has removed within the last `ms` milliseconds. */
  async removedSince(ms: number, consumerNames: readonly string[]): Promise<string[]> {
    const rows = await this.db.query<{ name: string }>(this.sql.removed, [consumerNames, ms]);
    return rows.map(({ name }) => name);
  }

  /** Locks every row of these consumers in the same order as renewals do. */
  async lockCursors(session: EngineSession, consumerNames: readonly string[]): Promise<void> {
    await session.query(this.sql.lock, [consumerNames]);
  }

  /**
   * Counts the retained events of these names below `position`. Undefined when counting fails or takes longer
   * than `timeoutMs`. It uses a transaction of its own, because it may read the whole log.
   */
  async countEventsBelow(
    position: number,
    eventNames: readonly string[],
    timeoutMs: number,
  ): Promise<number | undefined> {
    const { exact, prefixes } = splitNames(eventNames);
    try {
      return await this.db.transaction(async (session) => {
        await session.query(`SET LOCAL statement_timeout = ${Math.max(1, Math.ceil(timeoutMs))}`);
        const [row] = await session.query<{ count: number }>(this.sql.countBelow, [
          position,
          exact,
          prefixes,
        ]);
        return row?.count ?? 0;
      });
    } catch {
      return undefined;
    }
  }
}

/**
 * SQL condition: the owner holds the lease, knows fewer names than are stored, and has not yet said that it
 * reads no more.
 */
export const IS_SUPERSEDED = `coalesce(superseded_token = lease_token AND lease_expires_at > clock_timestamp(), false)`;

function statements(schema: string) {
  const tables = tablesOf(schema);
  const log = tables.outboxEvent;
  const cursors = tables.inboxCursor;
  const sequence = `pg_get_serial_sequence('${log}', 'position')`;
  // A role may publish and read without any right on the sequence of an identity column. The result is null
  // then.
  const next = `CASE WHEN has_sequence_privilege(${sequence}, 'USAGE, SELECT') THEN coalesce(pg_sequence_last_value(${sequence}::regclass), 0) + 1 END`;
  return {
    // Events above the highest visible one belong to the tail in any case. So the highest visible position is
    // good enough where the role has no right on the sequence.
    next: `SELECT greatest(${next}, (SELECT max(position) FROM ${log}) + 1, 1) AS next`,
    removed: `
      SELECT DISTINCT name FROM unnest($1::text[]) name
      JOIN ${tables.integrationSettingChange} c ON c.key = ${removalKey('name')}
      WHERE c.changed_at > clock_timestamp() - $2::float8 * interval '1 millisecond'`,
    lock: `SELECT 1 FROM ${cursors} WHERE consumer_name = ANY($1) ORDER BY consumer_name, partition FOR UPDATE`,
    stored: `
      SELECT consumer_name AS "consumerName", max(partitions) AS partitions,
             (SELECT array_agg(DISTINCT name) FROM ${cursors} o, unnest(o.event_names) name WHERE o.consumer_name = c.consumer_name) AS "eventNames",
             bool_or(${IS_SUPERSEDED}) AS "isSuperseded"
      FROM ${cursors} c
      WHERE consumer_name = ANY($1)
      GROUP BY consumer_name`,
    withoutProcess: `
      SELECT DISTINCT ON (consumer_name) consumer_name AS "consumerName", event_names AS "eventNames"
      FROM ${cursors} c
      WHERE consumer_name <> ALL ($1::text[]) AND coalesce(lease_expires_at < clock_timestamp(), true)
        AND NOT EXISTS (SELECT FROM ${tables.integrationProcess} p
          WHERE p.role <> 'publisher' AND p.seen_at > clock_timestamp() - interval '2 minutes'
            AND c.consumer_name = ANY (p.consumers || p.handles))
      ORDER BY consumer_name, partition`,
    // Halves [low, high) until the first event at or after `low` is the first one that is not older than $1.
    positionAt: positionAtTime(log, `SELECT 1::bigint, coalesce(max(position), 0) + 1 FROM ${log}`),
    // A writer takes RowExclusiveLock before it draws a position, and keeps it until it has ended (see the
    // sweep in `cursor-reader.ts`).
    oldestWriter: `
      SELECT CASE WHEN bool_and(a.xact_start IS NOT NULL) THEN min(a.xact_start)
                  WHEN count(*) > 0 THEN clock_timestamp() - interval '1 hour' END AS began
      FROM pg_locks l
      LEFT JOIN pg_stat_activity a ON a.pid = l.pid
      WHERE l.locktype = 'relation' AND l.relation = '${log}'::regclass AND l.mode = 'RowExclusiveLock' AND l.granted
        AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
    uncommittedFrom: `
      SELECT (int8multirange(int8range($1, NULL)) - coalesce(range_agg(int8range(position, position + 1)), '{}'))::text AS unread
      FROM ${log}
      WHERE position >= $1 AND position < $2`,
    // Both times are one. So it is known of a cursor that nobody has served it yet (`unserved.store.ts`).
    insert: `
      INSERT INTO ${cursors} (consumer_name, partition, partitions, event_names, unread, starts_at, registered_at, served_at)
      SELECT $1, partition, $2, $3, $4::int8multirange, lower($4::int8multirange), statement_timestamp(), statement_timestamp()
      FROM generate_series(0, $2::int - 1) AS partition
      RETURNING starts_at`,
    countBelow: `
      SELECT count(*) AS count
      FROM ${log}
      WHERE position < $1 AND (event_name = ANY($2::text[]) OR event_name ^@ ANY($3::text[]))`,
  };
}
