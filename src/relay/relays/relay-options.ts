import type { DomainEvent } from '../../events/domain-event.js';
import type { StartFrom } from '../../subscribers/subscriber-definition.js';

/** What every relay may be given. */
export interface RelayOptions {
  /** Names the relay. Its consumer is `relay.<name>`. A new name makes a new relay. */
  readonly name: string;
  /** The events that it sends: exact names, or patterns with a trailing `*`. */
  readonly eventName: string | readonly string[];
  /** Where a new relay starts in the log. The default is `recent`. */
  readonly startFrom?: StartFrom | undefined;
  /** The number of leases over which its events are spread. The default is 1. */
  readonly partitions?: number | undefined;
  /** The largest number of events in one call, from 1 to 5000. The default is 100. */
  readonly batch?: number | undefined;
  /** The number of batches that one process sends at once. The default is 4. */
  readonly concurrency?: number | undefined;
  /**
   * For how many milliseconds the broker may take to accept a message. What it has not accepted until then is
   * sent again later. The default is 5000.
   */
  readonly timeoutMs?: number | undefined;
  /** The `source` of the CloudEvents: who sends. The default is that of `RelaysModule`. */
  readonly source?: string | undefined;
  /**
   * Returns what is sent in the place of the event, or undefined for an event that is not sent. The aggregate
   * must stay the same.
   */
  readonly transform?: ((event: DomainEvent) => DomainEvent | undefined) | undefined;
}

export const DEFAULT_BATCH = 100;
export const DEFAULT_CONCURRENCY = 4;
export const DEFAULT_TIMEOUT_MS = 5_000;

/** The compiler reports an error here if an option is missing. */
const NAMES: { readonly [K in keyof Required<RelayOptions>]: true } = {
  name: true,
  eventName: true,
  startFrom: true,
  partitions: true,
  batch: true,
  concurrency: true,
  timeoutMs: true,
  source: true,
  transform: true,
};
export const RELAY_OPTION_NAMES: readonly string[] = Object.keys(NAMES);
