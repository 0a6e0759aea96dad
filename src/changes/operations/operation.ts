import type { ChangeAuthor } from '../../audit/change-author.js';
import type { DiscardableState } from '../chosen/inbox-admin.store.js';
import type { OperationFilter, StoredFilter } from '../chosen/operation-filter.js';

/** The kinds of the engine. */
export const OPERATION_KINDS = ['redrive', 'discard', 'replay'] as const;
export const OPERATION_STATES = ['planned', 'running', 'paused', 'done', 'cancelled', 'failed'] as const;

/**
 * `redrive` sends dead letters, and events that failed for good, again. `discard` sets events aside. `replay`
 * delivers what a consumer is done with again.
 */
export type OperationKind = (typeof OPERATION_KINDS)[number] | keyof AddedOperationKinds;

/** The kinds that parts add, each with the type of its filter: `'parcels.return': ParcelFilter`. */
// biome-ignore lint/suspicious/noEmptyInterface: parts add to it
export interface AddedOperationKinds {}

/** What an operation of a kind that a part has added is to do. */
export type PartOperationRequest = {
  [Kind in keyof AddedOperationKinds]: Omit<OperationRequest, 'kind' | 'filter' | 'states'> & {
    kind: Kind;
    filter: AddedOperationKinds[Kind];
  };
}[keyof AddedOperationKinds];

/**
 * `planned`: it has changed nothing yet. `running`: a process works it off, or will within seconds. `paused`:
 * somebody holds it, and resumes or cancels it. `failed`:
 * it has stopped by itself, and `error` says why. What it had changed before stays changed.
 */
export type OperationState = (typeof OPERATION_STATES)[number];

/** What an operation is to do. */
export interface OperationRequest extends ChangeAuthor {
  kind: OperationKind;
  /**
   * Chooses the events. An event must match every given field. One field must be given, unless it is a
   * redrive with `maxEvents`. Events that a person chose one by one are given as `outboxEventIds`. A replay
   * needs `consumerName`, and takes no fields that say in which state an event is, or which single one it is.
   * The default of its `to` is the end of the log at the time of the plan.
   */
  filter: OperationFilter;
  /** The states that a discard takes. The default is dead letters, failed, waiting and delayed events. */
  states?: readonly DiscardableState[] | undefined;
  /** The largest number of events, the oldest first. A canary has a small number. The default is all. */
  maxEvents?: number | undefined;
  /** The largest number of events a second. The default is no limit. */
  rate?: number | undefined;
  /**
   * Stops by itself after this number of its events have failed again. It then sends no more events than
   * could still fail within this number. Not of a discard.
   */
  stopAfter?: number | undefined;
  /**
   * Stops by itself once more than this percentage of its events have failed again. It begins with 5 events,
   * and goes on with 50, 500 and so on in all, as the ones before are handled. Of a redrive.
   */
  stopAbovePercent?: number | undefined;
}

/** How many events a plan found. */
export interface OperationPart {
  consumerName: string;
  /** The kind of the failure. Null for events that have not failed. */
  fingerprint: string | null;
  /** The error of one of them, at most 500 characters. Null for events that have not failed. */
  error: string | null;
  events: number;
}

/**
 * How many events of `filter.outboxEventIds` a plan leaves out. An event may be handled already, run at this
 * moment, or not have been tried yet.
 */
export interface LeftOut {
  /** Neither the log nor the inbox has them. */
  unknown: number;
  /** They are known, but no consumer that is meant has them in a state that the operation takes. */
  notTaken: number;
  /** The first 50 of them. */
  events: string[];
}

/** A redrive, a discard or a replay that is stored: it outlives the request and the process. */
export interface Operation {
  id: string;
  kind: OperationKind;
  state: OperationState;
  /** Lists of operations leave `outboxEventIds` out. An operation of a part has the filter of its kind. */
  filter: StoredFilter;
  /** How many events `filter.outboxEventIds` has. Null if the filter does not name events one by one. */
  chosenEvents: number | null;
  states: DiscardableState[] | null;
  /** Of a replay that was run: its first position, the next to look at, and the last. Otherwise null. */
  fromPosition: number | null;
  nextPosition: number | null;
  toPosition: number | null;
  maxEvents: number | null;
  rate: number | null;
  stopAfter: number | null;
  stopAbovePercent: number | null;
  /** How many events the plan found. */
  plannedEvents: number;
  /** True if there may be more than `plannedEvents`, because the plan stopped counting. */
  plannedAtLeast: boolean;
  /** The largest parts of that number. */
  parts: OperationPart[];
  /** What the plan left out of the events that were chosen one by one. Null for other filters. */
  leftOut: LeftOut | null;
  /** How many events it has changed so far. */
  changed: number;
  requestedBy: string;
  /** What the plan said, or else the run. */
  reason: string | null;
  createdAt: Date;
  startedAt: Date | null;
  progressedAt: Date | null;
  finishedAt: Date | null;
  cancelledBy: string | null;
  error: string | null;
}

/** What became of the events of a redrive or a replay so far. One that was sent again since counts there. */
export interface OperationVerdict {
  succeeded: number;
  /** They have failed again, in the same way as before. A replay may count its failures as the other ones. */
  failedTheSameWay: number;
  failedOtherwise: number;
  /** They wait, run, or are tried again. */
  pending: number;
  /** True if 10,000 events or more have one status. No more of them were looked at. */
  isPartial: boolean;
}

/** By when operations were planned. */
export const OPERATION_ORDERS = ['latest', 'oldest'] as const;
export type OperationOrder = (typeof OPERATION_ORDERS)[number];

export interface OperationPageRequest {
  state?: OperationState | undefined;
  kind?: OperationKind | undefined;
  /** Only those whose filter names this consumer. */
  consumerName?: string | undefined;
  /** Which come first: the latest by default. */
  order?: OperationOrder | undefined;
  /** Number of operations: 50 by default, at most 1,000. */
  limit?: number | undefined;
  /** The id of the last operation of the page before. */
  after?: string | undefined;
}

export interface OperationPage {
  /** In the order that was asked for. */
  operations: Operation[];
  /** Give it as `after` for the next page. Null on the last page. */
  next: string | null;
}
