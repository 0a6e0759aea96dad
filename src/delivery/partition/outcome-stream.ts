import { Injectable } from '@nestjs/common';
import { type Observable, Subject } from 'rxjs';
import { DECORATED_TYPE } from '../../words/decorated-type.js';

/** The outcome of an attempt. It is reported once it is saved. */
export interface EventOutcome {
  readonly outboxEventId: string;
  readonly consumerName: string;
  /**
   * `retrying`: it failed, and a retry follows. `postponed`: its handler put it off, and no attempt was
   * counted. `failed`: it failed for good, with dead letters switched off.
   */
  readonly status: 'processed' | 'skipped' | 'postponed' | 'retrying' | 'failed' | 'dead_letter';
  /** The number of the attempt, from 1. */
  readonly attempt: number;
}
export const EventOutcome: unknown = DECORATED_TYPE;

/** What is known of an attempt that this process made. */
interface AttemptOfEvent extends EventOutcome {
  /** Undefined if the log no longer has the event. */
  readonly eventName: string | undefined;
  readonly aggregateType: string;
  readonly aggregateId: string;
  /** The event's position in the log. */
  readonly position: number;
  /** How many attempts the event has. */
  readonly maxAttempts: number;
  /**
   * How long the handler ran in milliseconds. For a batch it is the time of all its events. Undefined if no
   * handler ran, or if nobody listened when it began.
   */
  readonly durationMs: number | undefined;
}

export interface ProcessedOutcome extends AttemptOfEvent {
  readonly status: 'processed';
  readonly eventName: string;
}
export const ProcessedOutcome: unknown = DECORATED_TYPE;

export interface SkippedOutcome extends AttemptOfEvent {
  readonly status: 'skipped';
  readonly eventName: string;
  /** The reason that the handler gave. */
  readonly reason: string;
}
export const SkippedOutcome: unknown = DECORATED_TYPE;

/** The handler put the event off. `attempt` is the number that its next attempt has, too. */
export interface PostponedOutcome extends AttemptOfEvent {
  readonly status: 'postponed';
  readonly eventName: string;
  /** The reason that the handler gave. */
  readonly reason: string;
  readonly nextTryAt: Date;
}
export const PostponedOutcome: unknown = DECORATED_TYPE;

/** An attempt failed, and another one will be made. */
export interface RetryingOutcome extends AttemptOfEvent {
  readonly status: 'retrying';
  readonly eventName: string;
  /** The thrown value. */
  readonly error: unknown;
  /** A fingerprint that is the same for errors of one kind. The inbox stores it. */
  readonly errorFingerprint: string | undefined;
  readonly nextTryAt: Date;
}
export const RetryingOutcome: unknown = DECORATED_TYPE;

/** The last attempt failed. */
export interface FinalFailure extends AttemptOfEvent {
  readonly status: 'failed' | 'dead_letter';
  /** The thrown value. Undefined if the process ended during the last attempt. */
  readonly error: unknown;
  readonly errorFingerprint: string | undefined;
}
export const FinalFailure: unknown = DECORATED_TYPE;

/** The outcome of an attempt that this process made. It is reported once it is saved. */
export type AttemptOutcome =
  | ProcessedOutcome
  | SkippedOutcome
  | PostponedOutcome
  | RetryingOutcome
  | FinalFailure;
export const AttemptOutcome: unknown = DECORATED_TYPE;

/** Called with outcomes as they are saved. It must not throw. */
export type OutcomeListener = (outcome: AttemptOutcome) => void;

/** Called with outcomes that are saved, one or more that are alike. It must not throw. */
export type OutcomeCounter = (
  consumerName: string,
  eventName: string | undefined,
  status: AttemptOutcome['status'],
  events: number,
) => void;

/** The outcomes of all consumers of this process. */
@Injectable()
export class OutcomeStream {
  private readonly subject = new Subject<AttemptOutcome>();
  private readonly listeners: Record<AttemptOutcome['status'], OutcomeListener[]> = {
    processed: [],
    skipped: [],
    postponed: [],
    retrying: [],
    failed: [],
    dead_letter: [],
  };

  private isTimed = false;
  private counter: OutcomeCounter | undefined;

  readonly outcomes$: Observable<AttemptOutcome> = this.subject.asObservable();

  /** Whether anybody listens for such outcomes. If not, nothing is recorded. */
  isWatched(status: AttemptOutcome['status']): boolean {
    return this.counter !== undefined || !this.isOnlyCounted(status);
  }

  /** Whether nobody wants more of such an outcome than `count` says. */
  isOnlyCounted(status: AttemptOutcome['status']): boolean {
    return this.listeners[status].length === 0 && !this.subject.observed;
  }

  /** Whether anybody uses the durations of handlers. */
  get wantsDurations(): boolean {
    return this.isTimed || this.subject.observed;
  }

  /** `timed` says that the listener uses the durations of handlers. */
  listen(statuses: readonly AttemptOutcome['status'][], listener: OutcomeListener, timed = false): void {
    this.isTimed ||= timed;
    for (const status of statuses) this.listeners[status].push(listener);
  }

  /** Has every outcome counted. It costs less than a listener, for which an outcome has to be made. */
  countWith(counter: OutcomeCounter): void {
    this.counter = counter;
  }

  count(...counted: Parameters<OutcomeCounter>): void {
    this.counter?.(...counted);
  }

  tell(outcome: AttemptOutcome): void {
    this.count(outcome.consumerName, outcome.eventName, outcome.status, 1);
    for (const listener of this.listeners[outcome.status]) listener(outcome);
    this.subject.next(outcome);
  }
}
