import type { ClaimedCursor, InboxCursorStore } from '../../inbox/inbox-cursor.store.js';
import type { LogEvent } from '../../log/log-event.js';
import type { OutboxLogStore } from '../../log/outbox-log.store.js';
import type { HeldLease } from '../../membership/held-lease.js';

/**
 * `read_upto` is saved this many events ahead. So it keeps nobody waiting: neither an event now and then, nor
 * the pages that a drain reads until its next save. It is saved no further ahead, because everything that is
 * unread below it runs one by one after a second unclean end, even if it is innocent.
 */
const EVENTS_AHEAD = 3_500;
/**
 * Not every position is an event of this cursor. But the cursor may want more of the coming events than of
 * the last ones, so there is a limit in positions as well.
 */
const MOST_POSITIONS_AHEAD = 15_000;

/*
 * How events that end their process are found. Before handlers of a page start, the cursor says how far was
 * read (`read_upto`). It is saved somewhat ahead, and by the ordinary saves of outcomes if these come in
 * time. A takeover from an owner that did not release its lease counts as unclean.
 *
 * After the first unclean end the new owner simply reads again, because anything may have ended the process.
 * From the second one on, every unread event below `read_upto` is suspect. (An event beyond the head of the
 * log was not there to be read, and is not suspect.) A suspect runs alone in its process. It is moved to the
 * inbox, and its attempt is counted, before it runs. So the event at fault is a dead letter after two ends
 * and its attempts, and no other event is blamed for it.
 */
export class CrashRecovery {
  /**
   * Unread events below this position are suspects. Until the takeover has asked how far was read, any
   * position may be one, and a beat that comes before that must not forget the unclean ends.
   */
  suspectsBelow = Number.POSITIVE_INFINITY;
  /**
   * No former owner has begun anything from this position on, because it would have said so before, under its
   * token.
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

  /** A part of the takeover: it finds the positions that may have caused an unclean end. */
  async begin(): Promise<void> {
    if (this.uncleanTakeovers === 0) return;
    this.suspectsBelow = Math.min(this.cursor.readUpto ?? 0, (await this.log.readHead()) + 1);
  }

  /**
   * What the next save of outcomes may say about the reading, too, so that no page has to wait for a save of
   * its own.
   */
  get uptoToSave(): number {
    return Math.max(this.savedUpto, this.reached + this.ahead);
  }

  /** The cursor says this now. */
  saved(upto: number): void {
    this.savedUpto = Math.max(this.savedUpto, upto);
  }

  /**
   * Resolves once the cursor says that reading went up to `position` at least. `share`: which part of the
   * positions that were read are events for this cursor, above 0 to 1.
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

  /** Comes with every beat: an end is forgotten once everything that may have caused it is settled. */
  async forgetWhenSettled(): Promise<void> {
    if (this.uncleanTakeovers === 0 || this.readPosition() < this.suspectsBelow) return;
    const { key, token } = this.lease;
    if (await this.cursors.forgetUncleanTakeovers(key, token, this.suspectsBelow)) this.uncleanTakeovers = 0;
  }
}
