import { randomUUID } from 'node:crypto';
import { clientOf } from '../database/clients/session-client.js';
import type { EngineDatabase } from '../database/engine-database.js';
import type { EngineSession } from '../database/sql/engine-session.js';
import { messageOf, NonRetryableError, RetryAfterError, UnavailableError } from '../errors.js';
import type { Ended, LaneLimits, LaneWork, Outcome } from '../lanes/lane-work.js';
import type { PartEvents } from '../outbox/part-events.js';
import { growingPauseMs } from '../words/growing-pause.js';
import type { Alone } from './alone.js';
import type { CallStore, StoredCall } from './call.store.js';
import { callError, shortened, thrownError } from './call-errors.js';
import type { CallMethods, MethodName, Said } from './call-methods.js';
import type { CallMetrics } from './call-metrics.js';
import type { CallSettings } from './call-settings.js';
import { CallTurn, type OtherChange } from './call-turn.js';
import { type CallType, kindOf } from './call-type.js';
import type { CallWorkStore, DueCall } from './call-work.store.js';
import type { Heard } from './heard.js';

/** The pause after a failure doubles from the first to the longest, in milliseconds. */
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 300_000;
/** A target that cannot be reached, and does not say for how long. */
const UNAVAILABLE_MS = 10_000;

export interface CallWorkParts {
  readonly db: EngineDatabase;
  readonly store: CallStore;
  readonly look: CallWorkStore;
  readonly events: PartEvents;
  readonly methods: CallMethods;
  readonly metrics: CallMetrics;
  /** One for all types of a process. */
  readonly alone: Alone;
  readonly settings: () => Readonly<CallSettings>;
}

/*
 * Why a call is started no more often than its attempts say, and never forgotten.
 *
 * A run takes its call with one statement, which counts the attempt and writes a token, and is committed
 * before the other system hears of the call. The statement compares the token and the number that were read,
 * so of two owners one gets the call. The token leaves with the transaction that writes what the run came to.
 *
 * A token that nobody in this process has is one of a process that died, or whose run was cut off: the lane
 * was not given to this process before. Nobody knows what became of that attempt. It is not started again
 * before `find` has said that the other system does not have it, or the type says that it may be repeated.
 *
 * What a run heard is written even where the token is another one's by then: it is what the other system
 * said. Only the token stays.
 */

/** The calls of one type, as work of lanes. Each run writes its own outcome, so a save has nothing to do. */
export class CallWork implements LaneWork<DueCall> {
  readonly kind;

  constructor(
    private readonly type: CallType,
    private readonly parts: CallWorkParts,
  ) {
    this.kind = kindOf(type.type);
  }

  limits(): LaneLimits {
    const { enabled, maxInFlight, maxInFlightPerTarget, probeAfterFailures } = this.parts.settings();
    return {
      maxInFlight: enabled ? maxInFlight : 0,
      maxInFlightPerTarget,
      probeAfterFailures,
      timeoutMs: this.type.timeoutMs,
    };
  }

  due(wanted: ReadonlyMap<string, number>): Promise<DueCall[]> {
    return this.parts.look.due(wanted);
  }

  nextDue(session: EngineSession, targets: readonly string[]) {
    return this.parts.look.nextDue(session, targets);
  }

  /** A run has saved its call itself. */
  async save(_: EngineSession, ended: readonly Ended<DueCall>[]): Promise<readonly Ended<DueCall>[]> {
    return ended;
  }

  async run(due: DueCall, { signal }: { readonly signal: AbortSignal }): Promise<Outcome> {
    const isOfDead = due.ownerToken !== null;
    const outcome = await this.parts.alone.run(isOfDead, signal, () => this.take(due, isOfDead, signal));
    return outcome ?? { is: 'done' };
  }

  private async take(due: DueCall, isOfDead: boolean, signal: AbortSignal): Promise<Outcome> {
    const { db, store } = this.parts;
    const call = await store.claim(clientOf(db), { ...due, id: due.key }, randomUUID());
    if (call === undefined) return { is: 'done' };
    if (call.crashes > this.type.maxAttempts) return this.poison(call);
    if (call.cancelReason !== null) return this.cancel(call, isOfDead, signal);
    return call.status === 'requested' ? this.start(call, isOfDead, signal) : this.poll(call, signal);
  }

