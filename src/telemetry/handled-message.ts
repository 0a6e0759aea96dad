/** An event that a handler gets, as far as telemetry says something of it. */
export interface HandledMessage {
  readonly id: string;
  readonly eventName: string;
  readonly position: number;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  /** For reading at once. The handler may get the same object. */
  lookAtMetadata(): MessageMetadata;
}

export interface MessageMetadata {
  readonly correlationId?: unknown;
  readonly traceparent?: unknown;
  readonly tracestate?: unknown;
  readonly baggage?: unknown;
}

/** One attempt of a handler, for one event or for a batch. */
export interface HandledAttempt {
  readonly consumerName: string;
  readonly partition: number;
  /** The number of the attempt, from 1. */
  readonly attempt: number;
  /** False for a retry, and for an event that was delayed. */
  readonly isFromLog: boolean;
  readonly isBatch: boolean;
  readonly first: HandledMessage;
  /** The other events of a batch. */
  readonly others: readonly HandledMessage[];
}

/** How an attempt ended. `kind` is the kind of its outcome. */
export interface AttemptEnd {
  readonly kind: string;
  readonly error?: unknown;
  readonly reason?: string;
}

/** The ends that are no failure, neither of the event nor of what it needs. */
const NO_FAILURE: ReadonlySet<string> = new Set(['processed', 'skipped', 'postponed', 'elsewhere']);

export function isFailure({ kind }: AttemptEnd): boolean {
  return !NO_FAILURE.has(kind);
}

/** Follows one attempt. */
export interface AttemptObserver {
  /** Runs code of the attempt inside its span. */
  run<R>(fn: () => R): R;
  /** Called once, when the attempt has its outcome. */
  ended(end: AttemptEnd): void;
}
