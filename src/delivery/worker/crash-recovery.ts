import type { ClaimedCursor, InboxCursorStore } from '../../inbox/inbox-cursor.store.js';
import type { LogEvent } from '../../log/log-event.js';
import type { OutboxLogStore } from '../../log/outbox-log.store.js';
import type { HeldLease } from '../../membership/held-lease.js';

/**
 * `read_upto` is saved so many events ahead that neither one now and then nor the pages that a drain reads
 * until its next save are kept waiting by it. No further: what is unread below it runs one by one after a
 * second unclean end, be it innocent or not.
 */
const EVENTS_AHEAD = 3_500;
/** Not every position is one of its events; but it may want more of those to come than of those that were. */
const MOST_POSITIONS_AHEAD = 15_000;

/*
 * Events that end their process. Before handlers of a page start, the cursor says how far was read
 * (`read_upto`, saved somewhat ahead, by the ordinary saves of what was handled where they come in time). A
 * takeover from an owner that did not release counts as unclean. The first one simply reads again: it may
 * have been anything. From the second on, whatever is unread below `read_upto` (and below the log's head:
 * nothing beyond was there to be read) is suspect and runs alone in its process, moved to the inbox with its
 * attempt counted before it runs. So the event at fault is a dead letter after two ends and its attempts, and
 * no other is blamed for it.
 */
export class CrashRecovery {
  /**
   * Unread events below this position are suspects. Until the takeover has asked how far was read, every
   * position may be one: a beat that comes before that must not forget the unclean ends.
   */
  suspectsBelow = Number.POSITIVE_INFINITY;
  /**
   * No former owner has begun anything from this position on: it would have said so, under its token, before.
   */
  readonly begunBelow: number;

  private uncleanTakeovers: number;
  private savedUpto: number;
  private reached = 0;
  private ahead = EVENTS_AHEAD;

  constructor(
    private readonly cursors: InboxCursorStore,
    private readonly log: OutboxLogStore,
    private readonly cursor: ClaimedCursor,
    private readonly lease: HeldLease,
    private readonly readPosition: () => number,
  ) {
    this.uncleanTakeovers = cursor.uncleanTakeovers;
    this.begunBelow = cursor.readUpto ?? 0;
    this.savedUpto = this.begunBelow;
  }

  get hasSuspects(): boolean {
    return this.uncleanTakeovers >= 2;
  }

  /** Part of the takeover: which positions an unclean end may have been caused by. */
  async begin(): Promise<void> {
    if (this.uncleanTakeovers === 0) return;
    this.suspectsBelow = Math.min(this.cursor.readUpto ?? 0, (await this.log.readHead()) + 1);
  }

  /**
   * What the next save of outcomes may say of the reading as well, so that no page has to wait for a save of
   * its own.
   */
  get uptoToSave(): number {
    return Math.max(this.savedUpto, this.reached + this.ahead);
  }

  /** The cursor says so. */
  saved(upto: number): void {
    this.savedUpto = Math.max(this.savedUpto, upto);
  }

  /**
   * Resolves once the cursor says that reading went up to `position` at least. `share`: how many of the
   * positions read are events for it, above 0 to 1.
   */
  async beforeStarting(position: number, share: number): Promise<void> {
    this.reached = position;
    this.ahead = Math.min(MOST_POSITIONS_AHEAD, Math.ceil(EVENTS_AHEAD / share));
    if (position < this.savedUpto) return;
    const upto = this.uptoToSave;
    if (!(await this.cursors.saveReadUpto(this.lease.key, this.lease.token, upto)))
      throw new Error('the lease was lost');
    this.saved(upto);
  }

  moveToInbox(log: LogEvent): Promise<{ held: boolean; inboxEventId: string | undefined }> {
    return this.cursors.moveToInbox(this.lease.key, this.lease.token, {
      outboxEventId: log.id,
      position: log.position,
      aggregateType: log.aggregateType,
      aggregateId: log.aggregateId,
    });
  }

  /** With every beat: an end is forgotten once everything that may have caused it is settled. */
  async forgetWhenSettled(): Promise<void> {
    if (this.uncleanTakeovers === 0 || this.readPosition() < this.suspectsBelow) return;
    const { key, token } = this.lease;
    if (await this.cursors.forgetUncleanTakeovers(key, token, this.suspectsBelow)) this.uncleanTakeovers = 0;
  }
}
