import type { EngineDatabase } from '../database/engine-database.js';
import type { EngineSession } from '../database/sql/engine-session.js';
import { planInOrderOfIndex } from '../database/sql/plan-in-order-of-index.store.js';
import { CAUSE_LENGTH } from '../inbox/failed-attempt.js';
import { COUNTED_TO } from '../rates/counted.js';
import { countedOfEachSql, estimatedRows, TIMES } from '../status/estimated-rows.store.js';

/** What failures at all consumers have in common, wherever they were thrown: the class and the message. */
export interface Cause {
  /** What their kinds begin with. Null stands for dead letters without a kind. */
  readonly cause: string | null;
  readonly size: number;
  /** How many causes there are, at most one more than `CAUSES`. */
  readonly causes: number;
}

/** What is known of one cause. */
export interface CauseDetails {
  readonly error: string | null;
  /** The kind of all of them. Null if they have several, or none. */
  readonly kind: string | null;
  /** The begin of the time that has no hour without such a dead letter. */
  readonly since: Date;
  /** Rows that were counted: one more than `COUNTED_TO` if there are more. */
  readonly counted: number;
  readonly size: number;
  /** How many came in each of the last 60 minutes, the oldest first. */
  readonly minutes: number[];
  readonly consumers: number;
  readonly first: string[];
}

/** Rows of the index are read in turn up to this number. If there are more, causes are found by steps. */
const ROWS = 150_000;
const CAUSES = 20_000;
const CONSUMERS = 10_000;
const NAMED = 5;
/** How many hours are looked back for the beginning of a cause, each with a probe. */
const HOURS = 500;
/** Dead letters of a minute are counted up to this number. How far they reach tells how many there are. */
const OF_MINUTE = 1_000;

/** As the index has it. */
const CAUSE = `left(i.error_fingerprint, ${CAUSE_LENGTH})`;
/**
 * SQL condition: the row has a kind of this cause. The indexes of consumers have kinds, and no causes. Those
 * of a cause lie between the cause and the cause with a letter behind that no kind has.
 */
const isOf = (cause: string) =>
  `i.error_fingerprint >= ${cause} AND i.error_fingerprint <= ${cause} || 'g' AND ${CAUSE} = ${cause}`;

/**
 * Dead letters by cause, over all consumers. `inbox_event_dead_letter_cause_idx` has the times of each cause,
 * so what came when is read from it, and the rest with probes for each consumer. Every statement reads a
 * bounded part, however many dead letters there are.
 */
export class CauseStore {
  private readonly dead: string;

  /** @param inTurn how many rows of the index are read in turn before causes are found by steps */
  constructor(
    private readonly db: EngineDatabase,
    private readonly inTurn = ROWS,
  ) {
    this.dead = `FROM ${db.tables.inboxEvent} i WHERE i.status = 'dead_letter'`;
  }

  /**
   * The causes that go on first, then the largest. With `consumerName`, only those that this consumer has. Of
   * each the details are looked up in the same transaction.
   */
  async list(
    limit: number,
    consumerName: string | undefined,
  ): Promise<(Cause & { readonly details: CauseDetails })[]> {
    return this.db.read(async (session) => {
      await planInOrderOfIndex(session);
      const causes = await this.causes(session, limit, consumerName);
      if (causes.length === 0) return [];
      const names = await this.consumers(session);
      const all = [];
      for (const cause of causes) {
        const details = await this.details(session, cause.cause, names);
        if (details !== undefined) all.push({ ...cause, details });
      }
      return all;
    });
  }

  private async causes(
    session: EngineSession,
    limit: number,
    consumer: string | undefined,
  ): Promise<Cause[]> {
    const values = [limit, consumer ?? null];
    const scanned = await session.query<Cause & { total: number }>(this.scanSql(), values);
    // Without a cause there is one row, which only says how many rows were read.
    if ((scanned[0]?.total ?? 0) <= this.inTurn) return scanned.filter(({ causes }) => causes !== null);
    return session.query<Cause>(this.stepsSql(), values);
  }

  /** Whether the consumer $2 has the cause. */
  private ofConsumer(cause: string): string {
    const probe = (condition: string) =>
      `EXISTS (SELECT ${this.dead} AND i.consumer_name = $2 AND ${condition})`;
    return `($2::text IS NULL OR CASE WHEN ${cause} IS NULL THEN ${probe('i.error_fingerprint IS NULL')} ELSE ${probe(isOf(cause))} END)`;
  }

