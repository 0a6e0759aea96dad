import { EngineDatabase } from '../../database/engine-database.js';
import type { EngineSession } from '../../database/sql/engine-session.js';
import { exactTimeText } from '../../database/sql/epoch-text.store.js';
import { endSoonWhenIdle } from '../../database/sql/idle-limit.store.js';
import { tellConsumers } from '../../wakeups/wakeup.store.js';
import type { RowOperation, RowPlace } from '../chosen/inbox-admin.store.js';
import { PLAN_GROWTH } from './operation-checks.js';
import type { OperationKinds } from './operation-kinds.js';

/** Milliseconds. A process that dies gives its operation up after this time. */
const LEASE_MS = 15_000;

/** An operation that this process works on. */
export interface ClaimedOperation extends Omit<RowOperation, 'kind'> {
  readonly kind: string;
  readonly token: string;
  readonly rate: number | null;
  readonly stopAfter: number | null;
  readonly stopAbovePercent: number | null;
  /** How many events were changed when it was claimed. */
  readonly changed: number;
}

/** `lost`: it was cancelled, or another process has it. */
export type PortionResult =
  | { readonly state: 'lost' | 'ended' }
  | { readonly state: 'went-on'; readonly changed: number };

interface Progress {
  readonly changed: number;
  readonly maxEvents: number | null;
  readonly nextPosition: number | null;
  readonly nextId: string | null;
}

/*
 * Why each event is changed once. A portion is one transaction. It reads the place that the operation has
 * noted, chooses the rows behind it, and locks their cursors. Then it locks the row of the operation, and
 * goes on only if the operation still runs under the token of this process. Nobody without the token moves
 * the place, so it is still the one that was read. The portion changes the rows and notes the new place. So
 * a process that is killed has either done both or none. Another process that claims the operation writes a
 * token of its own, and a portion of the old one that comes later finds that token and changes nothing.
 *
 * Why a cancellation does not wait for long. It changes the state of the row of the operation. A portion
 * waits for cursors, which others may hold, before it locks that row, and for nothing afterwards. If its
 * process stands still there, the server ends the transaction after a second, because a portion may not
 * pause for longer. Nothing of it was committed then. The next process with the operation does it again.
 *
 * Everybody locks cursors before operations (windows of replays, renaming, removing), so nobody waits in a
 * circle.
 */

/*
 * Why no operation takes what nobody looked at. A plan remembers when it counted, and its run takes only rows
 * that nothing has changed since. Every change of a row writes its time. A row that failed or died later
 * therefore has a later time, and does not belong to it. Only a change that was under way while the plan
 * counted may have an earlier time and yet not have been counted. So a plan that has counted everything also
 * remembers the kinds of failures that it found. Its run takes no other kind, and ends once it would take a
 * tenth more. The plan of a replay remembers the end of the log instead, and its run goes no further.
 */

/** Works operations off, portion by portion. */
export class OperationWorkStore {
  private readonly table: string;

  constructor(
    private readonly db: EngineDatabase,
    private readonly kinds: OperationKinds,
  ) {
    this.table = db.tables.integrationOperation;
  }

  /**
   * Takes an operation that runs and that no other process works on: the one whose last portion is the
   * longest ago. `dead` are processes that have ended, as the failure detector knows. Whether it is right
   * does not matter for what is changed, because every portion is fenced by the token. `resting` are not
   * wanted now. A process takes only the kinds that it knows.
   */
  async claim(
    processId: string,
    dead: readonly string[] = [],
    resting: readonly string[] = [],
  ): Promise<ClaimedOperation | undefined> {
    const [row] = await this.db.query<ClaimedOperation>(
      `UPDATE ${this.table} SET lease_owner = $1::uuid, lease_token = gen_random_uuid(),
         lease_expires_at = clock_timestamp() + $2::float8 * interval '1 millisecond'
       WHERE id = (
         SELECT id FROM ${this.table} WHERE state = 'running' AND kind = ANY ($5::text[])
           AND (lease_owner IS NULL OR lease_owner = $1::uuid OR lease_expires_at <= clock_timestamp()
             OR lease_owner = ANY ($3::uuid[]))
           AND id <> ALL ($4::uuid[])
         ORDER BY coalesce(progressed_at, started_at), created_at, id LIMIT 1 FOR UPDATE SKIP LOCKED)
       RETURNING id, lease_token AS token, kind, filter - 'states' AS filter, filter->'states' AS states, rate,
         stop_after AS "stopAfter", stop_above_percent AS "stopAbovePercent", changed, requested_by AS actor, reason,
         coalesce(plan->>'countedAt', ${exactTimeText('created_at')}) AS "unchangedSince", plan->'kinds' AS kinds`,
      [processId, LEASE_MS, dead, resting, this.kinds.names],
    );
    return row;
  }

