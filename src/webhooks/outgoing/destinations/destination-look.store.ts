import type { EngineDatabase } from '../../../database/engine-database.js';
import { countedTo } from '../../../rates/counted.js';
import type { WebhookDestination } from './destination.js';

/** So many deliveries and attempts of each destination are counted. */
const COUNTED = 1_000;

/** How a destination stands, beside what it is. */
export interface DestinationState {
  readonly waiting: number;
  readonly dead: number;
  readonly attempts: number;
  readonly delivered: number;
  readonly failures: number;
  readonly failingSince: Date | null;
}

export type ListedDestination = Pick<
  WebhookDestination,
  'id' | 'tenantId' | 'url' | 'eventTypes' | 'status' | 'reason' | 'behindFrom' | 'createdAt'
> &
  DestinationState;

/**
 * What admins see of the destinations of all tenants. Each count is bounded, and each look goes by an index
 * of the destination, so that a page costs the same however much waits.
 */
export class DestinationLookStore {
  private readonly selectSql: string;

  constructor(private readonly db: Pick<EngineDatabase, 'query' | 'tables'>) {
    const { webhookDestination, webhookDelivery, webhookAttempt, outgoingTarget } = db.tables;
    const upto = COUNTED + 1;
    const counted = (status: string) =>
      `(SELECT count(*)::int FROM (SELECT FROM ${webhookDelivery} v WHERE v.destination_id = d.id AND v.status = '${status}' LIMIT ${upto}) AS r)`;
    this.selectSql = `
      SELECT d.id, d.tenant_id AS "tenantId", d.url, d.event_types AS "eventTypes", d.status, d.reason, d.behind_from AS "behindFrom",
        d.created_at AS "createdAt", ${counted('pending')} AS waiting, ${counted('dead')} AS dead,
        hour.attempts, hour.delivered, coalesce(t.failures, 0) AS failures, t.failing_since AS "failingSince"
      FROM ${webhookDestination} d
      LEFT JOIN LATERAL (SELECT failures, failing_since FROM ${outgoingTarget} WHERE kind = 'webhook' AND id = d.id OFFSET 0) t ON true
      CROSS JOIN LATERAL (
        SELECT count(*)::int AS attempts, (count(*) FILTER (WHERE r.status_code BETWEEN 200 AND 299))::int AS delivered FROM (
          SELECT a.status_code FROM ${webhookAttempt} a WHERE a.destination_id = d.id AND a.at > clock_timestamp() - interval '1 hour'
          ORDER BY a.at DESC LIMIT ${upto}) AS r) AS hour`;
  }

  /** The destinations behind an id, in the order of their creation, of one tenant or of all. */
  page(
    filter: { readonly tenant: string | undefined; readonly status: string | undefined },
    after: string | undefined,
    limit: number,
  ): Promise<ListedDestination[]> {
    return this.db.query<ListedDestination>(
      `${this.selectSql}
       WHERE ($1::text IS NULL OR d.tenant_id = $1) AND ($2::text IS NULL OR d.status = $2) AND ($3::uuid IS NULL OR d.id > $3)
       ORDER BY d.id LIMIT $4`,
      [filter.tenant ?? null, filter.status ?? null, after ?? null, limit],
    );
  }

  /** Undefined if there is no such destination. */
  async ofId(id: string): Promise<ListedDestination | undefined> {
    const [row] = await this.db.query<ListedDestination>(`${this.selectSql} WHERE d.id = $1`, [id]);
    return row;
  }
}

/** The fields of an answer that the state gives. */
export function stateOf({ waiting, dead, attempts, delivered, failures, failingSince }: DestinationState) {
  return {
    waiting: countedTo(waiting, COUNTED),
    dead: countedTo(dead, COUNTED),
    lastHour: { attempts: countedTo(attempts, COUNTED), delivered: Math.min(delivered, COUNTED) },
    failures,
    failingSince,
  };
}
