import type { SqlClient } from '../database/clients/sql-client.js';
import type { DomainEventInput } from '../events/domain-event.js';
import type { CallChange, CallStore, NewReport, StoredCall } from './call.store.js';
import { callError } from './call-errors.js';
import { callEvent, callEventName } from './call-events.js';
import { type CallStep, dataOf, type Heard, hasEnded, hear, heardOf } from './heard.js';

/** Writes events into the transaction of a client. */
export interface EventsOfCalls {
  write(client: SqlClient, events: readonly DomainEventInput[]): Promise<unknown>;
}

export interface TurnParts {
  readonly store: CallStore;
  readonly events: EventsOfCalls;
}

/** What else a turn writes of the call. */
export type OtherChange = Partial<Omit<CallChange, 'status' | 'externalId' | 'result' | 'error' | 'dueInMs'>>;

/**
 * One transaction with a call whose row is locked: whatever is told of it is kept, and what it changes is
 * written with its events, all or nothing.
 */
export class CallTurn {
  private state: Pick<StoredCall, 'id' | 'status' | 'externalId' | 'result' | 'error'>;
  private readonly steps: CallStep[] = [];
  /** What was heard and is not written yet. */
  private reports: NewReport[] = [];
  /** Why it was cancelled. */
  private reason = '';

  constructor(
    private readonly parts: TurnParts,
    private readonly client: SqlClient,
    readonly call: StoredCall,
  ) {
    this.state = call;
  }

  get hasEnded(): boolean {
    return hasEnded(this.state.status);
  }

  get status(): StoredCall['status'] {
    return this.state.status;
  }

  /** The names of the events that `save` writes. */
  get eventNames(): string[] {
    return this.steps.map((step) => callEventName(this.call.type, step));
  }

  /**
   * Takes what was heard, and with a new external id also what has waited for it. `save` or `keep` writes it.
   * Returns whether the call was changed by what was heard.
   */
  async hear(given: Heard, source: string): Promise<boolean> {
    const { id: callId, tenantId, type } = this.call;
    const heard = await this.withFreeName(given);
    const isNamed = this.state.externalId === null && heard.externalId !== undefined;
    const applied = this.apply(heard, source === 'start' || source === 'find');
    const { externalId = null, phase } = heard;
    this.reports.push({ callId, tenantId, type, externalId, phase, source, data: dataOf(heard), applied });
    if (isNamed && applied) await this.adopt();
    return applied;
  }

  /** Writes what was heard, and nothing else. */
  async keep(): Promise<void> {
    await this.parts.store.write(this.client, this.reports);
    this.reports = [];
  }

  /** Writes what was heard, the call and its events. `dueInMs` is when it is to run again. */
  async save(dueInMs: number | null | undefined, other: OtherChange = {}): Promise<void> {
    const { store, events } = this.parts;
    const { attempt, ownerToken, isUnknown, polls, failures, lastError, cancelReason } = this.call;
    const { status, externalId, result, error } = this.state;
    await store.write(this.client, this.reports, {
      id: this.call.id,
      attempt,
      ownerToken: this.hasEnded ? null : ownerToken,
      isUnknown,
      polls,
      failures,
      lastError,
      cancelReason,
      ...other,
      status,
      externalId,
      result,
      error,
      dueInMs,
    });
    this.reports = [];
    await events.write(
      this.client,
      this.steps.map((step) => this.eventOf(step)),
    );
  }

  private apply(heard: Heard, isStart: boolean): boolean {
    const { state, steps } = hear(this.state, heard, isStart);
    this.state = state;
    this.steps.push(...steps);
    if (heard.phase === 'canceled') this.reason = heard.reason;
    return steps.length > 0;
  }

  /**
   * An id that another call of the type has is no name for this one, so the call fails with it. Both would
   * get each other's reports.
   */
  private async withFreeName(heard: Heard): Promise<Heard> {
    const { externalId } = heard;
    if (externalId === undefined || this.state.externalId !== null || this.hasEnded) return heard;
    const { store } = this.parts;
    const { tenantId, type } = this.call;
    await store.lockName(this.client, { tenantId, type, externalId });
    if (!(await store.isTaken(this.client, { tenantId, type, externalId }))) return heard;
    const error = callError(
      'INTEGRATION_CALL_EXTERNAL_ID_TAKEN',
      `The other system named this call ${JSON.stringify(externalId)}, and another call of type "${type}" has this id`,
      { externalId },
    );
    return { phase: 'failed', error };
  }

  /** What came before the external id was known. */
  private async adopt(): Promise<void> {
    const { store } = this.parts;
    const { tenantId, type, id } = this.call;
    const externalId = this.state.externalId ?? '';
    for (const waiting of await store.waiting(this.client, { tenantId, type, externalId })) {
      const applied = this.apply(heardOf(waiting.phase, externalId, waiting.data), false);
      await store.adopt(this.client, waiting.id, id, applied);
    }
  }

  private eventOf(step: CallStep): DomainEventInput {
    const { call, state } = this;
    const more = {
      initialized: {},
      processing: {},
      completed: { result: state.result },
      failed: { error: state.error },
      canceled: { reason: this.reason },
    }[step];
    return callEvent(call, state.externalId, step, more);
  }
}
