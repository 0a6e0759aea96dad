import type { DomainEvent } from '../events/domain-event.js';
import type { StartFrom, SubscriberContext } from './subscriber-definition.js';

/** A handler as it is called, with one event or with the events of a batch. */
export type RegisteredHandler = (input: DomainEvent | DomainEvent[], context: SubscriberContext) => unknown;

/** One checked definition. */
export interface Subscription {
  readonly consumerName: string;
  readonly eventNames: readonly string[];
  readonly handler: RegisteredHandler;
  readonly transactional: boolean;
  /** The settings decide what is left out here. Delays are in milliseconds. */
  readonly retry: {
    readonly maxAttempts?: number | undefined;
    readonly baseDelayMs?: number | undefined;
    readonly maxDelayMs?: number | undefined;
  };
  readonly timeoutMs: number | undefined;
  readonly priority: number;
  /** What the handler gets as payload: the parsed value or its JSON text. */
  readonly payload: 'json' | 'text';
  /** Where it was registered: `Class.method`, or `file:line`. */
  readonly place: string;
}

/** The options of a consumer as a whole, merged from its definitions. */
export interface ConsumerOptions {
  readonly concurrency: number;
  /** Whether one of its definitions gives `concurrency`. */
  readonly isConcurrencyGiven: boolean;
  readonly ordered: boolean;
  readonly batch: { readonly maxSize: number; readonly maxWaitMs: number } | undefined;
  readonly partitions: number;
  readonly startFrom: StartFrom;
}

export const DEFAULT_CONSUMER_OPTIONS: ConsumerOptions = {
  concurrency: 10,
  isConcurrencyGiven: false,
  ordered: true,
  batch: undefined,
  partitions: 1,
  startFrom: 'recent',
};

/**
 * The largest number of names whose result is remembered. Names come from the log, so their number has no
 * bound. The cache starts again when it reaches this number.
 */
const MATCH_CACHE_LIMIT = 10_000;

/**
 * All subscriptions of one consumer name in this process. It is immutable: a later registration makes a new
 * one.
 */
export class Consumer implements ConsumerOptions {
  readonly eventNames: readonly string[];
  readonly concurrency: number;
  readonly isConcurrencyGiven: boolean;
  readonly ordered: boolean;
  readonly batch: ConsumerOptions['batch'];
  readonly partitions: number;
  readonly startFrom: StartFrom;
  /** The highest priority among its subscriptions. */
  readonly priority: number;
  /** Whether one of its handlers is transactional. */
  readonly isTransactional: boolean;

  private readonly exact = new Map<string, Subscription>();
  /** Sorted with the longest prefix first. */
  private readonly prefixes: readonly (readonly [prefix: string, subscription: Subscription])[];
  private readonly matches = new Map<string, Subscription>();

  constructor(
    readonly name: string,
    readonly subscriptions: readonly Subscription[],
    options: ConsumerOptions,
  ) {
    this.eventNames = subscriptions.flatMap((subscription) => subscription.eventNames);
    this.concurrency = options.concurrency;
    this.isConcurrencyGiven = options.isConcurrencyGiven;
    this.isTransactional = subscriptions.some(({ transactional }) => transactional);
    this.ordered = options.ordered;
    this.batch = options.batch;
    this.partitions = options.partitions;
    this.startFrom = options.startFrom;
    this.priority = Math.max(...subscriptions.map((subscription) => subscription.priority));

    const prefixes: [string, Subscription][] = [];
    for (const subscription of subscriptions) {
      for (const eventName of subscription.eventNames) {
        if (eventName.endsWith('*')) prefixes.push([eventName.slice(0, -1), subscription]);
        else this.exact.set(eventName, subscription);
      }
    }
    this.prefixes = prefixes.sort(([a], [b]) => b.length - a.length);
  }

  /** Whether both consist of the same definitions. A later registration may have added one. */
  isSame(other: Consumer | undefined): boolean {
    return (
      other?.subscriptions.length === this.subscriptions.length &&
      this.subscriptions.every((subscription, i) => subscription === other.subscriptions[i])
    );
  }

  /**
   * The longest timeout of its handlers in milliseconds. Handlers without a timeout of their own count as
   * `otherwiseMs`.
   */
  longestTimeoutMs(otherwiseMs: number): number {
    return Math.max(...this.subscriptions.map(({ timeoutMs }) => timeoutMs ?? otherwiseMs));
  }

  /** Whether it has a handler for each of these names, which may be prefixes with a trailing `*`. */
  handlesAll(eventNames: readonly string[]): boolean {
    return eventNames.every((name) => this.match(name) !== undefined);
  }

  /**
   * Returns the subscription for events of this name: that of the exact name, or else that of the longest
   * `prefix*`. Undefined if there is none.
   */
  match(eventName: string): Subscription | undefined {
    const known = this.matches.get(eventName);
    if (known !== undefined) return known;
    const found =
      this.exact.get(eventName) ?? this.prefixes.find(([prefix]) => eventName.startsWith(prefix))?.[1];
    if (found === undefined) return undefined;
    if (this.matches.size >= MATCH_CACHE_LIMIT) this.matches.clear();
    this.matches.set(eventName, found);
    return found;
  }
}
