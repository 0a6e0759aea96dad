import { AuditStore } from '../../audit/audit.store.js';
import type { Author } from '../../audit/change-author.js';
import type { EngineDatabase } from '../../database/engine-database.js';
import type { EngineSession } from '../../database/sql/engine-session.js';
import { tellConsumers } from '../../wakeups/wakeup.store.js';
import { FIRST_UUID } from '../../words/text.js';
import { waitLongerForLocks } from '../chosen/inbox-admin.store.js';
import { givenFilterOf } from '../chosen/operation-filter.js';
import { ReplayRequestStore } from '../chosen/replay-request.store.js';
import type { Operation, OperationPageRequest, OperationRequest } from './operation.js';
import type { PlannedEvents } from './operation-plan.store.js';

/**
 * Stored beside a list of events, as the only event. A process of a version that knows no lists works the
 * operation off by this one, and so takes nothing instead of everything.
 */
const NO_EVENT = FIRST_UUID;

/** Stands among the kinds of a plan for events that have not failed. */
const NO_KIND = '';

/** The filter of an operation, as it was given. */
const FILTER = `filter - 'states' - CASE WHEN filter ? 'outboxEventIds' THEN 'outboxEventId' ELSE 'states' END`;

const columnsWith = (
  filter: string,
) => `id, kind, state, ${filter} AS filter, jsonb_array_length(filter->'outboxEventIds') AS "chosenEvents", filter->'states' AS states, max_events AS "maxEvents", rate,
  stop_after AS "stopAfter", stop_above_percent AS "stopAbovePercent", planned_events AS "plannedEvents", planned_at_least AS "plannedAtLeast",
  coalesce(plan->'parts', '[]') AS parts, plan->'leftOut' AS "leftOut",
  (plan->>'fromPosition')::bigint AS "fromPosition", (plan->>'toPosition')::bigint AS "toPosition",
  CASE WHEN kind = 'replay' THEN next_position END AS "nextPosition", changed, requested_by AS "requestedBy", reason, created_at AS "createdAt",
  started_at AS "startedAt", progressed_at AS "progressedAt", finished_at AS "finishedAt", cancelled_by AS "cancelledBy", error`;
const COLUMNS = columnsWith(FILTER);
/** A page of lists of ids would be megabytes. */
const LISTED_COLUMNS = columnsWith(`${FILTER} - 'outboxEventIds'`);

/** An operation, and what running it needs besides. */
export interface PlannedOperation extends Operation {
  /** Of a replay: the last position of the log when it was planned. */
  readonly countedTo: number | null;
}

/** An operation as it is looked up to be changed. */
export interface FoundOperation extends PlannedOperation {
  readonly ageMs: number;
}

/** The stored operations. Each change of state is one statement that names the state before it. */
export class OperationStore {
  private readonly table: string;
  private readonly audit: AuditStore;
  private readonly replays: ReplayRequestStore;

  constructor(private readonly db: EngineDatabase) {
    this.table = db.tables.integrationOperation;
    this.audit = new AuditStore(db);
    this.replays = new ReplayRequestStore(db);
  }

  /** Stores a plan. It is not a change of events, and the audit has a row when it is run. */
  async plan(request: OperationRequest, found: PlannedEvents, author: Author): Promise<Operation> {
    const { kind, filter, states, maxEvents, rate, stopAfter, stopAbovePercent } = request;
    const stored = {
      ...filter,
      ...(filter.outboxEventIds === undefined ? {} : { outboxEventId: NO_EVENT }),
      ...(states === undefined ? {} : { states }),
    };
    return this.db.transaction(async (session) => {
      const [row] = await session.query<Operation>(
        `INSERT INTO ${this.table} (kind, filter, max_events, planned_events, planned_at_least, plan, rate, stop_after,
           requested_by, via, reason, stop_above_percent)
         VALUES ($1, $2::jsonb, $3, $4, $5, $6::jsonb, $7, $8, $9, $10, $11, $12) RETURNING ${COLUMNS}`,
        [
          kind,
          JSON.stringify(stored),
          maxEvents ?? null,
          found.events,
          found.isAtLeast,
          JSON.stringify({
            parts: found.parts,
            leftOut: found.leftOut,
            countedAt: found.countedAt,
            kinds: found.kinds?.map((kind) => kind ?? NO_KIND),
            countedTo: found.countedTo,
          }),
          rate ?? null,
          stopAfter ?? null,
          author.actor,
          author.via,
          author.reason,
          stopAbovePercent ?? null,
        ],
      );
      return row as Operation;
    });
  }

  async find(id: string): Promise<FoundOperation | undefined> {
    const [row] = await this.db.query<FoundOperation>(
      `SELECT ${COLUMNS}, (plan->>'countedTo')::bigint AS "countedTo",
         extract(epoch FROM clock_timestamp() - created_at)::float8 * 1000 AS "ageMs"
       FROM ${this.table} WHERE id = $1::uuid`,
      [id],
    );
    return row;
  }

