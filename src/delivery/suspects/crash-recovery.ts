import type { ClaimedCursor, InboxCursorStore } from '../../inbox/inbox-cursor.store.js';
import type { LogEvent } from '../../log/log-event.js';
import type { OutboxLogStore } from '../../log/outbox-log.store.js';
import type { HeldLease } from '../../membership/beat/held-lease.js';

/**
 * `read_upto` is saved this many events ahead. So neither a single event nor the pages that a drain reads
 * until its next save have to wait for it. It is not saved further ahead, because after a second unclean end
 * every unread event below it runs one by one, even if it is innocent.
 */
const EVENTS_AHEAD = 3_500;
/**
 * The limit in positions. Not every position is an event of this cursor, and the cursor may want more of the
 * coming events than of the last ones. So a limit in events alone is not enough.
 */
const MOST_POSITIONS_AHEAD = 15_000;

/*
 * Finds events that end their process. Before handlers of a page start, the cursor says how far was read
 * (`read_upto`). This is saved somewhat ahead, and by the ordinary saves of outcomes if these come in time. A
 * takeover counts as unclean if the former owner did not release its lease.
 *
 * After the first unclean end the new owner simply reads again, because anything may have ended the process.
 * From the second one on, every unread event below `read_upto` is a suspect. (An event beyond the head of the
 * log did not exist when the log was read, so it is none.) A suspect runs exclusively: no other handler of
 * its process runs beside it. It is moved to the inbox, and its attempt is counted, before it runs. So the
 * event at fault is a dead letter after two ends and its attempts, and no other event is blamed for it.
 *
 * A consumer of batches would send thousands of suspects one by one. So it runs them in groups, each of at
 * most half of the suspects that are left (suspect-runs.ts), and the cursor says where a group ends before
 * the group runs (`suspects_below`). An owner that finds unread events below that position follows one that
 * ended in this group. These events alone are suspects first, so each end halves them. The last one runs
 * singly, with its attempt counted.
 *
 * Why this is right:
 *
 *   - No event is blamed for another one. A group counts no attempt. Only an event that runs singly does.
 *   - The event at fault is found. It is unread until its handler ends, so it is among the suspects of each
 *     owner. If the suspects below the mark are handled without an end, all unread events below `read_upto`
 *     are suspects again, as if there had been no mark. So a mark that is too low, because the process ended
 *     for another reason or a version without groups was the owner meanwhile, costs ends and nothing else.
 *   - Order holds. The mark bounds the suspects from above only. What is unread before the group, because it
 *     waits behind another event, is read before it.
 */
export class CrashRecovery {
  /**
   * Unread events below this position are suspects. Until the takeover has read `read_upto`, every position
   * may be a suspect, because a heartbeat that comes before that must not forget the unclean ends.
   */
  suspectsBelow = Number.POSITIVE_INFINITY;
  /** Unread events below this position are the suspects that run first. */
  firstSuspectsBelow = Number.POSITIVE_INFINITY;
  /**
   * No former owner has begun an event from this position on, because it would have saved that before, under
   * its token.
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
    this.firstSuspectsBelow = Math.min(this.suspectsBelow, this.cursor.suspectsBelow ?? this.suspectsBelow);
  }

  /** The suspects below the mark are handled. Whatever else was being read may be at fault. */
  widen(): boolean {
    const isWider = this.firstSuspectsBelow < this.suspectsBelow;
    this.firstSuspectsBelow = this.suspectsBelow;
    return isWider;
  }

  /** Called before a group of suspects runs. False means that the lease is lost. */
  noteGroup(below: number): Promise<boolean> {
    return this.cursors.saveSuspectsBelow(this.lease.key, this.lease.token, below);
  }

  /**
   * The `read_upto` that the next save of outcomes may write too, so that no page has to wait for a save of
   * its own.
   */
  get uptoToSave(): number {
    return Math.max(this.savedUpto, this.reached + this.ahead);
  }

  /** Called when the cursor has this `read_upto` now. */
  saved(upto: number): void {
    this.savedUpto = Math.max(this.savedUpto, upto);
  }

  /**
   * Resolves when the cursor says that reading went up to `position` at least. `share` is the part of the
   * positions that were read which are events for this cursor, above 0 and at most 1.
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

  /**
   * Called with every heartbeat. An unclean end is forgotten when every event that may have caused it is
   * settled.
   */
  async forgetWhenSettled(): Promise<void> {
    if (this.uncleanTakeovers === 0 || this.readPosition() < this.suspectsBelow) return;
    const { key, token } = this.lease;
    if (await this.cursors.forgetUncleanTakeovers(key, token, this.suspectsBelow)) this.uncleanTakeovers = 0;
  }
}
