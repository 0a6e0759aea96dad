import type { EngineDatabase } from '../database/engine-database.js';
import { backendGone } from '../database/sql/backend-gone.store.js';
import { timeOrNull } from '../database/sql/epoch-text.store.js';
import { type InboxStatus, unresolved } from '../inbox/inbox-status.js';
import type { EventHead } from '../log/event-look.js';
import { namedProcess, ownedAttempts } from '../log/owned-attempts.store.js';
import type { CurrentRates } from '../rates/consumer-rates.js';
import { currentRatesSql } from '../rates/consumer-rates.store.js';
import { unreadLooks } from './unread-look.store.js';
import { isAliveNow } from './unserved.store.js';
import type { NamedProcess } from './why-not-yet.js';

/** One partition of a consumer: who may work on it, who does, and what it says. */
export interface CursorFacts {
  readonly consumerName: string;
  readonly partition: number;
  readonly now: Date;
  readonly pausedAt: Date | null;
  readonly pausedBy: string | null;
  readonly pauseReason: string | null;
  readonly isHeldBack: boolean;
  readonly repartitionTo: number | null;
  readonly repartitionAskedAt: Date | null;
  readonly servedAt: Date;
  /** The process whose lease is in force, if it is listed. */
  readonly owner: NamedProcess | null;
  readonly isOwned: boolean;
  /** Whether the owner's connection to the database is gone. */
  readonly isOwnerGone: boolean;
  readonly leaseUntil: Date | null;
  readonly unavailable: { readonly since: string; readonly reason: string } | null;
  /** At most a hundred live processes that have a handler of the consumer. */
  readonly handledBy: readonly (NamedProcess & { readonly isAble: boolean; readonly isOff: boolean })[];
}

/** An event that a process has run for long, as the process says. */
export interface RunningEvent {
  readonly consumerName: string;
  readonly partition: number;
  readonly position: number;
  readonly aggregateType: string | null;
  readonly aggregateId: string | null;
  readonly outboxEventId: string | null;
  readonly attempt: number;
  readonly events: number;
  readonly holdsUp: boolean;
  readonly since: string;
  readonly process: NamedProcess;
}

/** One event at one consumer that has not handled it. */
export interface DeliveryFacts {
  readonly consumerName: string;
  readonly outboxEventId: string;
  readonly partition: number;
  readonly position: number;
  readonly aggregateType: string;
  readonly aggregateId: string;
  /** The row of the inbox. Null if there is none. */
  readonly status: InboxStatus | null;
  readonly attemptCount: number | null;
  readonly updatedAt: Date | null;
  readonly postponedSince: Date | null;
  /** Whether the consumer has still to pass it in the log. */
  readonly isUnread: boolean;
  /** When it may run. Null if it may at once, waits for an earlier event, or never runs by itself. */
  readonly dueAt: Date | null;
  readonly waits: boolean;
  /** The first event of its entity that holds it up. */
  readonly earlier: {
    readonly position: number;
    readonly outboxEventId: string;
    readonly status: InboxStatus;
    readonly dueAt: string | null;
    readonly isPostponed: boolean;
    readonly updatedAt: string;
  } | null;
}

/** What is before one event in the queue of its consumer. */
export interface QueueFacts {
  readonly outboxEventId: string;
  readonly consumerName: string;
  readonly events: number;
  /** Whether there are more events than were counted. */
  readonly more: boolean;
  /** Positions of the log before it that are not settled, with any event name. Null of a row of the inbox. */
  readonly positions: number | null;
}

/** How many processes are looked at that have a handler of one consumer. */
const MOST_PROCESSES = 100;
/** So many rows are looked at to count what is before one event. It is fewer where more events are listed. */
const lookedAtOf = (events: number): number => (events === 1 ? 10_000 : events <= 20 ? 1_000 : 100);

