import type { EngineDatabase } from '../../database/engine-database.js';
import { filterValues, MATCHES_FILTER } from '../../inbox/inbox-filter.store.js';
import type { InboxFilter } from '../../inbox/inbox-record.js';
import { consumersNamed } from '../../inbox/inbox-status.js';
import type { Choice } from '../inbox-admin.store.js';
import type { OperationPart } from './operation.js';

/** A plan stops counting here. */
const MOST_COUNTED = 200_000;
const MOST_PARTS = 50;

/** What a plan finds. */
export interface PlannedEvents {
  readonly events: number;
  /** Whether there may be more. */
  readonly isAtLeast: boolean;
  readonly parts: readonly OperationPart[];
}

/** Counts what an operation would change at this moment. It only reads. */
export class OperationPlanStore {
  constructor(private readonly db: EngineDatabase) {}

  async count(
    filter: InboxFilter,
    choice: Choice,
    maxEvents = Number.POSITIVE_INFINITY,
  ): Promise<PlannedEvents> {
    const most = Math.min(maxEvents, MOST_COUNTED);
    const { inboxEvent } = this.db.tables;
    const { join, statuses, condition } = choice;
    const parts = await this.db.query<OperationPart>(
      `SELECT consumer_name AS "consumerName", error_fingerprint AS fingerprint, count(*) AS events FROM (
         SELECT i.consumer_name, i.error_fingerprint FROM (${consumersNamed(inboxEvent)}) AS consumer
         JOIN ${inboxEvent} i ON i.consumer_name = consumer.name AND i.status = ANY ($9::text[]) AND i.status <> 'processed'
         ${join}
         WHERE ${condition} AND ${MATCHES_FILTER} LIMIT $8::bigint
       ) AS matching GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2`,
      [...filterValues(filter), most, statuses],
    );
    const events = parts.reduce((sum, part) => sum + part.events, 0);
    return { events, isAtLeast: events === MOST_COUNTED, parts: parts.slice(0, MOST_PARTS) };
  }
}
