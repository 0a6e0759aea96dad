import type { EngineDatabase } from '../database/engine-database.js';
import type {
  ListedSaga,
  SagaFilter,
  SagaHistoryEntry,
  SagaInstance,
  SagaTimeoutState,
  WaitingEvent,
} from './saga-instance.js';

/** How many waiting events are shown of a saga. */
const MOST_SHOWN = 100;

const LISTED = `i.saga, i.key, i.id::text AS id, i.tenant_id AS "tenantId", i.step, i.status, i.version, i.steps,
  i.started_at AS "startedAt", i.changed_at AS "changedAt", i.ended_at AS "endedAt"`;

type DetailsRow = Omit<SagaInstance, 'timeouts' | 'waiting'> & {
  readonly timeouts: Readonly<Record<string, { readonly at: string }>>;
};

/** A saga that does not go on. */
export interface StuckSaga extends Pick<ListedSaga, 'saga' | 'key' | 'step' | 'changedAt'> {}

/** Looks at sagas without a lock. */
export class SagaLookStore {
  private readonly instance: string;
  private readonly step: string;
  private readonly waiting: string;

  constructor(private readonly db: Pick<EngineDatabase, 'query' | 'tables'>) {
    this.instance = db.tables.sagaInstance;
    this.step = db.tables.sagaStep;
    this.waiting = db.tables.sagaWaiting;
  }

  async find(saga: string, key: string): Promise<SagaInstance | undefined> {
    const [row] = await this.db.query<DetailsRow>(
      `SELECT ${LISTED}, i.state, i.timeouts, jsonb_array_length(i.undo) AS undo
       FROM ${this.instance} i WHERE i.saga = $1 AND i.key = $2`,
      [saga, key],
    );
    if (row === undefined) return undefined;
    return { ...row, timeouts: timeoutsOf(row.timeouts), waiting: await this.waitingFor(saga, key) };
  }

  /** Events that wait for a saga, also for one that has not begun, in their order. */
  waitingFor(saga: string, key: string): Promise<WaitingEvent[]> {
    return this.db.query<WaitingEvent>(
      `SELECT event->>'outboxEventId' AS "outboxEventId", position, event->>'eventName' AS "eventName", wanted,
         until, released_at AS "releasedAt"
       FROM ${this.waiting} WHERE saga = $1 AND key = $2 ORDER BY position LIMIT ${MOST_SHOWN}`,
      [saga, key],
    );
  }

  /** A page of sagas, those that began last first. `after` is the id of the last one of the page before. */
  list(filter: SagaFilter, after: string | undefined, limit: number): Promise<ListedSaga[]> {
    const values: unknown[] = [];
    const given = (value: unknown) => `$${values.push(value)}`;
    const { saga, status, step, tenantId } = filter;
    const conditions = [
      ...(after === undefined ? [] : [`i.id < ${given(after)}::uuid`]),
      ...(saga === undefined ? [] : [`i.saga = ${given(saga)}`]),
      ...(status === undefined ? [] : [`i.status = ${given(status)}`]),
      ...(step === undefined ? [] : [`i.step = ${given(step)}`]),
      ...(tenantId === undefined ? [] : [`i.tenant_id = ${given(tenantId)}`]),
    ];
    const where = conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`;
    return this.db.query<ListedSaga>(
      `SELECT ${LISTED} FROM ${this.instance} i ${where} ORDER BY i.id DESC LIMIT ${given(limit)}`,
      values,
    );
  }

  /** The whole history of a saga, in its order. It is bounded by what a saga may do. */
  history(id: string): Promise<SagaHistoryEntry[]> {
    return this.db.query<SagaHistoryEntry>(
      `SELECT n, outbox_event_id::text AS "outboxEventId", name, step_before AS "stepBefore", step_after AS "stepAfter", reason, at
       FROM ${this.step} WHERE id = $1::uuid ORDER BY n`,
      [id],
    );
  }

  /**
   * Sagas that have not changed for so many hours and wait for no timeout that is still to come, the oldest
   * change first.
   */
  stuck(hours: number, most: number): Promise<StuckSaga[]> {
    return this.db.query<StuckSaga>(
      `SELECT saga, key, step, changed_at AS "changedAt" FROM ${this.instance} i
       WHERE status = 'active' AND changed_at < clock_timestamp() - $1::int * interval '1 hour'
         AND NOT EXISTS (SELECT FROM jsonb_each(i.timeouts) AS t WHERE (t.value->>'at')::timestamptz > clock_timestamp())
       ORDER BY changed_at LIMIT $2`,
      [hours, most],
    );
  }
}

function timeoutsOf(timeouts: DetailsRow['timeouts']): SagaTimeoutState[] {
  return Object.entries(timeouts)
    .map(([name, { at }]) => ({ name, at: new Date(at) }))
    .sort((one, other) => one.at.getTime() - other.at.getTime());
}
