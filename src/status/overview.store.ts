import type { EngineDatabase } from '../database/engine-database.js';
import { finiteTime } from '../database/sql/epoch-text.store.js';
import { UnusableConnection } from '../database/wire/unusable-connection.js';
import type { CurrentRates } from '../rates/consumer-rates.js';
import { currentRatesSql } from '../rates/consumer-rates.store.js';
import { COUNTED_TO } from '../rates/counted.js';
import {
  type LongRunning,
  type LongRunningRow,
  longRunningOf,
  longRunningSql,
} from './long-running.store.js';
import { unreadLooks } from './unread-look.store.js';
import { unservedSince } from './unserved.store.js';

/** So many consumers with the most to read are named. */
const MOST_SHOWN = 12;

/** How all consumers together do. Counts and seconds are numbers. */
export interface ConsumersOverview {
  readonly consumers: number;
  readonly partitions: number;
  /** Partitions of consumers that are paused. */
  readonly paused: number;
  readonly unavailable: number;
  /** Partitions that are not paused and that no process works on. */
  readonly unowned: number;
  readonly orphaned: number;
  readonly unserved: number;
  readonly repartitioning: number;
  /** Positions of the log that consumers have not settled, with any event name, paused ones included. */
  readonly pendingPositions: number;
  /** Those of them that are of paused consumers. */
  readonly pausedPositions: number;
  /**
   * The events that consumers ask for and have not settled, paused ones included. First attempts that run
   * are among them. Where they were not counted, the positions stand for them.
   */
  readonly toRead: number;
  /** Whether it may be fewer: a partition has more than 2,000 positions, and its events were not counted. */
  readonly toReadAtMost: boolean;
  /** Those of `toRead` that are of paused consumers. */
  readonly pausedToRead: number;
  /** The twelve consumers of all that have the most to read, the most first. */
  readonly mostToRead: readonly ConsumerToRead[];
  /**
   * The largest lag in the log of a consumer that is not paused. Null if no event waits there. What has left
   * the log and is tried again does not count here: `ConsumerBacklogService.of` has that of one consumer.
   */
  readonly lagSeconds: number | null;
  /**
   * The age in seconds of the oldest event that a consumer asks for and has not done with, in the log or on
   * its way to another attempt, paused consumers included. It is that of the latest sample, as rates have it.
   * If nobody writes samples, it is that of the log alone. Null if there is none.
   */
  readonly oldestSeconds: number | null;
  /** Number of dead letters of all consumers together. The first 10,000 are counted. */
  readonly deadLetters: number;
  /** Whether there are more dead letters than were counted. */
  readonly deadLettersAtLeast: boolean;
  /** Positions of the log that were written in a second of the last minute. Null if nobody writes samples. */
  readonly publishedPerSecond: number | null;
  /** Positions that the consumers have settled in a second of it, all of them together. */
  readonly settledPerSecond: number | null;
  /** The five consumers with the longest attempts, of those that have run for more than a minute. */
  readonly longRunning: readonly LongRunning[];
}

/** What one consumer has to read, as `ConsumersOverview` has it for all. */
export interface ConsumerToRead {
  readonly consumerName: string;
  readonly toRead: number;
  readonly toReadAtMost: boolean;
  /** The age in seconds of the oldest of these events. Null if it is not known. */
  readonly oldestSeconds: number | null;
}

type OverviewRow = Omit<ConsumersOverview, 'publishedPerSecond' | 'settledPerSecond' | 'longRunning'> & {
  readonly rates: CurrentRates;
  readonly longRunning: readonly LongRunningRow[];
};

/**
 * Looks at all consumers together. It is asked every two seconds as long as somebody watches. So it counts
 * events only where a partition has few positions, and of the dead letters only the first ones of all.
 */
export class OverviewStore {
  private readonly overviewSql: string;