  list(
    { state, kind, consumerName, order, after }: OperationPageRequest,
    limit: number,
  ): Promise<Operation[]> {
    const [behind, direction] = order === 'oldest' ? ['>', 'ASC'] : ['<', 'DESC'];
    const values: unknown[] = [limit];
    const given = (value: unknown) => `$${values.push(value)}`;
    const conditions = [
      ...(state === undefined ? [] : [`state = ${given(state)}`]),
      ...(kind === undefined ? [] : [`kind = ${given(kind)}`]),
      ...(consumerName === undefined
        ? []
        : [`(filter->>'consumerName')::varchar(127) = ${given(consumerName)}`]),
      ...(after === undefined
        ? []
        : [
            `(created_at, id) ${behind} (SELECT created_at, id FROM ${this.table} WHERE id = ${given(after)}::uuid)`,
          ]),
    ];
    return this.db.query<Operation>(
      `SELECT ${LISTED_COLUMNS} FROM ${this.table} ${conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`}
       ORDER BY created_at ${direction}, id ${direction} LIMIT $1`,
      values,
    );
  }

  /** Lets processes work it off, and tells them. Undefined if it is not planned any more. */
  begin(operation: Operation, author: Author): Promise<Operation | undefined> {
    return this.db.transaction(async (session) => {
      const begun = await this.change(session, operation, author, {
        action: 'operations.run',
        when: `state = 'planned'`,
        set: `state = 'running', started_at = clock_timestamp(), reason = coalesce(reason, $2::text)`,
        values: [author.reason],
      });
      // Without this message they would look for it a quarter of a minute later.
      if (begun !== undefined) await tellConsumers(session, this.db.schema);
      return begun;
    });
  }

  /** Holds it at once, as `cancel` ends it. Undefined if it does not run. */
  pause(operation: Operation, author: Author): Promise<Operation | undefined> {
    return this.db.transaction(async (session) => {
      await waitLongerForLocks(session);
      return this.change(session, operation, author, {
        action: 'operations.pause',
        when: `state = 'running'`,
        set: `state = 'paused', lease_owner = NULL, lease_token = NULL, lease_expires_at = NULL`,
      });
    });
  }

  /** Lets processes go on with it, and tells them. Undefined if it is not paused. */
  resume(operation: Operation, author: Author): Promise<Operation | undefined> {
    return this.db.transaction(async (session) => {
      const resumed = await this.change(session, operation, author, {
        action: 'operations.resume',
        when: `state = 'paused'`,
        set: `state = 'running'`,
      });
      if (resumed !== undefined) await tellConsumers(session, this.db.schema);
      return resumed;
    });
  }

  /** The next portion goes by the new rate. Undefined if it has ended. */
  changeRate(operation: Operation, rate: number | null, author: Author): Promise<Operation | undefined> {
    return this.db.transaction(async (session) => {
      await waitLongerForLocks(session);
      return this.change(session, operation, author, {
        action: 'operations.rate',
        when: `state IN ('planned', 'running', 'paused')`,
        set: `rate = $2::integer`,
        values: [rate],
      });
    });
  }

  /**
   * Lets the owner of the consumer work a replay off. Undefined if it is not planned any more. The cursors
   * are locked before the operation, as for each of its windows.
   */
  async beginReplay(operation: PlannedOperation, author: Author): Promise<Operation | undefined> {
    const { id, filter, countedTo } = operation;
    const { consumerName = '' } = filter;
    const { from, to } = await this.replays.boundsOf(givenFilterOf(filter));
    const bounds = { from, to: Math.min(to, countedTo ?? to) };
    return this.db.transaction(async (session) => {
      await this.replays.lockConsumer(session, consumerName);
      const begun = await this.change(session, operation, author, {
        action: 'operations.run',
        when: `state = 'planned' AND EXISTS (SELECT FROM ${this.db.tables.inboxCursor} WHERE consumer_name = $2)`,
        set: `state = 'running', started_at = clock_timestamp(), reason = coalesce(reason, $3::text)`,
        values: [consumerName, author.reason],
      });
      if (begun === undefined) return undefined;
      const request = await this.replays.insert(session, consumerName, filter, bounds, author.actor, id);
      const [row] = await session.query<Operation>(
        `UPDATE ${this.table} SET next_position = $2, plan = plan || jsonb_build_object('fromPosition', $2::bigint, 'toPosition', $3::bigint)
         WHERE id = $1::uuid RETURNING ${COLUMNS}`,
        [id, request?.nextPosition, request?.toPosition],
      );
      return row;
    });
  }

  /**
   * Ends it at once: a portion locks this row first, so no portion follows. Undefined if it has ended
   * already.
   */
  cancel(operation: Operation, author: Author): Promise<Operation | undefined> {
    return this.db.transaction(async (session) => {
      await waitLongerForLocks(session);
      // The windows of a replay lock the request before the operation.
      if (operation.kind === 'replay') await this.replays.end(session, operation.id);
      return this.change(session, operation, author, {
        action: 'operations.cancel',
        when: `state IN ('planned', 'running', 'paused')`,
        set: `state = 'cancelled', finished_at = clock_timestamp(), cancel_asked_at = clock_timestamp(), cancelled_by = $2,
          lease_owner = NULL, lease_token = NULL, lease_expires_at = NULL`,
        values: [author.actor],
      });
    });
  }

  private async change(
    session: EngineSession,
    { id, kind, state, filter, changed, rate }: Operation,
    author: Author,
    change: {
      readonly action: string;
      readonly when: string;
      readonly set: string;
      /** Parameters of `set`, from $2 on. */
      readonly values?: readonly unknown[];
    },
  ): Promise<Operation | undefined> {
    const { action, when, set, values = [] } = change;
    const [row] = await session.query<Operation>(
      `UPDATE ${this.table} SET ${set} WHERE id = $1::uuid AND ${when} RETURNING ${COLUMNS}`,
      [id, ...values],
    );
    if (row !== undefined)
      await this.audit.add(session, author, {
        action,
        target: `operation/${id}`,
        before: { state, changed, ...(rate === row.rate ? {} : { rate }) },
        after: { state: row.state, kind, filter, ...(rate === row.rate ? {} : { rate: row.rate }) },
      });
    return row;
  }
}