/** A consumer that never gets an event: its names do not match, or it begins behind the event. */
export interface NotMeantRow {
  readonly consumerName: string;
  readonly startsAt: number;
  readonly asks: string[];
  readonly isAsked: boolean;
}

/**
 * Reads why events have not been handled yet. Every statement takes a list of events that the caller bounds,
 * and for each of them reads small tables and a bounded range of an index.
 */
export class WhyFactsStore {
  private readonly cursorsSql: string;
  private readonly runningSql: string;
  private readonly deliveriesSql: string;
  private readonly notMeantSql: string;

  constructor(private readonly db: EngineDatabase) {
    const { inboxCursor, inboxEvent, integrationPartition, integrationProcess, outboxEvent } = db.tables;
    const isOwned = 'coalesce(c.lease_owner IS NOT NULL AND c.lease_expires_at > clock_timestamp(), false)';
    // The list of the server's backends is long, so it is read for each process and not for each cursor.
    this.cursorsSql = `
      WITH process AS MATERIALIZED (
        SELECT h.id, h.host, h.pid, h.unavailable, h.handles, h.consumers, ${isAliveNow('h')} AS is_alive,
          coalesce(${backendGone('h')}, false) AS is_gone, h.settings @> '{"core.integration.outbox.processor.enabled": false}' AS is_off
        FROM ${integrationProcess} h
      )
      SELECT c.consumer_name AS "consumerName", c.partition, clock_timestamp() AS now, c.paused_at AS "pausedAt", c.paused_by AS "pausedBy",
        c.pause_reason AS "pauseReason", c.held_back AS "isHeldBack", c.repartition_to AS "repartitionTo",
        c.repartition_asked_at AS "repartitionAskedAt", c.served_at AS "servedAt", ${isOwned} AS "isOwned",
        CASE WHEN ${isOwned} AND p.id IS NOT NULL THEN ${namedProcess('p')} END AS owner, coalesce(${isOwned} AND p.is_gone, false) AS "isOwnerGone",
        CASE WHEN ${isOwned} THEN c.lease_expires_at END AS "leaseUntil",
        CASE WHEN ${isOwned} THEN p.unavailable -> (c.consumer_name || '/' || c.partition) END AS unavailable,
        coalesce((SELECT jsonb_agg(each_one.said) FROM (
          SELECT ${namedProcess('h')} || jsonb_build_object('isAble', c.consumer_name = ANY (h.consumers), 'isOff', h.is_off) AS said
          FROM process h WHERE h.is_alive AND c.consumer_name = ANY (h.handles) ORDER BY h.host, h.pid LIMIT ${MOST_PROCESSES}
        ) AS each_one), '[]') AS "handledBy"
      FROM ${inboxCursor} c LEFT JOIN process p ON p.id = c.lease_owner
      WHERE c.consumer_name = ANY ($1::text[])`;
    this.runningSql = `
      SELECT c.consumer_name AS "consumerName", c.partition, run.position, e.aggregate_type AS "aggregateType", e.aggregate_id AS "aggregateId",
        e.id AS "outboxEventId", (w.attempt ->> 'attempt')::int AS attempt, (w.attempt ->> 'events')::int AS events,
        coalesce((w.attempt ->> 'holdsUp')::boolean, false) AS "holdsUp", w.attempt ->> 'since' AS since, ${namedProcess('p')} AS process
      FROM ${ownedAttempts(db.tables)}
      CROSS JOIN LATERAL (
        SELECT (w.attempt ->> 'position')::bigint AS position
        UNION ALL SELECT value::bigint FROM jsonb_array_elements_text(coalesce(w.attempt -> 'others', '[]'))
      ) AS run
      LEFT JOIN ${outboxEvent} e ON e.position = run.position
      WHERE w.attempt ->> 'consumerName' = ANY ($1::text[])`;
    const due = (row: string) => `CASE WHEN isfinite(${row}.available_at) THEN ${row}.available_at END`;
    this.deliveriesSql = `
      SELECT c.consumer_name AS "consumerName", e.id AS "outboxEventId", c.partition, e.position, e.aggregate_type AS "aggregateType", e.aggregate_id AS "aggregateId",
        i.status, i.attempt_count AS "attemptCount", i.updated_at AS "updatedAt", i.postponed_since AS "postponedSince",
        CASE WHEN i.id IS NULL THEN ${timeOrNull('e.available_at')} ELSE ${due('i')} END AS "dueAt",
        e.position <@ c.unread AS "isUnread", coalesce(i.status = 'received' AND i.available_at = 'infinity', false) AS waits, earlier.said AS earlier
      FROM unnest($1::uuid[], $2::text[]) AS d (id, consumer)
      JOIN ${outboxEvent} e ON e.id = d.id
      JOIN ${inboxCursor} c ON c.consumer_name = d.consumer
        AND (c.partitions = 1 OR c.partition = ${integrationPartition}(e.aggregate_type, e.aggregate_id, c.partitions))
      LEFT JOIN ${inboxEvent} i ON i.outbox_event_id = e.id AND i.consumer_name = c.consumer_name
      LEFT JOIN LATERAL (
        SELECT jsonb_build_object('position', w.position, 'outboxEventId', w.outbox_event_id, 'status', w.status, 'dueAt', ${due('w')},
          'isPostponed', w.postponed_since IS NOT NULL, 'updatedAt', w.updated_at) AS said
        FROM ${inboxEvent} w
        WHERE i.status = 'received' AND i.available_at = 'infinity' AND w.consumer_name = c.consumer_name AND w.partition = c.partition
          AND w.aggregate_type = e.aggregate_type AND w.aggregate_id = e.aggregate_id AND w.position < e.position AND ${unresolved('w')}
        ORDER BY w.position LIMIT 1
      ) AS earlier ON true`;
    this.notMeantSql = `
      SELECT c.consumer_name AS "consumerName", c.starts_at AS "startsAt", c.event_names[1:20] AS asks, asked.yes AS "isAsked"
      FROM ${inboxCursor} c
      CROSS JOIN LATERAL (
        SELECT EXISTS (SELECT FROM unnest(c.event_names) AS n (name)
          WHERE n.name = $1::text OR (right(n.name, 1) = '*' AND starts_with($1::text, left(n.name, -1)))) AS yes
      ) AS asked
      WHERE (c.partitions = 1 OR c.partition = ${integrationPartition}($3::text, $4::text, c.partitions))
        AND (NOT asked.yes OR c.starts_at > $2::bigint)
        AND NOT EXISTS (SELECT FROM ${inboxEvent} i WHERE i.outbox_event_id = $5::uuid AND i.consumer_name = c.consumer_name)
      ORDER BY asked.yes DESC, c.consumer_name LIMIT $6::int`;
  }

