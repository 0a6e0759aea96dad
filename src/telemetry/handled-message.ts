/** An event that a handler gets, as far as telemetry says something of it. */
export interface HandledMessage {
  readonly id: string;
  readonly eventName: string;
  readonly position: number;
  /** For reading at once. The handler may get the same object. */
  lookAtMetadata(): MessageMetadata;
}

export interface MessageMetadata {
  readonly correlationId?: unknown;
  readonly traceparent?: unknown;
  readonly tracestate?: unknown;
  readonly baggage?: unknown;
}

/** An event, and the consumer that gets it. */
export interface HandledDelivery {
  readonly log: HandledMessage;
  readonly subscription: { readonly consumerName: string };
  /** The number of the attempt, from 1. */
  readonly attempt: number;
  /** What a retry or a delayed event was claimed by. Undefined if the event comes from the log. */
  readonly claim: object | undefined;
  /**
   * When the event was created, in milliseconds since 1970. Undefined where its age does not say how fast
   * events are delivered.
   */
  readonly latencyFrom: number | undefined;
}

/**
 * One attempt of a handler, for one event or for a batch. It is the object that the engine has anyway. An
 * attempt may take a few microseconds, so nothing is copied for telemetry.
 */
export interface HandledAttempt {
  /** The first event. */
  readonly delivery: HandledDelivery;
  /** The other events of a batch. */
  readonly others: readonly HandledDelivery[];
  readonly isBatch: boolean;
  /** Milliseconds of the monotonic clock. */
  readonly beganAt: number | undefined;
}

/** How an attempt ended. `kind` is the kind of its outcome. */
export interface AttemptEnd {
  readonly kind: string;
  readonly error?: unknown;
  readonly reason?: string;
}

/** The ends that are not a failure, neither of the event nor of what it needs. */
const NO_FAILURE: ReadonlySet<string> = new Set(['processed', 'skipped', 'postponed', 'elsewhere']);

export function isFailure({ kind }: AttemptEnd): boolean {
  return !NO_FAILURE.has(kind);
}

/** Follows attempts. Attempts that are alike may have the same observer. */
export interface AttemptObserver {
  /** Whether `run` does more than calling the function. If not, it may be left out. */
  readonly surrounds: boolean;
  /** Runs code of the attempt inside its span. */
  run<R>(fn: () => R): R;
  /** Called once for each attempt, when it has its outcome. */
  ended(attempt: HandledAttempt, end: AttemptEnd): void;
}
