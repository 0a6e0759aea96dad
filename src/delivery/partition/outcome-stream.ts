import { Injectable } from '@nestjs/common';
import { type Observable, Subject } from 'rxjs';

/** What an attempt came to, once it is saved. */
export interface EventOutcome {
  readonly outboxEventId: string;
  readonly consumerName: string;
  /** `retrying`: failed, with a retry to come; `failed`: for good, with dead-lettering switched off. */
  readonly status: 'processed' | 'skipped' | 'retrying' | 'failed' | 'dead_letter';
  /** Which try it was, from 1. */
  readonly attempt: number;
}

/** What is known of an attempt of this process's. */
interface AttemptOfEvent extends EventOutcome {
  /** Undefined where the log no longer has the event. */
  readonly eventName: string | undefined;
  readonly aggregateType: string;
  readonly aggregateId: string;
  /** In the log. */
  readonly position: number;
  /** How many tries the event has. */
  readonly maxAttempts: number;
  /**
   * How long the handler ran, of a batch for all its events; undefined where none ran, or nobody listened
   * when it began.
   */
  readonly durationMs: number | undefined;
}

export interface ProcessedOutcome extends AttemptOfEvent {
  readonly status: 'processed';
  readonly eventName: string;
}

export interface SkippedOutcome extends AttemptOfEvent {
  readonly status: 'skipped';
  readonly eventName: string;
  /** As the handler gave it. */
  readonly reason: string;
}

/** An attempt failed, and another one will be made. */
export interface RetryingOutcome extends AttemptOfEvent {
  readonly status: 'retrying';
  readonly eventName: string;
  /** What was thrown. */
  readonly error: unknown;
  /** The same for errors of one kind, as the inbox stores it. */
  readonly errorFingerprint: string | undefined;
  readonly nextTryAt: Date;
}

/** The last attempt failed. */
export interface FinalFailure extends AttemptOfEvent {
  readonly status: 'failed' | 'dead_letter';
  /** What was thrown; undefined where the process ended while the last attempt ran. */
  readonly error: unknown;
  readonly errorFingerprint: string | undefined;
}

/** What an attempt of this process's came to, once it is saved. */
export type AttemptOutcome = ProcessedOutcome | SkippedOutcome | RetryingOutcome | FinalFailure;

/** Told of outcomes as they are saved; must not throw. */
export type OutcomeListener = (outcome: AttemptOutcome) => void;

/** The outcomes of all consumers of this process. */
@Injectable()
export class OutcomeStream {
  private readonly subject = new Subject<AttemptOutcome>();
  private readonly listeners: Record<AttemptOutcome['status'], OutcomeListener[]> = {
    processed: [],
    skipped: [],
    retrying: [],
    failed: [],
    dead_letter: [],
  };

  private isTimed = false;

  readonly outcomes$: Observable<AttemptOutcome> = this.subject.asObservable();

  /** Whether anybody is to be told of such outcomes: if not, nothing is noted down. */
  isWatched(status: AttemptOutcome['status']): boolean {
    return this.listeners[status].length > 0 || this.subject.observed;
  }

  /** Whether anybody uses how long handlers run. */
  get wantsDurations(): boolean {
    return this.isTimed || this.subject.observed;
  }

  /** `timed`: the listener uses how long handlers run. */
  listen(statuses: readonly AttemptOutcome['status'][], listener: OutcomeListener, timed = false): void {
    this.isTimed ||= timed;
    for (const status of statuses) this.listeners[status].push(listener);
  }

  tell(outcome: AttemptOutcome): void {
    for (const listener of this.listeners[outcome.status]) listener(outcome);
    this.subject.next(outcome);
  }
}