  /** Every partition of these consumers. */
  cursors(consumers: readonly string[]): Promise<CursorFacts[]> {
    return this.db.query<CursorFacts>(this.cursorsSql, [consumers]);
  }

  /** The events that the owners of these consumers have run for long. */
  running(consumers: readonly string[]): Promise<RunningEvent[]> {
    return this.db.query<RunningEvent>(this.runningSql, [consumers]);
  }

  /** What stands in the log and in the inbox of each of these events at its consumer. */
  deliveries(asked: readonly { outboxEventId: string; consumerName: string }[]): Promise<DeliveryFacts[]> {
    return this.db.query<DeliveryFacts>(this.deliveriesSql, [
      asked.map(({ outboxEventId }) => outboxEventId),
      asked.map(({ consumerName }) => consumerName),
    ]);
  }

  /**
   * What is before each of these events. An event that the consumer has still to pass in the log waits for
   * the events before it. One that has a row in the inbox waits for the rows that are due before it.
   */
  async queues(deliveries: readonly DeliveryFacts[]): Promise<QueueFacts[]> {
    const inLog = deliveries.filter(({ status }) => status === null);
    const inInbox = deliveries.filter(({ status }) => status !== null);
    return [
      ...(inLog.length === 0 ? [] : await this.queuesInLog(inLog)),
      ...(inInbox.length === 0 ? [] : await this.queuesInInbox(inInbox)),
    ];
  }

