import type { EngineDatabase } from '../database/engine-database.js';
import { pageOf } from '../words/page-of.js';
import type {
  ListedSaga,
  SagaFilter,
  SagaHistoryEntry,
  SagaInstance,
  SagaPage,
  SagaStepCount,
  SagaSteps,
  SagaTimeoutState,
  SagaTransition,
  WaitingEvent,
} from './saga-instance.js';
import { AFTER_END } from './saga-reasons.js';

/** How many waiting events are shown of a saga. */
const MOST_SHOWN = 100;
/** How many active sagas are counted by their steps. */
const MOST_COUNTED = 100_000;
/** Of how many sagas the ways are shown, and how much of the history of each. */
const MOST_FOLLOWED = 1_000;
const MOST_ENTRIES = 100;

const LISTED = `i.saga, i.key, i.id::text AS id, i.tenant_id AS "tenantId", i.step, i.status, i.version, i.steps,
  i.started_at AS "startedAt", i.changed_at AS "changedAt", i.ended_at AS "endedAt"`;

/** SQL condition: an active saga has not changed for so many hours, and has no timeout to come. */
const stuckFor = (
  hours: string,
) => `(i.status = 'active' AND i.changed_at < now() - ${hours}::int * interval '1 hour'
  AND NOT EXISTS (SELECT FROM jsonb_each(i.timeouts) AS t WHERE (t.value->>'at')::timestamptz > now()))`;

type DetailsRow = Omit<SagaInstance, 'timeouts' | 'waiting'> & {
  readonly timeouts: Readonly<Record<string, { readonly at: string }>>;
};

/** A saga that does not go on. */
export interface StuckSaga extends Pick<ListedSaga, 'saga' | 'key' | 'step' | 'changedAt'> {}

/** Which page of sagas. `after` is the id of the last one of the page before. */
export interface WhichPage {
  readonly after: string | undefined;
  readonly limit: number;
}

/** Looks at sagas without a lock. After so many hours without a change a saga counts as stuck. */
export class SagaLookStore {
  private readonly instance: string;
  private readonly step: string;
  private readonly waiting: string;

  constructor(
    private readonly db: Pick<EngineDatabase, 'query' | 'tables'>,
    private readonly stuckAfterHours: number,
  ) {
    this.instance = db.tables.sagaInstance;
    this.step = db.tables.sagaStep;
    this.waiting = db.tables.sagaWaiting;
  }

  async find(saga: string, key: string): Promise<SagaInstance | undefined> {
    const [row] = await this.db.query<DetailsRow>(
      `SELECT ${LISTED}, ${stuckFor('$3')} AS stuck, i.state, i.timeouts, jsonb_array_length(i.undo) AS undo
       FROM ${this.instance} i WHERE i.saga = $1 AND i.key = $2`,
      [saga, key, this.stuckAfterHours],
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

  /** A page of sagas, those that began last first. */
  async page(filter: SagaFilter, { after, limit }: WhichPage): Promise<SagaPage> {
    const found = await this.listed(filter, after, limit + 1);
    const { rows: sagas, next } = pageOf(found, limit, ({ id }) => id);
    return { sagas, next };
  }

  /** How many active sagas are in which step. */
  async steps(): Promise<SagaSteps> {
    const counted = await this.db.query<SagaStepCount>(
      `WITH counted AS MATERIALIZED (
         SELECT i.saga, i.step, i.changed_at, ${stuckFor('$1')} AS stuck FROM ${this.instance} i
         WHERE i.status = 'active' ORDER BY i.changed_at LIMIT ${MOST_COUNTED + 1})
       SELECT saga, step, count(*) AS sagas, min(changed_at) AS "oldestChangeAt",
         percentile_disc(0.5) WITHIN GROUP (ORDER BY changed_at) AS "medianChangeAt", count(*) FILTER (WHERE stuck) AS stuck
       FROM counted GROUP BY saga, step ORDER BY saga, step`,
      [this.stuckAfterHours],
    );
    const all = counted.reduce((sum, { sagas }) => sum + sagas, 0);
    return { steps: counted, atLeast: all > MOST_COUNTED };
  }

  /**
   * The ways that the sagas of a name have taken that began last, those that were taken most often first.
   * What was skipped is no way. After the entry with which a saga has ended, there are only skipped events.
   */
  transitions(saga: string): Promise<SagaTransition[]> {
    return this.db.query<SagaTransition>(
      `WITH newest AS MATERIALIZED (
         SELECT i.id, i.status FROM ${this.instance} i WHERE i.saga = $1 ORDER BY i.id DESC LIMIT ${MOST_FOLLOWED}),
       entry AS (
         SELECT s.*, newest.status, s.n = max(s.n) FILTER (WHERE s.reason IS DISTINCT FROM $2) OVER (PARTITION BY s.id) AS is_last
         FROM newest CROSS JOIN LATERAL (SELECT * FROM ${this.step} s WHERE s.id = newest.id ORDER BY s.n LIMIT ${MOST_ENTRIES}) AS s),
       way AS (
         SELECT step_before, step_after, name, at, reason, CASE WHEN is_last AND status <> 'active' THEN status END AS outcome FROM entry)
       SELECT step_before AS "from", step_after AS "to", outcome, name, count(*) AS times, max(at) AS "lastAt" FROM way
       WHERE reason IS NULL OR outcome IS NOT NULL OR step_before IS DISTINCT FROM step_after
       GROUP BY step_before, step_after, outcome, name ORDER BY times DESC, "lastAt" DESC, name LIMIT ${MOST_SHOWN}`,
      [saga, AFTER_END],
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

  /** Sagas that are stuck, the oldest change first. */
  stuck(most: number): Promise<StuckSaga[]> {
    return this.db.query<StuckSaga>(
      `SELECT saga, key, step, changed_at AS "changedAt" FROM ${this.instance} i
       WHERE ${stuckFor('$1')} ORDER BY changed_at LIMIT $2`,
      [this.stuckAfterHours, most],
    );
  }

  private listed(filter: SagaFilter, after: string | undefined, limit: number): Promise<ListedSaga[]> {
    const values: unknown[] = [];
    const given = (value: unknown) => `$${values.push(value)}`;
    const { saga, status, step, tenantId, stuck } = filter;
    const isStuck = stuckFor(given(this.stuckAfterHours));
    const conditions = [
      ...(after === undefined ? [] : [`i.id < ${given(after)}::uuid`]),
      ...(saga === undefined ? [] : [`i.saga = ${given(saga)}`]),
      ...(status === undefined ? [] : [`i.status = ${given(status)}`]),
      ...(step === undefined ? [] : [`i.step = ${given(step)}`]),
      ...(tenantId === undefined ? [] : [`i.tenant_id = ${given(tenantId)}`]),
      ...(stuck === undefined ? [] : [`${stuck ? '' : 'NOT '}${isStuck}`]),
    ];
    const where = conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`;
    return this.db.query<ListedSaga>(
      `SELECT ${LISTED}, ${isStuck} AS stuck FROM ${this.instance} i ${where} ORDER BY i.id DESC LIMIT ${given(limit)}`,
      values,
    );
  }
}

function timeoutsOf(timeouts: DetailsRow['timeouts']): SagaTimeoutState[] {
  return Object.entries(timeouts)
    .map(([name, { at }]) => ({ name, at: new Date(at) }))
    .sort((one, other) => one.at.getTime() - other.at.getTime());
}
