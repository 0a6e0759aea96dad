import type { EngineDatabase } from '../database/engine-database.js';
import { filterValues, MATCHES_FILTER } from '../inbox/inbox-filter.store.js';
import type { InboxFilter } from '../inbox/inbox-record.js';
import { consumersNamed } from '../inbox/inbox-status.js';
import { type Choice, type DiscardableState, discardable, redrivable } from './inbox-admin.store.js';
import { ReplayStore } from './replay.store.js';

/** What the removal of a consumer deletes. */
export interface Belongings {
  readonly rows: number;
  readonly deadLetters: number;
}

/** Counts the rows that a change by an admin would change at this moment. It only reads. */
export class AdminCountStore {
  private readonly inbox: string;
  private readonly log: string;

  constructor(private readonly db: EngineDatabase) {
    this.inbox = db.tables.inboxEvent;
    this.log = db.tables.outboxEvent;
  }

  /** Counts what `ConsumerService.redrive` would send, up to `limit`. */
  countRedrivable(filter: InboxFilter, limit: number): Promise<number> {
    return this.count(filter, redrivable(this.log), limit);
  }

  /** Counts what `ConsumerService.discard` would set aside, up to `limit`. */
  countDiscardable(
    filter: InboxFilter,
    states: readonly DiscardableState[],
    limit: number | undefined,
  ): Promise<number> {
    return this.count(filter, discardable(this.log, states), limit ?? null);
  }

  async belongings(consumerName: string): Promise<Belongings> {
    const [row] = await this.db.query<Belongings>(
      `SELECT count(*) AS rows, count(*) FILTER (WHERE status = 'dead_letter') AS "deadLetters"
       FROM ${this.inbox} WHERE consumer_name = $1`,
      [consumerName],
    );
    return row ?? { rows: 0, deadLetters: 0 };
  }

  /** Returns the largest number of positions of the log that a replay of this range would look at. */
  async countPositions(consumerName: string, from: number, to: number | undefined): Promise<number> {
    const bounds = await new ReplayStore(this.db).boundsOf(consumerName, from, to);
    return bounds === undefined ? 0 : Math.max(0, bounds.to - bounds.from + 1);
  }

  private async count(
    filter: InboxFilter,
    { join, statuses, condition }: Choice,
    limit: number | null,
  ): Promise<number> {
    const [row] = await this.db.query<{ count: number }>(
      `SELECT count(*) AS count FROM (
         SELECT 1 FROM (${consumersNamed(this.inbox)}) AS consumer
         JOIN ${this.inbox} i ON i.consumer_name = consumer.name AND i.status = ANY ($9::text[]) AND i.status <> 'processed'
         ${join}
         WHERE ${condition} AND ${MATCHES_FILTER} LIMIT $8::bigint
       ) AS matching`,
      [...filterValues(filter), limit, statuses],
    );
    return row?.count ?? 0;
  }
}