  private queuesInLog(deliveries: readonly DeliveryFacts[]): Promise<QueueFacts[]> {
    const { inboxCursor } = this.db.tables;
    const lookedAt = lookedAtOf(deliveries.length);
    // As far as these looks are concerned, the log ends before the event.
    const looks = unreadLooks(this.db.schema, lookedAt);
    return this.db.query<QueueFacts>(
      `SELECT d.id AS "outboxEventId", d.consumer AS "consumerName", least(counted.events, ${lookedAt}) AS events, counted.more, backlog.positions
       FROM unnest($1::uuid[], $2::text[], $3::int[], $4::bigint[]) AS d (id, consumer, partition, position)
       JOIN ${inboxCursor} c ON c.consumer_name = d.consumer AND c.partition = d.partition
       CROSS JOIN LATERAL (SELECT int8multirange(int8range(NULL, d.position)) AS written) AS head
       CROSS JOIN ${looks.asked} CROSS JOIN ${looks.positions} CROSS JOIN ${looks.counted}`,
      placesOf(deliveries),
    );
  }

  private queuesInInbox(deliveries: readonly DeliveryFacts[]): Promise<QueueFacts[]> {
    const { inboxEvent } = this.db.tables;
    const lookedAt = lookedAtOf(deliveries.length);
    return this.db.query<QueueFacts>(
      `SELECT d.id AS "outboxEventId", d.consumer AS "consumerName", least(counted.events, ${lookedAt}) AS events,
         counted.events > ${lookedAt} AS more, NULL::bigint AS positions
       FROM unnest($1::uuid[], $2::text[], $3::int[], $4::bigint[], $5::timestamptz[]) AS d (id, consumer, partition, position, due)
       CROSS JOIN LATERAL (
         SELECT count(*) AS events FROM (
           SELECT 1 FROM ${inboxEvent} i WHERE i.consumer_name = d.consumer AND i.partition = d.partition AND i.status IN ('received', 'failed')
             AND i.available_at < 'infinity' AND (i.available_at, i.position) < (coalesce(d.due, '-infinity'), d.position)
           LIMIT ${lookedAt + 1}
         ) AS due_before
       ) AS counted`,
      [...placesOf(deliveries), deliveries.map(({ dueAt }) => dueAt)],
    );
  }

  /**
   * The first `most` consumers that never get an event. Those that ask for it and begin behind it come first.
   */
  notMeant(event: EventHead, most: number): Promise<NotMeantRow[]> {
    const { eventName, position, aggregateType, aggregateId, outboxEventId } = event;
    return this.db.query<NotMeantRow>(this.notMeantSql, [
      eventName,
      position,
      aggregateType,
      aggregateId,
      outboxEventId,
      most,
    ]);
  }

  /** How fast consumers were in the last minute. `gapMs` is the longest time between two samples. */
  async rates(gapMs: number): Promise<CurrentRates | undefined> {
    const [row] = await this.db.query<{ rates: CurrentRates }>(
      `SELECT ${currentRatesSql(this.db.tables, `$1::float8 * interval '1 millisecond'`)} AS rates`,
      [gapMs],
    );
    return row?.rates;
  }
}

function placesOf(deliveries: readonly DeliveryFacts[]): unknown[] {
  return [
    deliveries.map(({ outboxEventId }) => outboxEventId),
    deliveries.map(({ consumerName }) => consumerName),
    deliveries.map(({ partition }) => partition),
    deliveries.map(({ position }) => position),
  ];
}