  constructor(private readonly db: EngineDatabase) {
    const { schema, tables } = db;
    const looks = unreadLooks(schema);
    const isOwned = 'c.lease_owner IS NOT NULL AND c.lease_expires_at > clock_timestamp()';
    this.overviewSql = `
      WITH ${looks.head}, each_partition AS (
        SELECT c.consumer_name, c.paused_at IS NOT NULL AS is_paused, c.repartition_to IS NOT NULL AS is_repartitioning,
          coalesce(${isOwned}, false) AS is_owned, c.served_at < clock_timestamp() - $1::float8 * interval '1 day' AS is_old,
          coalesce(${isOwned} AND p.unavailable ? (c.consumer_name || '/' || c.partition), false) AS is_unavailable,
          ${unservedSince(schema, 'c')} IS NOT NULL AS is_unserved, backlog.positions,
          first_unread.is_asked, wanted.events, coalesce(wanted.events, backlog.positions) AS to_read,
          CASE WHEN e.created_at IS NOT NULL
            THEN greatest(0, extract(epoch FROM clock_timestamp() - ${finiteTime('e.created_at')}))::float8 END AS lag
        FROM ${tables.inboxCursor} c
        CROSS JOIN head
        CROSS JOIN ${looks.asked}
        CROSS JOIN ${looks.positions}
        CROSS JOIN ${looks.oldest}
        CROSS JOIN ${looks.wanted}
        LEFT JOIN ${tables.outboxEvent} e ON e.position = first_unread.position
        LEFT JOIN ${tables.integrationProcess} p ON p.id = c.lease_owner
      ), most AS (
        SELECT consumer_name AS "consumerName", sum(to_read)::bigint AS "toRead", bool_or(events IS NULL) AS "toReadAtMost",
          max(lag) FILTER (WHERE is_asked) AS "oldestSeconds"
        FROM each_partition GROUP BY consumer_name HAVING sum(to_read) > 0 ORDER BY sum(to_read) DESC, consumer_name LIMIT ${MOST_SHOWN}
      ), dead AS (
        SELECT count(*) AS letters FROM (
          SELECT 1 FROM (SELECT DISTINCT consumer_name AS name FROM ${tables.inboxCursor}) AS consumer
          CROSS JOIN LATERAL (
            SELECT 1 FROM ${tables.inboxEvent} WHERE consumer_name = consumer.name AND status = 'dead_letter' LIMIT ${COUNTED_TO + 1}
          ) AS first LIMIT ${COUNTED_TO + 1}
        ) AS counted
      )
      SELECT count(DISTINCT consumer_name) AS consumers, count(consumer_name) AS partitions, count(*) FILTER (WHERE is_paused) AS paused,
        count(*) FILTER (WHERE is_unavailable) AS unavailable, count(*) FILTER (WHERE NOT is_owned AND NOT is_paused) AS unowned,
        count(*) FILTER (WHERE NOT is_owned AND is_old) AS orphaned, count(*) FILTER (WHERE is_unserved) AS unserved,
        count(*) FILTER (WHERE is_repartitioning) AS repartitioning, coalesce(sum(positions), 0)::bigint AS "pendingPositions",
        coalesce(sum(positions) FILTER (WHERE is_paused), 0)::bigint AS "pausedPositions",
        coalesce(sum(to_read), 0)::bigint AS "toRead", coalesce(bool_or(positions > 0 AND events IS NULL), false) AS "toReadAtMost",
        coalesce(sum(to_read) FILTER (WHERE is_paused), 0)::bigint AS "pausedToRead",
        (SELECT coalesce(jsonb_agg(to_jsonb(most)), '[]') FROM most) AS "mostToRead",
        max(lag) FILTER (WHERE NOT is_paused) AS "lagSeconds",
        coalesce((SELECT max(lag_s)::float8 FROM ${tables.integrationSample} WHERE at = (
          SELECT at FROM ${tables.integrationSample}
          WHERE at > (SELECT clock_timestamp() - $2::float8 * interval '1 millisecond') AND at <= (SELECT clock_timestamp())
          ORDER BY at DESC LIMIT 1)), max(lag) FILTER (WHERE is_asked)) AS "oldestSeconds", least(max(letters), ${COUNTED_TO}) AS "deadLetters",
        coalesce(max(letters) > ${COUNTED_TO}, false) AS "deadLettersAtLeast",
        ${currentRatesSql(tables, "$2::float8 * interval '1 millisecond'")} AS rates,
        ${longRunningSql(tables)} AS "longRunning"
      FROM dead LEFT JOIN each_partition ON true`;
  }

  /**
   * @param orphanAfterDays after how many days without a process a consumer is orphaned
   * @param gapMs the longest time between two samples that follow each other
   */
  async overview(orphanAfterDays: number, gapMs: number): Promise<ConsumersOverview> {
    const [row] = await this.db.query<OverviewRow>(this.overviewSql, [orphanAfterDays, gapMs]);
    if (row === undefined)
      throw new UnusableConnection('connection error: the overview brought nothing back');
    const { rates, longRunning, ...overview } = row;
    const isEmpty = overview.consumers === 0;
    const settled = Object.values(rates.settledPerSecond).filter((rate) => rate !== null);
    return {
      ...overview,
      longRunning: longRunning.map(longRunningOf),
      publishedPerSecond: isEmpty ? null : rates.publishedPerSecond,
      settledPerSecond: isEmpty || settled.length === 0 ? null : settled.reduce((sum, rate) => sum + rate, 0),
    };
  }
}
