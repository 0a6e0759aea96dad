import type { Partition } from '../partition/partition.js';
import { Signal } from '../watchdog/signal.js';
import { MOST_WAITING_BYTES, type PageSize } from './page-size.js';
import type { WorkerContext } from './worker-context.js';

/** The number of unsaved outcomes at which reading stops, because saves fail. */
const MOST_UNSAVED = 20_000;
/**
 * The number of pages that are read at most while handlers are free and every event in memory waits for
 * another one.
 */
const PAGES_TO_FIND_MORE = 10;
const SPILL_AFTER_MS = 200;

/** Decides whether there is room in memory for another page. */
export class PageRoom {
  private readonly made = new Signal();
  private isFull = false;
  /**
   * There is no room if this many events wait, or, while none of them can run, if the other number of events
   * waits. Both numbers are computed once for each page, because they are compared at the end of every event.
   */
  private enough = 0;
  private enoughToFindMore = 0;

  constructor(
    private readonly context: WorkerContext,
    private readonly partition: Partition,
    private readonly size: PageSize,
  ) {}

  /** Called when events have ended or were saved. */
  look(): void {
    if (this.isFull && this.hasRoom()) this.made.raise();
  }

  /**
   * The next page is read while one page is being handled. More pages would only fill memory. If every event
   * at hand waits behind another event of its aggregate, the queue of that aggregate is written down as
   * waiting after a while, so that other events can be read.
   */
  async wait(): Promise<void> {
    this.enough = this.size.events;
    this.enoughToFindMore = this.size.rows * PAGES_TO_FIND_MORE;
    if (this.hasRoom()) return;
    const spill = () => {
      this.partition.makeRoom();
      patience = this.context.after(SPILL_AFTER_MS, spill);
    };
    let patience = this.context.after(SPILL_AFTER_MS, spill);
    this.isFull = true;
    while (!this.context.isClosed && !this.hasRoom()) await this.made.wait();
    this.isFull = false;
    this.context.cancel(patience);
  }

  /** Lets a waiting loop see that the worker has ended. */
  close(): void {
    this.made.raise();
  }

  private hasRoom(): boolean {
    const { workload } = this.partition;
    if (workload.waitingBytes > MOST_WAITING_BYTES || workload.unflushedLoad >= MOST_UNSAVED) return false;
    const { waitingEvents } = workload;
    return waitingEvents < this.enough || (workload.lacksEvents && waitingEvents < this.enoughToFindMore);
  }
}
