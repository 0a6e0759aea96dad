import type { EngineDatabase } from '../database/engine-database.js';
import { pageOf } from '../words/page-of.js';
import type {
  CallCount,
  CallCounts,
  CallFilter,
  CallPage,
  CallReport,
  ExternalCall,
  ListedCall,
} from './external-call.js';
import { hasEnded } from './heard.js';

const OUTCOME_UNKNOWN = 'INTEGRATION_CALL_OUTCOME_UNKNOWN';
/** SQL condition: nobody knows whether the other system has taken the call. */
const IS_UNKNOWN = `(c.is_unknown OR coalesce(c.error->>'code' = '${OUTCOME_UNKNOWN}', false))`;

const LISTED = `c.id::text AS id, c.type, c.tenant_id AS "tenantId", c.group_key AS "group",
  CASE WHEN c.subject_id IS NOT NULL THEN jsonb_build_object('type', c.subject_type, 'id', c.subject_id) END AS subject, c.caller,
  c.status, c.external_id AS "externalId", c.error, c.attempt AS attempts, ${IS_UNKNOWN} AS "isOutcomeUnknown", c.last_error AS "lastError",
  c.cancel_reason AS "cancelReason", c.retry_of::text AS "retryOf", c.due_at AS "dueAt", c.deadline_at AS "deadlineAt",
  c.created_at AS "createdAt", c.changed_at AS "changedAt", c.ended_at AS "endedAt"`;
/** How many calls are counted of those that go on, and of those that have ended in a day. */
const MOST_COUNTED = 100_000;
/** How many reports of a call are shown. The same report in a row is one. */
const MOST_REPORTS = 1_000;

/** Looks at calls without a lock. */
export class CallLookStore {
  private readonly call: string;
  private readonly report: string;

  constructor(private readonly db: Pick<EngineDatabase, 'query' | 'tables'>) {
    this.call = db.tables.externalCall;
    this.report = db.tables.externalCallReport;
  }

  async find(id: string): Promise<ExternalCall | undefined> {
    const [row] = await this.db.query<ExternalCall>(
      `SELECT ${LISTED}, c.request, c.result FROM ${this.call} c WHERE c.id = $1::uuid`,
      [id],
    );
    return row;
  }

  /** A page of calls, those made last first. `after` is the `next` of the page before. */
  async page(filter: CallFilter, after: string | undefined, limit: number): Promise<CallPage> {
    const found = await this.list(filter, after, limit + 1);
    const { rows: calls, next } = pageOf(found, limit, ({ id }) => id);
    return { calls, next };
  }

  /** How many calls of which type stand how. Of those that have ended, only the ones of the last day. */
  async counts(): Promise<CallCounts> {
    const counted = `c.type, c.status, c.changed_at, ${IS_UNKNOWN} AS is_unknown FROM ${this.call} c`;
    const rows = await this.db.query<CallCount>(
      `WITH open AS (SELECT ${counted} WHERE c.ended_at IS NULL ORDER BY c.deadline_at LIMIT ${MOST_COUNTED + 1}),
         ended AS (SELECT ${counted} WHERE c.ended_at > now() - interval '1 day' ORDER BY c.ended_at DESC LIMIT ${MOST_COUNTED + 1})
       SELECT type, status, count(*) AS calls, count(*) FILTER (WHERE is_unknown) AS "outcomeUnknown",
         min(changed_at) AS "oldestChangeAt", max(changed_at) AS "newestChangeAt"
       FROM (SELECT * FROM open UNION ALL SELECT * FROM ended) AS c GROUP BY type, status ORDER BY type, status`,
    );
    const all = (isOpen: boolean) =>
      rows.reduce((sum, { status, calls }) => (hasEnded(status) === isOpen ? sum : sum + calls), 0);
    return { items: rows, atLeast: Math.max(all(true), all(false)) > MOST_COUNTED };
  }

  private list(filter: CallFilter, after: string | undefined, limit: number): Promise<ListedCall[]> {
    const values: unknown[] = [];
    const given = (value: unknown) => `$${values.push(value)}`;
    const { type, status, tenantId, group, subject, isOutcomeUnknown } = filter;
    const conditions = [
      ...(after === undefined ? [] : [`c.id < ${given(after)}::uuid`]),
      ...(type === undefined ? [] : [`c.type = ${given(type)}`]),
      ...(status === undefined ? [] : [`c.status = ${given(status)}`]),
      ...(tenantId === undefined ? [] : [`c.tenant_id = ${given(tenantId)}`]),
      ...(group === undefined ? [] : [`c.group_key = ${given(group)}`]),
      ...(subject === undefined
        ? []
        : [`c.subject_type = ${given(subject.type)} AND c.subject_id = ${given(subject.id)}`]),
      ...(isOutcomeUnknown === undefined ? [] : [`${isOutcomeUnknown ? '' : 'NOT '}${IS_UNKNOWN}`]),
    ];
    const where = conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`;
    return this.db.query<ListedCall>(
      `SELECT ${LISTED} FROM ${this.call} c ${where} ORDER BY c.id DESC LIMIT ${given(limit)}`,
      values,
    );
  }

  /** What was heard of a call, in the order in which it came. */
  reports(id: string): Promise<CallReport[]> {
    return this.db.query<CallReport>(
      `SELECT id, external_id AS "externalId", phase, source, data, applied, times, at, last_at AS "lastAt"
       FROM ${this.report} WHERE call_id = $1::uuid ORDER BY id LIMIT ${MOST_REPORTS}`,
      [id],
    );
  }

  /** Calls whose deadline passed so many seconds ago and that have not ended, the first ones first. */
  overdue(seconds: number, most: number): Promise<{ id: string; type: string; deadlineAt: Date }[]> {
    return this.db.query(
      `SELECT id::text AS id, type, deadline_at AS "deadlineAt" FROM ${this.call}
       WHERE ended_at IS NULL AND deadline_at < now() - $1::int * interval '1 second' ORDER BY deadline_at LIMIT $2`,
      [seconds, most],
    );
  }

  /** Calls that have ended in the last so many days, and nobody knows how. Those that ended last first. */
  unknown(days: number, most: number): Promise<{ id: string; type: string; endedAt: Date }[]> {
    return this.db.query(
      `SELECT id::text AS id, type, ended_at AS "endedAt" FROM ${this.call} c
       WHERE ended_at > now() - $1::int * interval '1 day' AND error->>'code' = '${OUTCOME_UNKNOWN}'
         AND NOT EXISTS (SELECT FROM ${this.call} later WHERE later.retry_of = c.id AND later.created_at >= c.ended_at)
       ORDER BY ended_at DESC LIMIT $2`,
      [days, most],
    );
  }
}
