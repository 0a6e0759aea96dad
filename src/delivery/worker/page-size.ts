import type { LogEvent } from '../../log/log-event.js';
import { bytesOf, type LogPage } from '../../log/outbox-log.store.js';
import type { SettingsView } from '../../settings/settings-view.js';
import type { Consumer } from '../../subscribers/consumer.js';

/** Bytes of events in one page; a single larger event is a page of its own. */
export const PAGE_BYTES = 4 * 1024 * 1024;
/**
 * With so many bytes still waiting only half a page is read: what waits never comes to much more than a page.
 */
const MANY_BYTES = PAGE_BYTES / 4;
/** With so many none is. */
export const MOST_WAITING_BYTES = 2 * MANY_BYTES;
/** A page dearer than this is read less often, and more at a time. */
const CHEAP_PAGE_MS = 20;
const MOST_TIMES_THE_ROWS = 10;
const MOST_ROWS = 5_000;

/** How much of the log one cursor's next page is to hold, going by the last ones. */
export class PageSize {
  /** How many of the last page's rows were for this cursor: 0 to 1. */
  shareOfWanted = 1;
  /** How many consumers shared the last page. */
  private sharers = 1;
  private draining: boolean;
  private timesTheRows = 1;
  /** Of events like those of the last page. */
  private rowsThatFit = Number.POSITIVE_INFINITY;

  constructor(
    private readonly settings: SettingsView<'batchSize' | 'startupDrainBatchSize' | 'startupDrainEnabled'>,
    private readonly consumer: Pick<Consumer, 'concurrency' | 'batch'>,
  ) {
    this.draining = settings.snapshot().startupDrainEnabled;
  }

  /**
   * Rows of a page of small events. One that several consumers share keeps handlers busy for so many times as
   * long. A large one is of no use then, and what waits in memory meanwhile outlives the young collections:
   * with three consumers half a page is worth a tenth.
   */
  get rows(): number {
    const { batchSize, startupDrainBatchSize } = this.settings.snapshot();
    const rows = this.draining
      ? Math.max(batchSize, Math.ceil(startupDrainBatchSize / this.sharers))
      : batchSize;
    return Math.min(rows * this.timesTheRows, Math.max(rows, MOST_ROWS));
  }

  /**
   * How many events a page like the last one holds for this cursor; as many as handlers can take twice, if
   * that is more.
   */
  get events(): number {
    const { rows } = this;
    const { concurrency, batch } = this.consumer;
    return Math.min(rows, Math.max(rows * this.shareOfWanted, 2 * concurrency * (batch?.maxSize ?? 1)));
  }

  /** What to ask for, as things are. */
  next(sharers: number, waitingBytes: number): { rows: number; bytes: number } {
    this.sharers = sharers;
    const share = waitingBytes > MANY_BYTES ? 2 : 1;
    return { rows: Math.ceil(Math.min(this.rows, this.rowsThatFit) / share), bytes: PAGE_BYTES / share };
  }

  /** A page was found to hold this. */
  note({ positions, events, cut }: LogPage): void {
    const found = positions.count;
    this.rowsThatFit = rowsThatFit(found, events);
    this.shareOfWanted = found === 0 ? 1 : events.length / found;
    if (!cut) this.draining = false;
  }

  /** Holes made the last page take so long; 0: it has few. */
  paceBy(pageMs: number): void {
    this.timesTheRows = Math.min(MOST_TIMES_THE_ROWS, Math.max(1, Math.ceil(pageMs / CHEAP_PAGE_MS)));
  }
}

/**
 * So many rows as large as these fill half a page. Of more, most would be asked for in vain; and the fewer
 * are asked for, the larger the payloads that come along with their rows, instead of by a statement of their
 * own: up to twice the mean of these.
 */
function rowsThatFit(rows: number, events: readonly LogEvent[]): number {
  const bytes = bytesOf(events);
  return bytes === 0 ? Number.POSITIVE_INFINITY : Math.ceil((PAGE_BYTES / 2) * (rows / bytes));
}
