import type { DomainEvent } from '../../events/domain-event.js';
import type { LogEvent } from '../../log/log-event.js';
import type { Subscription } from '../../subscribers/consumer.js';
import type { DeliveryOccasion } from '../../subscribers/subscriber-definition.js';
import type { AggregateQueue } from './aggregate-queue.js';
import type { AttemptLines } from './attempt-lines.js';
import type { SentAgain } from './occasions.js';

/** The row of the inbox that a retry belongs to. */
export interface Claim {
  readonly inboxEventId: string;
  /** Whether the event, or its page, may have ended a process. It runs exclusively. */
  readonly isSuspect: boolean;
  /**
   * Whether the row was claimed together with the event before it in its aggregate. The outcome of that event
   * decides whether this one runs.
   */
  readonly follows: boolean;
}

/**
 * One event and one consumer that must handle it. The event comes from the log first. It comes from the retry
 * loop if it must run again.
 */
export class Delivery {
  /** Whether no handler has ever begun the event, so that no effect of it can exist. */
  isNew = false;
  /** Whether the event runs singly from now on, because it was part of a batch that failed. */
  isSingle = false;
  /**
   * Whether another process or an admin has settled the event. It must not run any more, and the outcome of a
   * run decides nothing.
   */
  isSettled = false;
  /**
   * How long its handler ran the last time, in milliseconds. Of an event that was processed it is set only if
   * somebody uses the durations.
   */
  ranMs: number | undefined = undefined;
  /**
   * What the logger of its handler wrote the last time, if that is kept. Unset of an event that was
   * processed.
   */
  lines: AttemptLines | undefined = undefined;
  /** What an admin has done so that the event is delivered once more. */
  sentAgain: SentAgain | undefined = undefined;
  /**
   * Whether the event runs while no other handler of the process does, because it may have ended a process.
   * Its attempt is counted before it runs if it has a claim, and not if it runs in a batch.
   */
  runsExclusively: boolean;
  /** Whether the event is younger than its consumer. */
  isTimely = true;
  /** The queue of its aggregate, in which it waits or runs. */
  queue: AggregateQueue<Delivery> | undefined = undefined;

  constructor(
    readonly log: LogEvent,
    readonly subscription: Subscription,
    readonly attempt: number,
    /** Undefined if the event comes from the log. */
    readonly claim: Claim | undefined,
  ) {
    this.runsExclusively = claim?.isSuspect === true;
  }

  get position(): number {
    return this.log.position;
  }

  /**
   * Since when its latency counts, in milliseconds since 1970. Undefined where its age does not say how fast
   * events are delivered: a replay of last week would show a latency of a week.
   */
  get latencyFrom(): number | undefined {
    return this.isTimely && this.sentAgain === undefined ? this.log.createdAt : undefined;
  }

  /** Why the handler gets the event. Retries have the id of what they repeat. */
  get occasion(): DeliveryOccasion {
    const { log, sentAgain, attempt } = this;
    return sentAgain === undefined
      ? { kind: attempt > 1 ? 'retry' : 'first', id: log.id }
      : { kind: sentAgain.kind, id: `${log.id}/${sentAgain.kind}/${sentAgain.id}` };
  }

  /** The event as the handler gets it. */
  toEvent(): DomainEvent {
    const { log, subscription } = this;
    return {
      outboxEventId: log.id,
      eventName: log.eventName,
      eventVersion: log.eventVersion,
      sourceModule: log.sourceModule,
      aggregateType: log.aggregateType,
      aggregateId: log.aggregateId,
      payload: subscription.payload === 'text' ? log.takePayloadText() : log.takePayload(),
      metadata: log.takeMetadata(),
      timestamp: log.takeTimestamp(),
      position: log.position,
    };
  }
}

/** The events that run together: one event, or a batch. */
export type Deliveries = readonly [Delivery, ...Delivery[]];

/** Whether it comes from the retry loop. */
export function isClaimed(delivery: Delivery): delivery is Delivery & { readonly claim: Claim } {
  return delivery.claim !== undefined;
}

/** How a delivery ended. `error` is whatever was thrown. */
export type Outcome =
  | { readonly kind: 'processed' }
  | { readonly kind: 'skipped'; readonly reason: string }
  | { readonly kind: 'retry'; readonly delayMs: number; readonly error: unknown }
  | { readonly kind: 'dead'; readonly error: unknown }
  /** The handler put the event off. No attempt is counted, and the later events of its aggregate wait. */
  | { readonly kind: 'postponed'; readonly delayMs: number; readonly reason: string }
  /**
   * The infrastructure failed, not the event. No attempt is counted, and the event runs again after a pause.
   */
  | { readonly kind: 'infrastructure'; readonly error: unknown }
  /**
   * What the handler needs is out of reach, for this event and for any other. No attempt is counted, and the
   * event runs again after a pause.
   */
  | { readonly kind: 'unavailable'; readonly error: unknown; readonly pauseMs: number | undefined }
  /**
   * The infrastructure failed too often while its handler ran, so it is a suspect from now on.
   * `isCounted`: this attempt ran exclusively already, and counts.
   */
  | {
      readonly kind: 'suspect';
      readonly error: unknown;
      readonly delayMs: number;
      readonly isCounted: boolean;
    }
  /**
   * The row in the inbox decides, because the retry loop has the event or an admin has discarded it.
   * `settled` says that the cursor is done with it.
   */
  | { readonly kind: 'elsewhere'; readonly settled?: boolean }
  /** The lease is not ours any more. */
  | { readonly kind: 'lease-lost' };

/**
 * The handler of a batch has said which of its events failed (`context.fail`). There are several
 * events: the end of a batch of one is the outcome of its event.
 */
export interface PartlyFailed {
  readonly kind: 'partly';
  readonly failed: ReadonlyMap<Delivery, Outcome>;
}

/** How an attempt ended, which may hold several events. */
export type EndOfAttempt = Outcome | PartlyFailed;

/** What the end of an attempt says about what its handler needs. */
export function reachOf(end: EndOfAttempt): Outcome {
  if (end.kind !== 'partly') return end;
  const outcomes = [...end.failed.values()];
  return outcomes.find(({ kind }) => kind === 'unavailable') ?? outcomes.find(isUndecided) ?? PROCESSED;
}

/** Whether nothing is decided yet about the event, so that it must run once more. No attempt is counted. */
export function isUndecided(outcome: Outcome): boolean {
  return outcome.kind === 'infrastructure' || outcome.kind === 'unavailable';
}

export const PROCESSED: Outcome = { kind: 'processed' };
/** The outcome at a fault point. Everything in memory is dropped. */
export const CRASHED: Outcome = { kind: 'lease-lost' };
