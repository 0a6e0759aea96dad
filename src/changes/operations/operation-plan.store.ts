import type { EngineDatabase } from '../../database/engine-database.js';
import { exactTimeText } from '../../database/sql/epoch-text.store.js';
import { MATCHES_FILTER, rowsOfChosen } from '../../inbox/inbox-filter.store.js';
import { consumersNamed } from '../../inbox/inbox-status.js';
import type { Choice } from '../chosen/inbox-admin.store.js';
import { namesOf, type OperationFilter } from '../chosen/operation-filter.js';
import { isInPart, partValues, rowValues } from '../chosen/operation-filter.store.js';
import { isResolved, matchedBy, ReplayRequestStore } from '../chosen/replay-request.store.js';
import type { LeftOut, OperationPart } from './operation.js';

/** A plan stops counting here. */
const MOST_COUNTED = 200_000;
const MOST_PARTS = 50;
/** A plan with more kinds than this does not list them. */
const MOST_KINDS = 1_000;
const MOST_LEFT_OUT = 50;
/** How many positions the plan of a replay looks at, unless it is for one aggregate, which has an index. */
const LOOKED_AT = 100_000;

/** What a plan finds. */
export interface PlannedEvents {
  readonly events: number;
  /** Whether there may be more. */
  readonly isAtLeast: boolean;
  /** When it was counted, with every digit. Undefined for a replay, and where nothing was found. */
  readonly countedAt?: string | undefined;
  /** The kinds of failures that were found. Undefined if there may be others, or if there are too many. */
  readonly kinds?: readonly (string | null)[] | undefined;
  /** Of a replay: the last position of the log that it would come to. */
  readonly countedTo?: number | undefined;
  readonly parts: readonly OperationPart[];
  /** Undefined if the filter does not choose events one by one. */
  readonly leftOut?: LeftOut | undefined;
}

/** Counts what an operation would change at this moment. It only reads. */
export class OperationPlanStore {
  private readonly requests: ReplayRequestStore;

  constructor(private readonly db: EngineDatabase) {
    this.requests = new ReplayRequestStore(db);
  }

  /**
   * Counts the events that a replay would deliver again. Of a long part of the log, only the beginning is
   * looked at. Events that the consumer gets anyway are left out. Undefined means that there is no such
   * consumer.
   */
  async countReplay(
    consumerName: string,
    filter: OperationFilter,
    maxEvents = Number.POSITIVE_INFINITY,
  ): Promise<PlannedEvents | undefined> {
    const bounds = await this.requests.boundsOf(filter);
    const most = Math.min(maxEvents, MOST_COUNTED);
    // A plan for any values cannot use the index of aggregates for a condition that also holds without one.
    const ofAggregate =
      filter.aggregateId === undefined ? '' : 'AND e.aggregate_type = $5::text AND e.aggregate_id = $6::text';
    const [row] = await this.db.query<{ exists: boolean; events: number; isPart: boolean; last: number }>(
      `WITH span AS (
         SELECT greatest($2::bigint, coalesce((SELECT min(position) FROM ${this.db.tables.outboxEvent}), 1)) AS first,
           least($3::bigint, coalesce((SELECT max(position) FROM ${this.db.tables.outboxEvent}), 0)) AS last
       ), part AS (
         SELECT first, CASE WHEN $6::text IS NULL THEN least(last, first + ${LOOKED_AT - 1}) ELSE last END AS ended, last FROM span
       )
       SELECT EXISTS (SELECT FROM ${this.db.tables.inboxCursor} WHERE consumer_name = $1) AS exists,
         part.ended < part.last AS "isPart", part.last, (
           SELECT count(*) FROM (
             SELECT 1 ${matchedBy(this.db.tables, 'part.first', 'part.ended')} ${ofAggregate}
               AND NOT e.position <@ c.unread AND NOT EXISTS (
                 SELECT FROM ${this.db.tables.inboxEvent} u
                 WHERE u.outbox_event_id = e.id AND u.consumer_name = $1 AND NOT ${isResolved('u')})
             LIMIT $9::bigint) AS matching) AS events
       FROM part`,
      [
        consumerName,
        bounds.from,
        bounds.to,
        namesOf(filter) ?? [],
        filter.aggregateType ?? null,
        filter.aggregateId ?? null,
        filter.since ?? null,
        filter.until ?? null,
        most,
      ],
    );
    if (row === undefined || !row.exists) return undefined;
    const { events, isPart, last } = row;
    const isAtLeast = events < maxEvents && (isPart || events === MOST_COUNTED);
    const parts = events === 0 ? [] : [{ consumerName, fingerprint: null, error: null, events }];
    return { events, isAtLeast, countedTo: last, parts };
  }

