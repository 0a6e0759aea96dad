import type { EngineDatabase } from '../database/engine-database.js';
import { filterValues, MATCHES_FILTER } from '../inbox/inbox-filter.store.js';
import type { InboxFilter } from '../inbox/inbox-record.js';
import { consumersNamed, type InboxStatus } from '../inbox/inbox-status.js';
import { conditionOf, type DiscardableState, REDRIVABLE, statusesOf } from './inbox-admin.store.js';
import { ReplayStore } from './replay.store.js';

/** What a removal takes along. */
export interface Belongings {
  readonly rows: number;
  readonly deadLetters: number;
}

/** How many rows a change by an admin would change at this moment. Reads only. */
export class AdminCountStore {
  private readonly inbox: string;
  private readonly log: string;

  constructor(private readonly db: EngineDatabase) {
    this.inbox = `"${db.schema}".inbox_event`;
    this.log = `"${db.schema}".outbox_event`;
  }

  /** At most `limit`, as `ConsumerService.redrive` takes them. */
  redrivable(filter: InboxFilter, limit: number): Promise<number> {
    return this.count(filter, ['dead_letter', 'failed'], REDRIVABLE, 'CROSS JOIN', limit);
  }

  /** At most `limit`, as `ConsumerService.discard` takes them. */
  discardable(
    filter: InboxFilter,
    states: readonly DiscardableState[],
    limit: number | undefined,
  ): Promise<number> {
    return this.count(filter, statusesOf(states), conditionOf(states), 'LEFT JOIN', limit ?? null);
  }

  async belongings(consumerName: string): Promise<Belongings> {
    const [row] = await this.db.query<Belongings>(
      `SELECT count(*) AS rows, count(*) FILTER (WHERE status = 'dead_letter') AS "deadLetters"
       FROM ${this.inbox} WHERE consumer_name = $1`,
      [consumerName],
    );
    return row ?? { rows: 0, deadLetters: 0 };
  }

  /** Of the log, which a replay of this range would look at, at most. */
  async positions(consumerName: string, from: number, to: number | undefined): Promise<number> {
    const bounds = await new ReplayStore(this.db).boundsOf(consumerName, from, to);
    return bounds === undefined ? 0 : Math.max(0, bounds.to - bounds.from + 1);
  }

  private async count(
    filter: InboxFilter,
    statuses: readonly InboxStatus[],
    condition: string,
    join: 'CROSS JOIN' | 'LEFT JOIN',
    limit: number | null,
  ): Promise<number> {
    const [row] = await this.db.query<{ count: number }>(
      `SELECT count(*) AS count FROM (
         SELECT 1 FROM (${consumersNamed(this.inbox)}) AS consumer
         JOIN ${this.inbox} i ON i.consumer_name = consumer.name AND i.status = ANY ($9::text[]) AND i.status <> 'processed'
         ${join} LATERAL (SELECT event_name FROM ${this.log} WHERE position = i.position AND id = i.outbox_event_id OFFSET 0) e ${join === 'LEFT JOIN' ? 'ON true' : ''}
         WHERE ${condition} AND ${MATCHES_FILTER} LIMIT $8::bigint
       ) AS matching`,
      [...filterValues(filter), limit, statuses],
    );
    return row?.count ?? 0;
  }
}
