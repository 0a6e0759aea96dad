import pg from 'pg';

/** What one consumer has done with the events of this run. */
export interface ConsumerFigures {
  consumer: string;
  /** Events that it wants. */
  events: number;
  processed: number;
  /** Tried more than once, whatever came of it. */
  retried: number;
  dead: number;
  /** Neither processed nor dead: not begun, running, or with a retry to come. */
  waiting: number;
}

/** An event that receivers of webhooks get. */
export interface PublicEvent {
  id: string;
  position: number;
  /** The type that receivers see. */
  type: string;
  /** Its aggregate: the repository, or the account. */
  subject: string;
}

/**
 * The audit: reads the tables themselves and asks nobody who has a part in the run. All figures are of the events that came
 * after `begin`.
 */
export class Ledger {
  private readonly pool: pg.Pool;
  private begin = 0;
  private countedBefore = 0;

  constructor(connectionString: string) {
    this.pool = new pg.Pool({ connectionString, max: 2 });
    this.pool.on('error', () => {});
  }

  async start(): Promise<void> {
    const [row] = await this.rows<{ head: number }>(
      'SELECT coalesce(max(position), 0)::int AS head FROM integration.outbox_event',
    );
    this.begin = row?.head ?? 0;
    this.countedBefore = await this.countedAtAll();
  }

  async close(): Promise<void> {
    await this.pool.end();
  }

  async serverVersion(): Promise<string> {
    const [row] = await this.rows<{ server_version: string }>('SHOW server_version');
    return row?.server_version ?? '';
  }

  consumers(): Promise<ConsumerFigures[]> {
    return this.rows<ConsumerFigures>(
      `SELECT c.consumer_name AS consumer, count(*)::int AS events,
         count(*) FILTER (WHERE i.status = 'processed' OR (i.id IS NULL AND NOT e.position <@ c.unread))::int AS processed,
         count(*) FILTER (WHERE i.attempt_count > 1)::int AS retried,
         count(*) FILTER (WHERE i.status = 'dead_letter')::int AS dead,
         count(*) FILTER (WHERE i.status IN ('received', 'processing', 'failed')
                             OR (i.id IS NULL AND e.position <@ c.unread))::int AS waiting
       FROM integration.inbox_cursor c
       JOIN integration.outbox_event e ON e.position > $1 AND e.position >= c.starts_at
        AND EXISTS (SELECT 1 FROM unnest(c.event_names) AS name
                    WHERE CASE WHEN name LIKE '%*' THEN e.event_name ^@ left(name, -1) ELSE e.event_name = name END)
       LEFT JOIN integration.inbox_event i ON i.outbox_event_id = e.id AND i.consumer_name = c.consumer_name
       GROUP BY c.consumer_name
       ORDER BY c.consumer_name`,
      [this.begin],
    );
  }

  /** How many of these deliveries have exactly one event that tells of them, and were kept with it. */
  async deliveriesWithEvent(ids: readonly string[]): Promise<number> {
    const [row] = await this.rows<{ count: number }>(
      `SELECT count(*)::int AS count
       FROM delivery d
       JOIN (SELECT metadata #>> '{webhook,deliveryId}' AS delivery_id, count(*) AS events
             FROM integration.outbox_event WHERE position > $2 GROUP BY 1) told ON told.delivery_id = d.id::text
       WHERE d.id = ANY ($1::uuid[]) AND told.events = 1`,
      [ids, this.begin],
    );
    return row?.count ?? 0;
  }

  /** Events about GitHub that were published in this run. */
  async githubEvents(): Promise<number> {
    const [row] = await this.rows<{ count: number }>(
      `SELECT count(*)::int AS count FROM integration.outbox_event WHERE position > $1 AND event_name ^@ 'webhook.github.'`,
      [this.begin],
    );
    return row?.count ?? 0;
  }

  /** Events of this run that have a public contract, in the order of the log. */
  publicEvents(): Promise<PublicEvent[]> {
    return this.rows<PublicEvent>(
      `SELECT id, position::int AS position, aggregate_type || ' ' || aggregate_id AS subject,
         CASE event_name WHEN 'statistics.summarized' THEN 'activity.summarized' ELSE event_name END AS type
       FROM integration.outbox_event
       WHERE position > $1 AND event_name IN ('activity.recorded', 'statistics.summarized')
       ORDER BY position`,
      [this.begin],
    );
  }

  /** How many of these orders have not ended. */
  async openOrders(ids: readonly string[]): Promise<number> {
    return (await this.orders(ids)).filter(({ status }) => status === 'placed').length;
  }

  orders(ids: readonly string[]): Promise<{ id: string; cents: number; status: string }[]> {
    return this.rows('SELECT id, cents, status FROM print_order WHERE id = ANY ($1::uuid[])', [ids]);
  }

  /** How many of these orders have given their paper back exactly once, as their saga decided when it ended. */
  async ordersUndone(ids: readonly string[]): Promise<number> {
    const [row] = await this.rows<{ count: number }>(
      `SELECT count(*)::int AS count
       FROM integration.saga_instance s
       WHERE s.saga = 'print-order' AND s.key = ANY ($1) AND s.status = 'undone'
         AND (SELECT count(*) FROM integration.outbox_event e
              WHERE e.event_name = 'print-order.paper-released' AND e.aggregate_id = s.key) = 1`,
      [ids],
    );
    return row?.count ?? 0;
  }