  async count(
    filter: OperationFilter,
    choice: Choice,
    maxEvents = Number.POSITIVE_INFINITY,
  ): Promise<PlannedEvents> {
    const most = Math.min(maxEvents, MOST_COUNTED);
    const { inboxEvent } = this.db.tables;
    const { join, statuses, condition } = choice;
    const rows =
      filter.outboxEventIds !== undefined
        ? `${rowsOfChosen(inboxEvent)} ${join} WHERE i.status = ANY ($9::text[])`
        : `(${consumersNamed(inboxEvent)}) AS consumer
         JOIN ${inboxEvent} i ON i.consumer_name = consumer.name AND i.status = ANY ($9::text[]) AND i.status <> 'processed'
         ${join} WHERE true`;
    const rowsFound = await this.db.query<Omit<OperationPart, 'error'> & { countedAt: string }>(
      `SELECT ${exactTimeText('statement_timestamp()')} AS "countedAt",
         consumer_name AS "consumerName", error_fingerprint AS fingerprint, count(*) AS events FROM (
         SELECT i.consumer_name, i.error_fingerprint FROM ${rows} AND ${condition} AND ${MATCHES_FILTER} AND ${isInPart(10)} LIMIT $8::bigint
       ) AS matching GROUP BY 2, 3 ORDER BY 4 DESC, 2, 3`,
      [...rowValues(filter), most, statuses, ...partValues(filter)],
    );
    const countedAt = rowsFound[0]?.countedAt;
    const parts = rowsFound.map(({ countedAt: _, ...part }) => part);
    const events = parts.reduce((sum, part) => sum + part.events, 0);
    const leftOut = filter.outboxEventIds === undefined ? undefined : await this.leftOut(filter, choice);
    const isAtLeast = events === MOST_COUNTED;
    const found = new Set(parts.map(({ fingerprint }) => fingerprint));
    const kinds = events < most && found.size <= MOST_KINDS ? [...found] : undefined;
    return {
      events,
      isAtLeast,
      countedAt,
      kinds,
      parts: await this.withErrors(parts.slice(0, MOST_PARTS)),
      leftOut,
    };
  }

  /** Adds to each part the error of one of its dead letters. */
  private async withErrors(parts: readonly Omit<OperationPart, 'error'>[]): Promise<OperationPart[]> {
    if (parts.length === 0) return [];
    const rows = await this.db.query<{ error: string | null }>(
      `SELECT (SELECT left(i.last_error, 500) FROM ${this.db.tables.inboxEvent} i
           WHERE i.consumer_name = part.consumer AND i.error_fingerprint = part.fingerprint AND i.status = 'dead_letter'
           ORDER BY i.position LIMIT 1) AS error
         FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS part (consumer, fingerprint, place) ORDER BY part.place`,
      [parts.map(({ consumerName }) => consumerName), parts.map(({ fingerprint }) => fingerprint)],
    );
    return parts.map((part, index) => ({ ...part, error: rows[index]?.error ?? null }));
  }

  /** Which of the events that were chosen one by one have nothing to take, in the order of the list. */
  private async leftOut(filter: OperationFilter, { join, statuses, condition }: Choice): Promise<LeftOut> {
    const { inboxEvent, outboxEvent } = this.db.tables;
    const rows = await this.db.query<{ id: string; isKnown: boolean }>(
      `WITH taken AS MATERIALIZED (
         SELECT DISTINCT chosen.id FROM ${rowsOfChosen(inboxEvent)} ${join}
         WHERE i.status = ANY ($8::text[]) AND ${condition} AND ${MATCHES_FILTER} AND ${isInPart(9)}
       )
       SELECT left_out.id, (SELECT true FROM ${inboxEvent} WHERE outbox_event_id = left_out.id LIMIT 1) IS NOT NULL
         OR (SELECT true FROM ${outboxEvent} WHERE id = left_out.id) IS NOT NULL AS "isKnown"
       FROM unnest($5::uuid[]) WITH ORDINALITY AS left_out (id, place)
       WHERE left_out.id NOT IN (SELECT id FROM taken) ORDER BY left_out.place`,
      [...rowValues(filter), statuses, ...partValues(filter)],
    );
    const unknown = rows.filter(({ isKnown }) => !isKnown).length;
    const events = rows.slice(0, MOST_LEFT_OUT).map(({ id }) => id);
    return { unknown, notTaken: rows.length - unknown, events };
  }
}