  private async start(call: StoredCall, isOfDead: boolean, signal: AbortSignal): Promise<Outcome> {
    const isUnknown = call.isUnknown || isOfDead;
    if (isUnknown) {
      const decided = await this.findOut(call, signal);
      if (decided !== undefined) return decided;
    }
    if (call.attempt > this.type.maxAttempts) return this.usedUp(call, isUnknown);
    const said = await this.parts.methods.ask('start', call, signal);
    if (said.is === 'heard') return this.heard(call, said.heard, 'start');
    return this.failedToStart(call, errorOf(said), signal);
  }

  /** Whether an attempt reached the other system. Undefined if the call may be started. */
  private async findOut(call: StoredCall, signal: AbortSignal): Promise<Outcome | undefined> {
    const { methods } = this.parts;
    if (!methods.has('find')) return this.type.unknownOutcome === 'retry' ? undefined : this.unknown(call);
    const said = await methods.ask('find', call, signal);
    if (said.is === 'never-started') return undefined;
    if (said.is === 'heard') return this.heard(call, said.heard, 'find');
    return this.failed(call, 'find', errorOf(said), signal, { isUnknown: true });
  }

  private async failedToStart(call: StoredCall, error: unknown, signal: AbortSignal): Promise<Outcome> {
    if (error instanceof NonRetryableError || isNotTaken(error))
      return this.failed(call, 'start', error, signal, {});
    const isOver = call.attempt >= this.type.maxAttempts || this.type.unknownOutcome === 'fail';
    if (isOver && !this.parts.methods.has('find') && !signal.aborted) return this.unknown(call, error);
    return this.again(call, 'start', error, signal, { isUnknown: true });
  }

  private async poll(call: StoredCall, signal: AbortSignal): Promise<Outcome> {
    const { methods } = this.parts;
    if (!methods.has('poll')) return this.settle(call, undefined, 'poll', null, {});
    const said = await methods.ask('poll', call, signal);
    if (said.is === 'heard') return this.heard(call, said.heard, 'poll');
    return this.failed(call, 'poll', errorOf(said), signal, {});
  }

  private async cancel(call: StoredCall, isOfDead: boolean, signal: AbortSignal): Promise<Outcome> {
    const { methods } = this.parts;
    const canceled: Heard = { phase: 'canceled', reason: call.cancelReason ?? '' };
    const isUnknown = call.isUnknown || isOfDead;
    if (call.status === 'requested') {
      if (!isUnknown) return this.heard(call, canceled, 'cancel');
      // Nobody can be asked. That the other system may have taken it stays said of the call.
      if (!methods.has('find')) return this.heard(call, canceled, 'cancel', { isUnknown });
      const said = await methods.ask('find', call, signal);
      if (said.is === 'never-started') return this.heard(call, canceled, 'cancel');
      // It is cancelled by the next run, which knows its external id.
      if (said.is === 'heard') return this.heard(call, said.heard, 'find');
      return this.again(call, 'find', errorOf(said), signal, { isUnknown });
    }
    if (!methods.has('cancel')) return this.heard(call, canceled, 'cancel');
    const said = await methods.ask('cancel', call, signal);
    if (said.is === 'thrown') return this.again(call, 'cancel', said.error, signal, {});
    const isOver = said.is === 'heard' && said.heard.phase !== 'processing';
    return this.heard(call, isOver ? said.heard : canceled, 'cancel');
  }

  private usedUp(call: StoredCall, isUnknown: boolean): Promise<Outcome> {
    if (isUnknown) return this.unknown(call);
    const { maxAttempts } = this.type;
    const message = `It was started ${maxAttempts} times, and failed each time: ${call.lastError ?? 'no reason is known'}`;
    return this.heard(call, { phase: 'failed', error: { code: 'ATTEMPTS_USED_UP', message } }, 'start');
  }

  private async unknown(call: StoredCall, error?: unknown): Promise<Outcome> {
    const why =
      error === undefined ? (call.lastError ?? 'the process that ran it has died') : messageOf(error);
    const reason = `Nobody knows whether the other system has taken the call: ${why}`;
    const failed = callError('INTEGRATION_CALL_OUTCOME_UNKNOWN', reason);
    const outcome = await this.heard(call, { phase: 'failed', error: failed }, 'start');
    return error === undefined ? outcome : { is: 'dead', reason, isFailure: true };
  }

