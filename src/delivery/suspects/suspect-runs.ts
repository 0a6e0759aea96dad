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
  abandon(reason: string): void;
  leaseLost(): void;
}

/** Takes on what is no suspect, as if it had read it. */
interface Pages {
  handled: number;
  handOn(rows: LogRows): void;
}

/**
 * After a second unclean end, any event that was being read may be the poison message that ended the process.
 * These events are suspects. They run one by one, and no other handler runs beside them.
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
      for (let more = this.crashes.hasSuspects; more && !this.worker.isClosed; ) more = await this.runSome();
    } catch (error) {
      this.worker.abandon(messageOf(error));
    }
  }

  private async runSome(): Promise<boolean> {
    const { suspectsBelow } = this.crashes;
    const page = await this.reader.readBelow(suspectsBelow, SUSPECTS_AT_ONCE, this.pageBytes);
    this.pages.handOn({ positions: passedOver(page), events: [] });
    for (const event of page.events) {
      if (this.worker.isClosed || this.partition.isClosed) return false;
      await this.runOne(event);
    }
    return !page.positions.isEmpty;
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
}
