import { AuditStore } from '../audit/audit.store.js';
import { authorOf, type ChangeAuthor } from '../audit/change-author.js';
import { clientOf } from '../database/clients/session-client.js';
import type { EngineDatabase } from '../database/engine-database.js';
import type { EngineSession } from '../database/sql/engine-session.js';
import { UuidV7Generator } from '../events/uuid-v7.js';
import { OutgoingTargetStore } from '../lanes/outgoing-target.store.js';
import type { PartEvents } from '../outbox/part-events.js';
import { CallStore, type StoredCall } from './call.store.js';
import { unknownCall, wrongState } from './call-errors.js';
import { callEvent, callEventName } from './call-events.js';
import type { CallMetrics } from './call-metrics.js';
import { CallRetryStore } from './call-retry.store.js';
import { CallTurn } from './call-turn.js';
import { kindOf } from './call-type.js';
import { hasEnded } from './heard.js';

/** What an admin, or the application, changes of a call. */
export interface ChangedCall {
  /** The call that goes on: for a retry of one that has failed, the new one. */
  readonly id: string;
  readonly type: string;
  readonly target: string;
}

interface Change {
  readonly call: StoredCall;
  /** The names of the events that were written. */
  readonly names: readonly string[];
  /** The call is canceled. */
  readonly hasEnded?: boolean;
}

/** Whose call it may be. Undefined for everybody's. */
export type OfTenant = string | undefined;

const IDS = new UuidV7Generator();

/*
 * The order of locks is that of the lanes: the target first, then the call. The target is known before its
 * lock, because it never changes.
 */

/** Changes calls by hand. Each change is a transaction of its own, with its audit. */
export class CallChanges {
  private readonly store: CallStore;
  private readonly targets: OutgoingTargetStore;

  constructor(
    private readonly db: EngineDatabase,
    private readonly events: PartEvents,
    /** Undefined where no application runs. */
    private readonly metrics?: CallMetrics,
  ) {
    this.store = new CallStore(db);
    this.targets = new OutgoingTargetStore(db);
  }

  /** Asks the other system now how far the call is, or begins it now. */
  check(id: string, tenant: OfTenant, author: ChangeAuthor): Promise<ChangedCall> {
    return this.change('check', id, tenant, author, async (session, call) => {
      if (hasEnded(call.status)) throw ended(call);
      if (call.ownerToken === null) await this.dueNow(session, call, {});
      return { call, names: [] };
    });
  }

  /** Begins a call that waits now. One that has failed is repeated by a new call. */
  retry(id: string, tenant: OfTenant, author: ChangeAuthor): Promise<ChangedCall> {
    return this.change('retry', id, tenant, author, async (session, call) => {
      if (call.status === 'failed') return this.repeat(session, call);
      if (call.status !== 'requested')
        throw wrongState(
          `The call ${id} is ${call.status}, and only a call that has failed, or was not started, is tried again`,
          {
            callId: id,
            status: call.status,
          },
        );
      if (call.ownerToken === null) await this.dueNow(session, call, {});
      return { call, names: [] };
    });
  }

  /**
   * Ends a call that was not started. Of any other the other system is told, as soon as the external id is
   * known.
   */
  cancel(id: string, tenant: OfTenant, author: ChangeAuthor): Promise<ChangedCall> {
    return this.change('cancel', id, tenant, author, async (session, call) => {
      if (hasEnded(call.status)) throw ended(call);
      const { actor, reason } = authorOf(author);
      const why = reason ?? `by ${actor}`;
      const isFree = call.status === 'requested' && call.ownerToken === null && !call.isUnknown;
      if (!isFree) {
        await this.dueNow(session, call, { cancelReason: why });
        return { call, names: [] };
      }
      const turn = this.turnOf(session, call);
      await turn.hear({ phase: 'canceled', reason: why }, 'cancel');
      await turn.save(null, { cancelReason: why });
      return { call, names: turn.eventNames, hasEnded: true };
    });
  }

  private async change(
    action: 'check' | 'retry' | 'cancel',
    id: string,
    tenant: OfTenant,
    author: ChangeAuthor,
    change: (session: EngineSession, call: StoredCall) => Promise<Change>,
  ): Promise<ChangedCall> {
    const by = authorOf(author);
    const changed = await this.db.transaction(async (session) => {
      const client = clientOf(session);
      const target = await new CallRetryStore(this.db).targetOf(session, id);
      if (target !== undefined) await this.targets.lock(session, kindOf(target.type), [target.id]);
      const call = await this.store.lock(client, id);
      if (call === undefined || (tenant !== undefined && call.tenantId !== tenant)) throw unknownCall(id);
      const done = await change(session, call);
      const now = await this.store.lock(client, done.call.id);
      await new AuditStore(this.db).add(session, by, {
        action: `calls.${action}`,
        target: `call/${id}`,
        affected: 1,
        before: { status: call.status },
        after: { status: now?.status, ...(done.call.id === id ? {} : { callId: done.call.id }) },
      });
      return done;
    });
    this.events.committed(changed.names);
    if (changed.hasEnded) this.metrics?.ended(changed.call.type, 'canceled');
    const { id: changedId, type, target } = changed.call;
    return { id: changedId, type, target };
  }

  private async dueNow(
    session: EngineSession,
    call: StoredCall,
    other: { cancelReason?: string },
  ): Promise<void> {
    await this.turnOf(session, call).save(0, other);
    await this.targets.makeReady(session, kindOf(call.type), [call.target]);
  }

  /** A new call with the same request, and an idempotency key of its own at the other system. */
  private async repeat(session: EngineSession, call: StoredCall): Promise<Change> {
    const id = IDS.next();
    await new CallRetryStore(this.db).repeat(session, call.id, id);
    const again = { ...call, id };
    await this.events.write(clientOf(session), [
      callEvent(again, null, 'requested', { request: call.request }),
    ]);
    return { call: again, names: [callEventName(call.type, 'requested')] };
  }

  private turnOf(session: EngineSession, call: StoredCall): CallTurn {
    return new CallTurn({ store: this.store, events: this.events }, clientOf(session), call);
  }
}

function ended({ id, status }: StoredCall) {
  return wrongState(`The call ${id} has ended already: it is ${status}`, { callId: id, status });
}
