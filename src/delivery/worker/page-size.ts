import type { LogEvent } from '../../log/log-event.js';
import { bytesOf, type LogPage } from '../../log/outbox-log.store.js';
import type { SettingsView } from '../../settings/settings-view.js';
import type { Consumer } from '../../subscribers/consumer.js';

/** The bytes of events in one page. A single larger event is a page of its own. */
export const PAGE_BYTES = 4 * 1024 * 1024;
/**
 * If more than these bytes still wait, only half a page is read. So at most a page and a quarter waits, apart
 * from a single larger event.
 */
const MANY_BYTES = PAGE_BYTES / 4;
/** If more than these bytes wait, no page is read. */
export const MOST_WAITING_BYTES = 2 * MANY_BYTES;
/** If a page takes longer than this, pages are read less often, and more is read at a time. */
const CHEAP_PAGE_MS = 20;
const MOST_TIMES_THE_ROWS = 10;
const MOST_ROWS = 5_000;

/**
 * Decides how much of the log the next page of one cursor should hold. It computes this from the last pages.
 */
export class PageSize {
  /** The share of the rows of the last page that were for this cursor: 0 to 1. */
  shareOfWanted = 1;
  /** How many consumers shared the last page. */
  private sharers = 1;
  private draining: boolean;
  private timesTheRows = 1;
  /** How many rows fit into a page, if their events are like those of the last page. */
  private rowsThatFit = Number.POSITIVE_INFINITY;

  constructor(
    private readonly settings: SettingsView<'batchSize' | 'startupDrainBatchSize' | 'startupDrainEnabled'>,
    private readonly consumer: Pick<Consumer, 'concurrency' | 'batch'>,
  ) {
    this.draining = settings.snapshot().startupDrainEnabled;
  }

  /**
   * The number of rows of a page of small events. A page that several consumers share keeps handlers busy for
   * several times as long. A larger page would not help then. What waits in memory for long survives the
   * young garbage collections, which makes a drain slower (docs/performance.md).
   */
  get rows(): number {
    const { batchSize, startupDrainBatchSize } = this.settings.snapshot();
    const rows = this.draining
      ? Math.max(batchSize, Math.ceil(startupDrainBatchSize / this.sharers))
      : batchSize;
    return Math.min(rows * this.timesTheRows, Math.max(rows, MOST_ROWS));
  }

  /**
   * How many events a page like the last one holds for this cursor. It is at least twice as many as handlers
   * can take.
   */
  get events(): number {
    const { rows } = this;
    const { concurrency, batch } = this.consumer;
    return Math.min(rows, Math.max(rows * this.shareOfWanted, 2 * concurrency * (batch?.maxSize ?? 1)));
  }

  /** How much to ask for now. */
  next(sharers: number, waitingBytes: number): { rows: number; bytes: number } {
    this.sharers = sharers;
    const share = waitingBytes > MANY_BYTES ? 2 : 1;
    return { rows: Math.ceil(Math.min(this.rows, this.rowsThatFit) / share), bytes: PAGE_BYTES / share };
  }

  /** Records what the last page held. */
  note({ positions, events, cut }: LogPage): void {
    const found = positions.count;
    this.rowsThatFit = rowsThatFit(found, events);
    this.shareOfWanted = found === 0 ? 1 : events.length / found;
    if (!cut) this.draining = false;
  }

  /** Records that holes made the last page take this long. 0 means that there are few holes. */
  paceBy(pageMs: number): void {
    this.timesTheRows = Math.min(MOST_TIMES_THE_ROWS, Math.max(1, Math.ceil(pageMs / CHEAP_PAGE_MS)));
  }
}

/**
 * How many rows of this size fill half a page. If more were asked for, most of them would be read for
 * nothing. If fewer are asked for, larger payloads come with their rows instead of by a statement of their
 * own, up to twice the mean size of these.
 */
function rowsThatFit(rows: number, events: readonly LogEvent[]): number {
  const bytes = bytesOf(events);
  return bytes === 0 ? Number.POSITIVE_INFINITY : Math.ceil((PAGE_BYTES / 2) * (rows / bytes));
}