  private scanSql(): string {
    return `
      WITH causes AS MATERIALIZED (
        SELECT cause, count(*) AS size, max(at) AS newest FROM (
          SELECT ${CAUSE} AS cause, i.updated_at AS at ${this.dead} ORDER BY ${CAUSE}, i.updated_at LIMIT ${this.inTurn + 1}
        ) AS r GROUP BY cause
      )
      SELECT chosen.cause, chosen.size, chosen.causes, scanned.total
      FROM (SELECT coalesce(sum(size), 0)::bigint AS total FROM causes) AS scanned
      LEFT JOIN (SELECT *, count(*) OVER () AS causes FROM causes WHERE ${this.ofConsumer('cause')}) AS chosen ON true
      ${this.order('chosen.newest', 'chosen.size')}`;
  }

  /** Goes from one cause to the next. Causes are counted as far as there are few of them. */
  private stepsSql(): string {
    const next = (condition: string) =>
      `(SELECT ${CAUSE} ${this.dead} AND ${CAUSE} ${condition} ORDER BY ${CAUSE} LIMIT 1)`;
    const ofCause = (columns: string, rest: string) => `(
      (SELECT ${columns} ${this.dead} AND ${CAUSE} = k.cause ${rest})
      UNION ALL (SELECT ${columns} ${this.dead} AND k.cause IS NULL AND ${CAUSE} IS NULL ${rest}))`;
    const order = `ORDER BY ${CAUSE}, i.updated_at`;
    const estimate = estimatedRows(TIMES, 'reach.low', 'reach.high', (condition, most) =>
      ofCause('i.updated_at AS x', `AND ${condition('i.updated_at')} ${order} ${most}`),
    );
    const last = `(SELECT at FROM ${ofCause('i.updated_at AS at', `ORDER BY ${CAUSE} DESC, i.updated_at DESC LIMIT 1`)} AS r)`;
    const first = `(SELECT at FROM ${ofCause('i.updated_at AS at', `${order} LIMIT 1`)} AS r)`;
    return `
      WITH RECURSIVE each (n, cause) AS (
        SELECT 1, ${next('IS NOT NULL')}
        UNION ALL
        SELECT n + 1, next FROM (SELECT n, ${next('> each.cause')} AS next FROM each WHERE cause IS NOT NULL AND n <= ${CAUSES} OFFSET 0) AS step
        WHERE next IS NOT NULL
      ), causes AS MATERIALIZED (
        SELECT cause FROM each WHERE cause IS NOT NULL AND ${this.ofConsumer('cause')}
        UNION ALL SELECT NULL WHERE EXISTS (SELECT ${this.dead} AND ${CAUSE} IS NULL) AND ${this.ofConsumer('NULL::text')}
      ), budget AS MATERIALIZED (SELECT ${countedOfEachSql('count(*)')} AS upto FROM causes)
      SELECT cause, size, causes FROM (
        SELECT k.cause, CASE WHEN found.rows > budget.upto THEN greatest(found.rows, (
            SELECT ${estimate} FROM (SELECT ${first} AS low, ${last} AS high) AS reach)) ELSE found.rows END AS size,
          ${last} AS newest, (SELECT count(*) FROM causes) AS causes
        FROM causes AS k CROSS JOIN budget
        CROSS JOIN LATERAL (SELECT count(*) AS rows FROM ${ofCause('1', 'LIMIT budget.upto + 1')} AS r OFFSET 0) AS found OFFSET 0
      ) AS sized ${this.order('newest', 'size')}`;
  }

  private order(newest: string, size: string): string {
    return `ORDER BY ${newest} > (SELECT clock_timestamp() - interval '10 minutes') DESC, ${size} DESC, cause LIMIT $1::int`;
  }

  /** The consumers that have dead letters, of any kind. */
  private async consumers(session: EngineSession): Promise<readonly string[]> {
    const [row] = await session.query<{ names: string[] }>(
      `WITH RECURSIVE consumer (n, name) AS (
        SELECT 1, (SELECT i.consumer_name::text ${this.dead} ORDER BY i.consumer_name LIMIT 1)
        UNION ALL
        SELECT n + 1, next FROM (SELECT n, (SELECT i.consumer_name::text ${this.dead} AND i.consumer_name > consumer.name ORDER BY i.consumer_name LIMIT 1) AS next
          FROM consumer WHERE name IS NOT NULL AND n < ${CONSUMERS} OFFSET 0) AS step WHERE next IS NOT NULL
      )
      SELECT coalesce(array_agg(name) FILTER (WHERE name IS NOT NULL), '{}') AS names FROM consumer`,
    );
    return row?.names ?? [];
  }

