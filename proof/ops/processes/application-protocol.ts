/** How the handler of a consumer of an application works. */
export interface ApplicationConsumer {
  readonly name: string;
  readonly eventNames: readonly string[];
  /** `effects`: each event has an effect in the handler's transaction. `counts`: nothing but a count in memory. */
  readonly kind: 'effects' | 'counts';
  /** How long each handler of a consumer that counts takes. Left out: no time at all. */
  readonly takesMs?: number;
  readonly concurrency?: number;
  readonly timeoutMs?: number;
  readonly maxAttempts?: number;
}

export interface ApplicationSetup {
  readonly databaseUrl: string;
  /** Without it, the application has no admin API. */
  readonly admin?: boolean;
  readonly role: 'publisher' | 'worker' | 'all';
  readonly consumers?: readonly ApplicationConsumer[];
  /** Left out: as an application that says nothing about telemetry. */
  readonly telemetry?: {
    readonly spans?: boolean;
    readonly metrics?: boolean;
    readonly handlerSpanRatio?: number;
  };
  /** Whether durations are counted by an `IntegrationMetrics`. */
  readonly keepsDurations?: boolean;
  /** Share of traces that the SDK samples. Left out: no SDK is registered. */
  readonly sampled?: number;
  /** Whether each span that ends is written down. */
  readonly writesSpans?: boolean;
  readonly settings?: Readonly<Record<string, number | boolean>>;
}

/** What an event tells its handler to do. Each field that is left out asks for nothing. */
export interface ToDo {
  /** Announces itself, then takes so long. */
  readonly holdMs?: number;
  /** The number of attempts that fail. */
  readonly failures?: number;
  readonly failsAs?: FailureKind;
  /** A text that must be found nowhere but in the payload. */
  readonly secret?: string;
}

export const FAILURE_KINDS = [
  'error',
  'cause',
  'non-retryable',
  'retry-after',
  'skip',
  'unavailable',
  'timeout',
  'no-error',
  'unique-violation',
  'check-violation',
  'payload-kept-on-error',
] as const;
export type FailureKind = (typeof FAILURE_KINDS)[number];

export interface OpsEvent {
  readonly eventName: string;
  readonly aggregate: string;
  readonly toDo?: ToDo;
}

/** What the harness asks of an application; each is answered once. */
export type ApplicationRequest =
  /** The URL of its admin API, where it has one. */
  | { readonly kind: 'url' }
  /** The value of a setting that is in force in it. */
  | { readonly kind: 'setting'; readonly key: string }
  /** Publishes each of these in a transaction of its own; answers with their ids. */
  | { readonly kind: 'publish-events'; readonly events: readonly OpsEvent[] }
  /** Waits until `events` events were handled. Answers with a DrainedResult, without the first `uncounted`. */
  | { readonly kind: 'drained'; readonly events: number; readonly uncounted: number }
  /** Milliseconds until the application has closed. */
  | { readonly kind: 'close' };

export interface DrainedResult {
  readonly eventsASecond: number;
  /** Microseconds of a processor for each event. What else the machine does changes them little. */
  readonly processorUs: number;
}

/** A span that has ended, as it is written down. */
export interface WrittenSpan {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[];
}
