/** How a saga stands. All but `active` have ended. */
export type SagaStatus = 'active' | 'completed' | 'undone' | 'canceled';

export const SAGA_STATUSES: readonly SagaStatus[] = ['active', 'completed', 'undone', 'canceled'];

/** How a saga can end by hand. */
export type SagaOutcome = Exclude<SagaStatus, 'active'>;

export const SAGA_OUTCOMES: readonly SagaOutcome[] = ['completed', 'undone', 'canceled'];

/** A saga in a list. */
export interface ListedSaga {
  saga: string;
  key: string;
  id: string;
  /** The tenant of the event that began it. Empty if it had none. */
  tenantId: string;
  step: string;
  status: SagaStatus;
  version: number;
  /** The number of entries of its history. */
  steps: number;
  startedAt: Date;
  /** When its last step was done. */
  changedAt: Date;
  endedAt: Date | null;
  /** Whether it is active, has not changed for `sagas.stuckAfterHours`, and has no timeout to come. */
  stuck: boolean;
}

/** A timeout that is set. */
export interface SagaTimeoutState {
  name: string;
  at: Date;
}

/** An event that waits for a step of a saga. */
export interface WaitingEvent {
  outboxEventId: string;
  position: number;
  eventName: string;
  /** The steps in which it is handled. Empty for any. */
  wanted: string[];
  /** When it becomes a dead letter. */
  until: Date;
  /** When its step was reached. Null while it waits. */
  releasedAt: Date | null;
}

/** A saga with all that is known of it. */
export interface SagaInstance extends ListedSaga {
  state: unknown;
  timeouts: SagaTimeoutState[];
  /** The number of events that an undo would publish. */
  undo: number;
  /** The first 100 events that wait for it, in their order. */
  waiting: WaitingEvent[];
}

/** One entry of the history of a saga. */
export interface SagaHistoryEntry {
  /** Its place in the history, from 1. */
  n: number;
  /** The event that was handled. Null for what an admin decided. */
  outboxEventId: string | null;
  /** The name of the event; `timeout:<name>`; or `end` by an admin. */
  name: string;
  /** Null where the saga began. */
  stepBefore: string | null;
  stepAfter: string;
  /** Why the event was skipped, or why the saga was undone or ended. Null for an ordinary step. */
  reason: string | null;
  at: Date;
}

export interface SagaFilter {
  /** The name of the saga. */
  saga?: string | undefined;
  status?: SagaStatus | undefined;
  step?: string | undefined;
  tenantId?: string | undefined;
  /** True for those that are stuck, false for the others. */
  stuck?: boolean | undefined;
}

export interface SagaPageRequest {
  /** Number of sagas: 50 by default, at most 1,000. */
  limit?: number | undefined;
  /** The `next` of the page before. */
  after?: string | undefined;
}

export interface SagaPage {
  /** Those that began last come first. */
  sagas: ListedSaga[];
  /** Give it as `after` for the next page. Null on the last page. */
  next: string | null;
}

/** The active sagas of one name that are in one step. */
export interface SagaStepCount {
  saga: string;
  step: string;
  /** How many they are. */
  sagas: number;
  /** When the one changed that has not changed for longest. */
  oldestChangeAt: Date;
  /** Half of them have not changed since then. */
  medianChangeAt: Date;
  /** How many of them are stuck. */
  stuck: number;
}

export interface SagaSteps {
  /** In the order of names and steps. */
  steps: SagaStepCount[];
  /** Whether there are more active sagas than were counted: those that have not changed for longest. */
  atLeast: boolean;
}

/** A way that sagas of one name have taken, and how often. */
export interface SagaTransition {
  /** Null where a saga began. */
  from: string | null;
  to: string;
  /** How the saga ended with it. Null if it went on. */
  outcome: SagaOutcome | null;
  /** What led to it: the name of an event; `timeout:<name>`; or `end` by an admin. */
  name: string;
  times: number;
  lastAt: Date;
}