  /** Gives back the operations of a process. The process must not do another portion of them. */
  async releaseAll(processId: string): Promise<void> {
    await this.db.query(
      `UPDATE ${this.table} SET lease_owner = NULL, lease_token = NULL, lease_expires_at = NULL
       WHERE state = 'running' AND lease_owner = $1::uuid`,
      [processId],
    );
  }

  /** Changes at most `most` events, and notes how far it has come. With 0 it only keeps the lease. */
  portion(operation: ClaimedOperation, most: number): Promise<PortionResult> {
    const kind = this.kinds.require(operation.kind);
    return this.db.transaction(async (session) => {
      await endSoonWhenIdle(session);
      const progress = await this.progress(session, operation);
      if (progress === undefined) return { state: 'lost' };
      const place = placeOf(progress);
      const left = (progress.maxEvents ?? Number.POSITIVE_INFINITY) - progress.changed;
      const some = Math.min(most, left);
      const chosen =
        some <= 0 ? undefined : await kind.choose({ db: this.db, session }, operation, some, place);
      if (!(await this.lock(session, operation))) return { state: 'lost' };
      if (left <= 0) return this.end(session, operation, 'done', null);
      if (chosen === undefined) return this.note(session, operation, 0, place);
      const changed = await chosen.change(session);
      await this.note(session, operation, changed, chosen.last ?? place);
      return chosen.last === undefined || changed >= left
        ? this.end(session, operation, 'done', null)
        : { state: 'went-on', changed };
    });
  }

  /**
   * Tells the processes with consumers to look at once for events that were sent. Their next beat does so
   * anyway.
   */
  async wakeOwners(): Promise<void> {
    await tellConsumers(this.db, this.db.schema);
  }

  /** Ends it because too many of its events have failed again. */
  stop(operation: ClaimedOperation, error: string): Promise<PortionResult> {
    return this.db.transaction(async (session) => {
      await endSoonWhenIdle(session);
      return (await this.lock(session, operation))
        ? this.end(session, operation, 'failed', error)
        : { state: 'lost' };
    });
  }

  /**
   * Somebody looked at the counts of the plan, so events that come while it runs do not make it much larger.
   * Otherwise it would not end where more fails than its rate allows to change.
   */
  private async progress(
    session: EngineSession,
    { id, token }: ClaimedOperation,
  ): Promise<Progress | undefined> {
    const [row] = await session.query<Progress>(
      `SELECT changed, least(max_events, CASE WHEN NOT planned_at_least THEN floor(planned_events * ${PLAN_GROWTH})::bigint END) AS "maxEvents",
         next_position AS "nextPosition", next_id AS "nextId"
       FROM ${this.table} WHERE id = $1::uuid AND lease_token = $2::uuid AND state = 'running'`,
      [id, token],
    );
    return row;
  }

  /** Returns false if the operation was cancelled, or if another process has it. */
  private async lock(session: EngineSession, { id, token }: ClaimedOperation): Promise<boolean> {
    const rows = await session.query(
      `SELECT FROM ${this.table} WHERE id = $1::uuid AND lease_token = $2::uuid AND state = 'running' FOR UPDATE`,
      [id, token],
    );
    return rows.length > 0;
  }

  private async note(
    session: EngineSession,
    { id }: ClaimedOperation,
    changed: number,
    place: RowPlace | undefined,
  ): Promise<PortionResult> {
    await session.query(
      `UPDATE ${this.table} SET changed = changed + $2, next_position = $3, next_id = $4::uuid,
         progressed_at = clock_timestamp(), lease_expires_at = clock_timestamp() + $5::float8 * interval '1 millisecond'
       WHERE id = $1::uuid`,
      [id, changed, place?.position ?? null, place?.id ?? null, LEASE_MS],
    );
    return { state: 'went-on', changed };
  }

  private async end(
    session: EngineSession,
    { id }: ClaimedOperation,
    state: 'done' | 'failed',
    error: string | null,
  ): Promise<PortionResult> {
    await session.query(
      `UPDATE ${this.table} SET state = $2, error = $3, finished_at = clock_timestamp(), lease_owner = NULL,
         lease_token = NULL, lease_expires_at = NULL
       WHERE id = $1::uuid`,
      [id, state, error],
    );
    return { state: 'ended' };
  }
}

function placeOf({ nextPosition, nextId }: Progress): RowPlace | undefined {
  return nextPosition === null || nextId === null ? undefined : { position: nextPosition, id: nextId };
}
