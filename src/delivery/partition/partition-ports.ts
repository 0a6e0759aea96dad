import type { ClaimedCursor } from '../../inbox/inbox-cursor.store.js';
import type { WorkCounts } from '../../rates/work-counts.js';
import type { SettingsView } from '../../settings/settings-view.js';
import type { Attempt } from './attempt.js';
import type { Delivery } from './delivery.js';
import type { EnteredEvents } from './entered-events.js';
import type { Ran } from './outcome-rows.js';
import type { OutcomeStream } from './outcome-stream.js';
import type { RetryPolicy } from './retry-policy.js';
import type { Reachability } from './unavailability.js';

/** The parts outside a partition to which it reports, or which it asks. */
export interface PartitionParts {
  readonly entered: EnteredEvents;
  readonly retries: RetryPolicy;
  readonly outcomes: OutcomeStream;
  readonly work: WorkCounts;
  /** As the owner found it. */
  readonly cursor: Pick<ClaimedCursor, 'registeredAt' | 'replays'>;
  readonly settings: SettingsView<'deadLetterEnabled'>;
  /** The process that runs the attempts. */
  readonly process: Ran['process'];
  /** Makes the attempt that runs these events. `others` is undefined if the handler takes one event. */
  attemptFor(delivery: Delivery, others: readonly Delivery[] | undefined): Attempt;
}

/**
 * The part that runs the handlers and writes the flushes. It is called when the state of the partition has
 * changed.
 */
export interface PartitionListener {
  /** An attempt may start now, so `next` should be called. */
  mayStart(): void;
  /**
   * There are outcomes to flush, or there is room again. `isAwaited` means that nothing continues before the
   * flush is saved.
   */
  flushWanted(isAwaited?: boolean): void;
  /** An event is a suspect. Once that is saved, its row is due in the inbox. */
  suspectFound(): void;
  /** The infrastructure failed, and nothing is started for this long. */
  paused(ms: number, error: unknown): void;
  /** Handlers cannot reach what they need, or reach it again. */
  reachability(change: Reachability): void;
  /** The outcome of an attempt shows that another process has the lease. */
  leaseLost(): void;
}
