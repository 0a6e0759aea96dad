import { messageOf } from '../errors.js';
import type { CursorReader } from '../inbox/cursor-reader.js';
import type { LogRow } from '../outbox/outbox-log.store.js';
import type { CrashWatch } from './crash-watch.js';
import type { Dispatcher } from './dispatcher.js';
import { PAGE_BYTES, type PageLoop } from './page-loop.js';
import type { WorkerContext } from './worker-context.js';

const SUSPECTS_AT_ONCE = 100;

/** After a second unclean end: what was being read then runs one by one, each with no other handler beside it. */
export class Suspects {
  constructor(
    private readonly context: WorkerContext,
    private readonly dispatcher: Dispatcher,
    private readonly reader: CursorReader,
    private readonly crashes: CrashWatch,
    private readonly pages: PageLoop,
  ) {}

  async run(): Promise<void> {
    try {
      for (let more = this.crashes.hasSuspects; more && !this.context.stopped; ) more = await this.runSome();
    } catch (error) {
      this.context.giveUp(messageOf(error));
    }
  }

  private async runSome(): Promise<boolean> {
    const rows = await this.reader.readBelow(this.crashes.suspectsBelow, SUSPECTS_AT_ONCE, PAGE_BYTES);
    for (const row of rows) {
      if (this.context.stopped) return false;
      await this.runOne(row);
    }
    return rows.length > 0;
  }

  private async runOne(row: LogRow): Promise<void> {
    const { wanted } = row;
    // Behind another of its aggregate it takes its turn with the others: a claimed one would run even if that one failed.
    if (wanted === undefined || wanted.delayMs !== undefined || this.dispatcher.isBehindAnother(wanted)) {
      this.pages.arrive([row]);
      return;
    }
    const { held, inboxEventId } = await this.crashes.moveToInbox(wanted);
    this.pages.handled++;
    if (!held) this.context.leaseLost();
    else if (inboxEventId === undefined) this.dispatcher.foundElsewhere(wanted);
    else await this.dispatcher.runSuspect(wanted, inboxEventId);
  }
}
