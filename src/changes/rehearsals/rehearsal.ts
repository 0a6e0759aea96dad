import type { HandlerLine } from '../../inbox/failed-attempt.js';

/** A dead letter: an event, and the consumer that has failed at it. */
export interface RehearsedEvent {
  /** The id of the event, a uuid. */
  outboxEventId: string;
  consumerName: string;
}

/**
 * `asked`: no process has taken it yet. `running`: a process runs the handler. `ended`: the result is there.
 * `untaken`: no process took it in time. `lost`: the process that took it has not said in time what came of
 * it. Neither of the last two is tried again by itself.
 */
export type RehearsalState = 'asked' | 'running' | 'ended' | 'untaken' | 'lost';

/**
 * What came of the handler. `refused`: it did not run, or it tried to end its transaction itself, which no
 * rehearsal lets pass.
 */
export type RehearsalOutcome = 'succeeded' | 'skipped' | 'postponed' | 'failed' | 'refused';

/** An event that the handler would have published. */
export interface UnpublishedEvent {
  /** The id and the position that it had in the transaction. Nothing has them now. */
  outboxEventId: string;
  position: number;
  eventName: string;
  eventVersion: number;
  sourceModule: string;
  aggregateType: string;
  aggregateId: string;
  /** The JSON text, with every digit. Null if it has more than 64 KB. */
  payload: string | null;
  payloadBytes: number;
}

/** What is known of the error with which a rehearsal ended. */
export interface RehearsalError {
  /** The text of the error and of its causes, as the inbox keeps it of an attempt: at most 2 KB. */
  text: string;
  /** The stacks, at most 4 KB. Null if it has none. */
  stack: string | null;
  /** The code of an `IntegrationError`. Null for any other error. */
  code: string | null;
  fingerprint: string;
}

/** The result of a rehearsal, as its process stores it. */
export interface RehearsalResult {
  outcome: RehearsalOutcome;
  error: RehearsalError | null;
  /** Why the handler has skipped the event, or put it off. */
  reason: string | null;
  /** How long the handler ran, in milliseconds. Null if it did not run. */
  ms: number | null;
  /** The last lines of `context.logger`. There are none without the option `handlerLines`. */
  lines: HandlerLine[];
  /** How many lines it wrote before these. */
  linesLeftOut: number;
  /** Whether the process keeps lines of handlers. */
  keepsLines: boolean;
  /** The first 50 events that it would have published. None, if it did not succeed. */
  published: UnpublishedEvent[];
  /** Whether there are more than these. */
  hasMorePublished: boolean;
}

/** One rehearsal, and how far it is. */
export interface Rehearsal extends RehearsedEvent {
  id: string;
  position: number;
  state: RehearsalState;
  /** What has become of it, for people. */
  sentence: string;
  /** How many lines of its logger are kept, or why none are. Null if it wrote none. */
  linesSentence: string | null;
  requestedBy: string;
  askedAt: Date;
  /** The process that runs it, or has run it. */
  process: { id: string; host: string; pid: number } | null;
  startedAt: Date | null;
  endedAt: Date | null;
  result: RehearsalResult | null;
}

/** What is known before somebody asks for a rehearsal. */
export interface RehearsalOutlook {
  /** What a rehearsal does, and what it does not undo. */
  warning: string;
  /** Why it would be refused. Null if it would not be. */
  refusal: string | null;
  /** The processes that have the handler of the consumer: at most ten of them. */
  processes: { id: string; host: string; pid: number }[];
}

/** How long a process may take to see that a rehearsal was asked for, in seconds. */
export const TAKEN_WITHIN_S = 30;
/** How many events that would have been published are shown. */
export const MOST_PUBLISHED = 50;