  /** Each time, it ran alone but for the first. */
  private poison(call: StoredCall): Promise<Outcome> {
    const message = `${call.crashes} processes have died that ran the call, so it is not run again`;
    return this.heard(
      call,
      { phase: 'failed', error: callError('INTEGRATION_CALL_OUTCOME_UNKNOWN', message) },
      'start',
    );
  }

  /** Something was said of the call. It is asked again after a while, unless it is over. */
  private heard(
    call: StoredCall,
    heard: Heard,
    source: MethodName,
    more: OtherChange = {},
  ): Promise<Outcome> {
    const polls = source === 'poll' ? call.polls + 1 : call.polls;
    const { poll } = this.type;
    const dueInMs = poll === undefined ? null : Math.min(poll.maxMs, poll.firstMs * 2 ** Math.min(polls, 40));
    const other = { polls, failures: 0, isUnknown: false, lastError: null, ...more };
    return this.settle(call, heard, source, dueInMs, other);
  }

  /** A method has thrown. A NonRetryableError ends the call, and everything else is tried again. */
  private failed(
    call: StoredCall,
    method: MethodName,
    error: unknown,
    signal: AbortSignal,
    other: OtherChange,
  ): Promise<Outcome> {
    if (error instanceof NonRetryableError && !signal.aborted)
      return this.heard(call, { phase: 'failed', error: thrownError(error) }, method);
    return this.again(call, method, error, signal, other);
  }

  /** Nothing was said, so the same is tried later. */
  private async again(
    call: StoredCall,
    method: MethodName,
    error: unknown,
    signal: AbortSignal,
    other: OtherChange,
  ): Promise<Outcome> {
    // Cut off: its token says that nobody knows what became of it.
    if (signal.aborted) return { is: 'done' };
    const lastError = shortened(`${method}: ${messageOf(error)}`);
    if (error instanceof UnavailableError) {
      const forMs = error.retryAfterMs ?? UNAVAILABLE_MS;
      const attempt = call.status === 'requested' ? call.attempt - 1 : call.attempt;
      await this.settle(call, undefined, method, forMs, { ...other, lastError, attempt });
      return { is: 'target-off', forMs };
    }
    const failures = call.failures + 1;
    const pauseMs = growingPauseMs(failures, FIRST_PAUSE_MS, LONGEST_PAUSE_MS);
    const afterMs = error instanceof RetryAfterError ? error.delayMs : pauseMs;
    await this.settle(call, undefined, method, afterMs, { ...other, lastError, failures });
    return { is: 'again', afterMs, isFailure: !(error instanceof RetryAfterError) };
  }

  /** Writes what a run came to, in one transaction with its events. */
  private async settle(
    { id, ownerToken, cancelReason }: StoredCall,
    heard: Heard | undefined,
    source: string,
    dueInMs: number | null,
    other: OtherChange,
  ): Promise<Outcome> {
    const { db, store, events, metrics } = this.parts;
    const turn = await db.transaction(async (session) => {
      const client = clientOf(session);
      const call = await store.lock(client, id);
      if (call === undefined) return undefined;
      const now = new CallTurn({ store, events }, client, call);
      const wasOver = now.hasEnded;
      if (heard !== undefined) await now.hear(heard, source);
      if (wasOver) {
        await now.keep();
        return undefined;
      }
      const isOurs = call.ownerToken === ownerToken;
      const isNews = heard !== undefined || cancelReason === null;
      const isToBeCancelled = call.cancelReason !== null && isNews;
      if (isOurs) await now.save(isToBeCancelled ? 0 : dueInMs, { ...other, ownerToken: null });
      else await now.save(undefined);
      return now;
    });
    if (turn === undefined) {
      metrics.kept(this.type.type);
      return { is: 'done' };
    }
    events.committed(turn.eventNames);
    if (turn.hasEnded) metrics.ended(this.type.type, turn.status);
    return { is: 'done' };
  }
}

/** The other system has not taken the call for certain. */
function isNotTaken(error: unknown): boolean {
  return error instanceof UnavailableError || error instanceof RetryAfterError;
}

function errorOf(said: Said): unknown {
  return said.is === 'thrown' ? said.error : new Error('it has answered nothing');
}
