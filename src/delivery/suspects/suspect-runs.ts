import { messageOf } from '../../errors.js';
import type { CursorReader } from '../../inbox/cursor-reader.js';
import type { LogEvent } from '../../log/log-event.js';
import { type LogRows, passedOver } from '../../log/outbox-log.store.js';
import { PositionSet } from '../../log/position-set.js';
import type { Partition } from '../partition/partition.js';
import type { CrashRecovery } from './crash-recovery.js';

const SUSPECTS_AT_ONCE = 100;

/** The worker that runs them. */
interface Worker {
  readonly isClosed: boolean;
  readonly consumer: { readonly batch: { readonly maxSize: number } | undefined };
  abandon(reason: string): void;
  leaseLost(): void;
}

/** Takes on what is no suspect, as if it had read it. */
interface Pages {
  handled: number;
  handOn(rows: LogRows, areSuspects?: boolean): void;
}

/**
 * After a second unclean end, any event that was being read may be the poison message that ended the process.
 * These events are suspects. They run one by one, or those of a consumer of batches in groups, and no other
 * handler runs beside them.
 */
export class SuspectRuns {
  constructor(
    private readonly worker: Worker,
    private readonly partition: Partition,
    private readonly reader: CursorReader,
    private readonly crashes: CrashRecovery,
    private readonly pages: Pages,
    private readonly pageBytes: number,
  ) {}

  async run(): Promise<void> {
    try {
      for (let more = this.crashes.hasSuspects; more && !this.worker.isClosed; )
        more = (await this.runSome()) || this.crashes.widen();
    } catch (error) {
      this.worker.abandon(messageOf(error));
    }
  }

  /** Runs a page of suspects. Returns false if there was none. */
  private async runSome(): Promise<boolean> {
    const { batch } = this.worker.consumer;
    const most = batch === undefined ? SUSPECTS_AT_ONCE : 2 * batch.maxSize;
    const page = await this.reader.readBelow(this.crashes.firstSuspectsBelow, most, this.pageBytes);
    this.pages.handOn({ positions: passedOver(page), events: [] });
    if (batch === undefined) await this.runEach(page.events);
    else await this.runHalves(page.events);
    return !page.positions.isEmpty;
  }

  private async runEach(events: readonly LogEvent[]): Promise<void> {
    for (const event of events) {
      if (this.hasEnded) return;
      await this.runOne(event);
    }
  }

  /**
   * Runs half of the events, then half of the rest, and so on. A page has at most all suspects, so a group
   * has at most half of them.
   */
  private async runHalves(events: readonly LogEvent[]): Promise<void> {
    for (let rest = events; rest.length > 0 && !this.hasEnded; ) {
      const half = rest.slice(0, Math.ceil(rest.length / 2));
      if (half.length === 1) await this.runEach(half);
      else await this.runGroup(half);
      rest = rest.slice(half.length);
    }
  }

  private async runGroup(events: readonly LogEvent[]): Promise<void> {
    const positions = PositionSet.of(events.map(({ position }) => position));
    if (!(await this.crashes.noteGroup((positions.last ?? 0) + 1))) {
      this.worker.leaseLost();
      return;
    }
    this.pages.handOn({ positions, events }, true);
    await this.partition.untilSettled();
  }

  private async runOne(event: LogEvent): Promise<void> {
    const { position, delayMs } = event;
    // An event behind another one of its aggregate takes its turn with the others. If it were claimed here,
    // it would run even if the event before it failed.
    if (delayMs !== undefined || this.partition.workload.isBehindAnother(event)) {
      this.pages.handOn({ positions: PositionSet.of([position]), events: [event] });
      return;
    }
    const { held, inboxEventId } = await this.crashes.moveToInbox(event);
    this.pages.handled++;
    if (!held) this.worker.leaseLost();
    else if (inboxEventId === undefined) this.partition.foundInInbox(event);
    else await this.partition.suspectMoved(event, inboxEventId);
  }

  private get hasEnded(): boolean {
    return this.worker.isClosed || this.partition.isClosed;
  }
}