  /**
   * What is known of one cause. Undefined if its dead letters have gone meanwhile.
   *
   * @param names the consumers that may have it
   */
  private async details(
    session: EngineSession,
    cause: string | null,
    names: readonly string[],
  ): Promise<CauseDetails | undefined> {
    const isNone = cause === null;
    const ofCause = `${this.dead} AND ${CAUSE} ${isNone ? 'IS NULL AND $1::text IS NULL' : '= $1::text'}`;
    const ofConsumer = (rest: string) =>
      `SELECT i.error_fingerprint AS kind ${this.dead} AND i.consumer_name = consumer.name
         AND ${isNone ? 'i.error_fingerprint IS NULL' : isOf('$1::text')} ${rest} LIMIT 1`;
    const inTime = (low: string, high: string) => `AND i.updated_at > ${low} AND i.updated_at <= ${high}`;
    const order = `ORDER BY ${CAUSE}, i.updated_at`;
    const [row] = await session.query<CauseDetails>(
      `WITH RECURSIVE newest AS MATERIALIZED (
        SELECT i.updated_at AS at, left(i.last_error, 1000) AS error ${ofCause} ORDER BY ${CAUSE} DESC, i.updated_at DESC LIMIT 1
      ), moment AS MATERIALIZED (SELECT clock_timestamp() AS at
      ), run (n, at) AS (
        SELECT 0, at FROM newest
        UNION ALL
        SELECT n + 1, earlier.at FROM run CROSS JOIN LATERAL (
          SELECT i.updated_at AS at ${ofCause} AND i.updated_at >= run.at - interval '1 hour' AND i.updated_at < run.at ${order} LIMIT 1
        ) AS earlier WHERE n < ${HOURS}
      ), found AS MATERIALIZED (SELECT count(*) AS rows FROM (SELECT ${ofCause} LIMIT ${COUNTED_TO + 1}) AS r
      ), having_it AS MATERIALIZED (
        SELECT name, lowest.kind AS low, highest.kind AS high FROM unnest($2::text[]) AS consumer (name)
        CROSS JOIN LATERAL (${ofConsumer('ORDER BY i.error_fingerprint')}) AS lowest
        CROSS JOIN LATERAL (${ofConsumer('ORDER BY i.error_fingerprint DESC')}) AS highest
      )
      SELECT newest.error, (SELECT min(at) FROM run) AS since, found.rows AS counted,
        (SELECT CASE WHEN min(low) = max(high) THEN min(low) END FROM having_it) AS kind,
        CASE WHEN found.rows > ${COUNTED_TO} THEN greatest(found.rows, (
          SELECT ${estimatedRows(TIMES, 'reach.low', 'reach.high', (condition, most) => `SELECT i.updated_at AS x ${ofCause} AND ${condition('i.updated_at')} ${order} ${most}`)}
          FROM (SELECT (SELECT i.updated_at ${ofCause} ${order} LIMIT 1) AS low, newest.at AS high) AS reach)) ELSE found.rows END AS size,
        (SELECT array_agg(CASE WHEN seen.rows > ${OF_MINUTE}
            THEN round(${OF_MINUTE} * 60 / greatest(extract(epoch FROM seen.last - minute.low), 0.06)) ELSE seen.rows END::int ORDER BY minute.n)
          FROM (SELECT n, moment.at - (60 - n) * interval '1 minute' AS low, moment.at - (59 - n) * interval '1 minute' AS high FROM generate_series(0, 59) AS n) AS minute
          CROSS JOIN LATERAL (SELECT count(*) AS rows, max(at) AS last FROM (
            SELECT i.updated_at AS at ${ofCause} ${inTime('minute.low', 'minute.high')} ${order} LIMIT ${OF_MINUTE + 1}) AS r) AS seen) AS minutes,
        (SELECT count(*) FROM having_it) AS consumers,
        (SELECT coalesce(array_agg(name ORDER BY name), '{}') FROM (SELECT name FROM having_it ORDER BY name LIMIT ${NAMED}) AS f) AS first
      FROM newest CROSS JOIN moment CROSS JOIN found`,
      [cause, names],
    );
    return row;
  }
}