  /** How many of these orders have a payment that ended twice. */
  async ordersWithTwoEnds(ids: readonly string[]): Promise<number> {
    const [row] = await this.rows<{ count: number }>(
      `SELECT count(*)::int AS count FROM (
         SELECT payload #>> '{caller,key}' FROM integration.outbox_event
         WHERE event_name IN ('integration.call.payment.completed', 'integration.call.payment.failed')
           AND payload #>> '{caller,key}' = ANY ($1)
         GROUP BY 1 HAVING count(*) > 1) AS twice`,
      [ids],
    );
    return row?.count ?? 0;
  }

  /** Webhooks that are on their way to these destinations, and destinations that have yet to catch up. */
  async undelivered(destinationIds: readonly string[]): Promise<number> {
    const [row] = await this.rows<{ count: number }>(
      `SELECT ((SELECT count(*) FROM integration.webhook_delivery
                WHERE destination_id = ANY ($1::uuid[]) AND status = 'pending')
             + (SELECT count(*) FROM integration.webhook_destination
                WHERE id = ANY ($1::uuid[]) AND status = 'active' AND behind_from IS NOT NULL))::int AS count`,
      [destinationIds],
    );
    return row?.count ?? 0;
  }

  /** Webhooks to these destinations that were given up. */
  async deadWebhooks(destinationIds: readonly string[]): Promise<number> {
    const [row] = await this.rows<{ count: number }>(
      `SELECT count(*)::int AS count FROM integration.webhook_delivery
       WHERE destination_id = ANY ($1::uuid[]) AND status = 'dead'`,
      [destinationIds],
    );
    return row?.count ?? 0;
  }

  /** Ranges of unsettled positions below the end of the log, over all consumers: 0 when every cursor is a single open range. */
  async holes(): Promise<number> {
    const [row] = await this.rows<{ count: number }>(
      `SELECT count(*)::int AS count
       FROM integration.inbox_cursor c, unnest(c.unread) AS open
       WHERE lower(open) <= (SELECT coalesce(max(position), 0) FROM integration.outbox_event)`,
    );
    return row?.count ?? 0;
  }

  /** Repositories (accounts …) and kinds whose count is not that of the deliveries' events. */
  async wrongCounts(): Promise<number> {
    const [row] = await this.rows<{ count: number }>(
      `SELECT count(*)::int AS count
       FROM (SELECT e.aggregate_type, e.aggregate_id, d.event, count(*) AS deliveries
             FROM delivery d JOIN integration.outbox_event e ON e.id = d.event_id GROUP BY 1, 2, 3) told
       FULL JOIN statistic s ON (s.subject_type, s.subject_id, s.kind) = (told.aggregate_type, told.aggregate_id, told.event)
       WHERE s.count IS DISTINCT FROM told.deliveries`,
    );
    return row?.count ?? 0;
  }

  async counted(): Promise<number> {
    return (await this.countedAtAll()) - this.countedBefore;
  }

  /** Events that were counted and that no summary has told of. */
  async notSummarized(): Promise<number> {
    const [row] = await this.rows<{ sum: number }>(
      'SELECT coalesce(sum(count - reported), 0)::int AS sum FROM statistic',
    );
    return row?.sum ?? 0;
  }

  async links(): Promise<number> {
    const [row] = await this.rows<{ count: number }>(
      'SELECT count(*)::int AS count FROM integration.integration_link',
    );
    return row?.count ?? 0;
  }

  /**
   * Links that the stored payloads ask for and that are not there: of each pull request to its repository and its head commit,
   * of each issue to its repository, of each pushed commit to its repository. Reads the JSON in SQL, so that a mistake in the
   * tracking module would show.
   */
  async missingLinks(): Promise<{ expected: number; missing: number }> {
    const [row] = await this.rows<{ expected: number; missing: number }>(
      `WITH told AS (
         SELECT split_part(event_name, '.', 3) AS event, payload, payload #>> '{repository,id}' AS repository
         FROM integration.outbox_event WHERE event_name ^@ 'webhook.github.'
       ), wanted AS (
         SELECT 'pull_request' AS source_type, repository || '#' || (payload #>> '{pull_request,number}') AS source_id,
                'repository' AS target_type, repository AS target_id
         FROM told WHERE payload ? 'pull_request'
         UNION SELECT 'pull_request', repository || '#' || (payload #>> '{pull_request,number}'),
                'commit', payload #>> '{pull_request,head,sha}'
         FROM told WHERE payload ? 'pull_request'
         UNION SELECT 'issue', repository || '#' || (payload #>> '{issue,number}'), 'repository', repository
         FROM told WHERE payload ? 'issue'
         UNION SELECT 'commit', pushed ->> 'id', 'repository', repository
         FROM told, jsonb_array_elements(payload -> 'commits') AS pushed WHERE event = 'push'
       )
       SELECT count(*)::int AS expected, count(*) FILTER (WHERE l.id IS NULL)::int AS missing
       FROM wanted w LEFT JOIN integration.integration_link l
         ON (l.source_entity_type, l.source_entity_id, l.target_entity_type, l.target_entity_id)
          = (w.source_type, w.source_id, w.target_type, w.target_id)`,
    );
    return row ?? { expected: 0, missing: 0 };
  }

  private async countedAtAll(): Promise<number> {
    const [row] = await this.rows<{ sum: number }>(
      'SELECT coalesce(sum(count), 0)::int AS sum FROM statistic',
    );
    return row?.sum ?? 0;
  }

  private async rows<T>(sql: string, values: unknown[] = []): Promise<T[]> {
    const { rows } = await this.pool.query(sql, values);
    return rows as T[];
  }
}
