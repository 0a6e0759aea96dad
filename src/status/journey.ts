import type { DeliveryStatus, OutboxEventStatus } from '../log/outbox-event.js';
import { firstLine } from '../words/first-line.js';
import { countedText, wholeText } from '../words/number-text.js';
import type { WhyNotYet } from './why-not-yet.js';

/** An attempt that failed. */
export interface JourneyAttempt {
  /** Its number. It begins at 1 again when the event is redriven. */
  readonly attempt: number;
  /** When it began. */
  readonly at: Date;
  /** How long it ran. Null if its process ended meanwhile. */
  readonly ms: number | null;
  /** The first line of its error. */
  readonly error: string;
}

/** What became of an event at one consumer. */
export interface JourneyDelivery {
  readonly consumerName: string;
  readonly status: DeliveryStatus;
  /** The last ten attempts that failed, the oldest first. */
  readonly attempts: readonly JourneyAttempt[];
  /** Since when it runs. Null if it does not run, or has just begun. */
  readonly runningSince: Date | null;
  /** When it was done. Null if it is not, or if it was done at once and no time is kept of that. */
  readonly doneAt: Date | null;
  readonly says: string;
}

/** An event, and what it led to. */
export interface JourneyEvent {
  readonly outboxEventId: string;
  readonly position: number;
  readonly eventName: string;
  readonly sourceModule: string;
  readonly aggregateType: string;
  readonly aggregateId: string;
  readonly timestamp: Date;
  /** The id of the event of the journey whose handler published it. Null if none did. */
  readonly causedBy: string | null;
  /** The consumer that had got that event, and whose handler published this one. Null if it is not known. */
  readonly publishedBy: string | null;
  readonly status: OutboxEventStatus;
  /** At the consumers that have a lane. */
  readonly deliveries: readonly JourneyDelivery[];
  readonly says: string;
}

/** A consumer that got events of the journey. */
export interface JourneyLane {
  readonly consumerName: string;
  /** The worst that has become of an event there. */
  readonly status: DeliveryStatus;
  readonly events: number;
  readonly says: string;
}

/** The events of one correlation or one entity on their way through the consumers. */
export interface Journey {
  /** The oldest first, at most 100. */
  readonly events: readonly JourneyEvent[];
  /** Those where something is wrong or open first. At most 30. */
  readonly lanes: readonly JourneyLane[];
  /** How many consumers have no lane, in one line. Null if all of them have one. */
  readonly moreLanes: { readonly count: number; readonly says: string } | null;
  /** Whether there are more events than these. */
  readonly hasMore: boolean;
  readonly says: string;
}

/** The statuses from the worst to the best. */
export const FROM_WORST: readonly DeliveryStatus[] = [
  'dead_letter',
  'failed',
  'processing',
  'pending',
  'skipped',
  'processed',
];

const WORDS: Readonly<Record<DeliveryStatus, string>> = {
  dead_letter: 'dead letter',
  failed: 'failed',
  processing: 'running',
  pending: 'pending',
  skipped: 'skipped',
  processed: 'done',
};

/** What is known of a delivery, before it is said. */
export interface DeliveryFacts {
  readonly status: DeliveryStatus;
  readonly attemptCount: number;
  readonly lastError: string | null;
  readonly why: WhyNotYet | null;
  readonly discardedBy: string | null;
  readonly doneAt: Date | null;
  /** How many attempts that failed are known of one that is done. */
  readonly failed: number;
}

/** What became of an event at a consumer, in one sentence. */
export function deliveryText(facts: DeliveryFacts): string {
  const { status, attemptCount, lastError, why, discardedBy, doneAt, failed } = facts;
  switch (status) {
    case 'processed':
      if (failed > 0) return `done, after ${countedText(failed, 'attempt')} that failed`;
      return doneAt === null ? 'done at once, and no time of it is kept' : 'done';
    case 'skipped':
      return discardedBy === null ? 'skipped by its handler' : `discarded by ${discardedBy}`;
    case 'dead_letter':
      return `dead letter after ${countedText(attemptCount, 'attempt')}${errorText(lastError)}`;
    case 'failed':
      // The sentence ends with its full stop, and the error follows it.
      return why === null
        ? `failed${errorText(lastError)}`
        : [why.sentence, lastError === null ? '' : errorLine(lastError)].join(' ').trim();
    default:
      return why?.sentence ?? WORDS[status];
  }
}

function errorText(error: string | null): string {
  return error === null ? '' : `: ${errorLine(error)}`;
}

const LONGEST_ERROR = 300;

export function errorLine(error: string): string {
  return firstLine(error, LONGEST_ERROR);
}

/** `3 events: 1 dead letter, 2 done`, or the same of `more consumer`s by the worst of each. */
export function statusesText(what: 'event' | 'more consumer', statuses: readonly DeliveryStatus[]): string {
  const counts = FROM_WORST.flatMap((status) => {
    const count = statuses.filter((each) => each === status).length;
    return count === 0 ? [] : [`${count} ${WORDS[status]}`];
  });
  return `${countedText(statuses.length, what)}: ${counts.join(', ')}`;
}

/**
 * Where an event comes from, and that nobody gets it. `cause` is the event that was being handled, by the
 * consumer `publishedBy`.
 */
export function eventText(
  event: Pick<JourneyEvent, 'eventName' | 'sourceModule' | 'aggregateType' | 'aggregateId' | 'publishedBy'>,
  cause: Pick<JourneyEvent, 'eventName' | 'position'> | undefined,
  isUnrouted: boolean,
): string {
  const { eventName, sourceModule, aggregateType, aggregateId, publishedBy } = event;
  const by = publishedBy === null ? '' : `, handled by ${publishedBy}`;
  const because =
    cause === undefined ? '' : `, because of ${cause.eventName} at position ${cause.position}${by}`;
  const nobody = isUnrouted ? ', and no consumer asks for it' : '';
  return `${eventName} of ${aggregateType}/${aggregateId}, published by ${sourceModule}${because}${nobody}`;
}

/** Of what there are how many. */
export function journeyText(events: number, consumers: number, open: number, dead: number): string {
  if (events === 0) return 'The log has no such event.';
  const state = [
    ...(dead === 0 ? [] : [countedText(dead, 'dead letter')]),
    ...(open === 0 ? [] : [`${open === 1 ? '1 delivery' : `${wholeText(open)} deliveries`} not done yet`]),
  ];
  const rest = state.length === 0 ? 'all of it is done' : state.join(', ');
  return `${countedText(events, 'event')} at ${countedText(consumers, 'consumer')}: ${rest}.`;
}
