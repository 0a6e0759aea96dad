import { messageOf } from '../../errors.js';
import type { Claimable } from '../../inbox/claim-due.store.js';
import type { Claimed } from '../../inbox/inbox-event.store.js';
import { Backoff } from '../partition/backoff.js';
import type { Partition } from '../partition/partition.js';
import { Signal } from '../watchdog/signal.js';
import { ClaimSize } from './claim-size.js';
import type { WorkerContext } from './worker-context.js';

/** Milliseconds. A heartbeat reports a row in time if the row is due later than this. */
const BEATS_TELL_MS = 3_000;
const DUE_STEP_MS = 10;
/** A claim that takes longer than this has passed over many rows, or the server is busy. */
const CHEAP_CLAIM_MS = 10;

const NOTHING: Claimed = { rows: [], more: false };

/**
 * Claims the rows of the inbox that are due: retries, delayed events, and events that waited behind another.
 */
export class RetryLoop {
  /** How many rows were claimed since the worker began. */
  claimed = 0;

  private readonly wanted = new Signal();
  private readonly written = new Signal();
  /** The times for which there is a timer already. */
  private readonly dueSteps = new Set<number>();
  private readonly size: ClaimSize;
  private claiming = false;
  /** Whether some rows are still `processing` because a transaction of a stalled owner has locked them. */
  private foreignRows = false;
  private reloadWanted = false;
  /**
   * Whether there are suspects. Each of them is claimed by itself and runs exclusively. The events before
   * them in their aggregates run as usual, in turn with them. So each claim waits until nothing of the claim
   * before is left.
   */
  private hasSuspects = false;
  /**
   * How often suspects were found. An answer from before such a moment is out of date.
   */
  private suspectsFound = 0;
  /** Whether the loop stopped because no place was free, although more rows may be due. */
  private moreDue = false;
  /**
   * This many rows of this worker may hide due rows of their aggregates. When fewer remain, the loop checks
   * again. 0 means that no row hides another one.
   */
  private hiding = 0;
  private hiddenTimer: NodeJS.Timeout | undefined;
  /** When the last claim was answered (monotonic milliseconds), and how long it took. */
  private claimedAt = 0;
  private claimMs = 0;
  /** The highest row that was unresolved when the worker began. */
  private highestRow = 0;

  constructor(
    private readonly context: WorkerContext,
    private readonly partition: Partition,
    private changedByOthers: number,
    /** Resolves once the log has been read up to a position. */
    private readonly hasReadUpTo: (position: number) => Promise<void>,
    private readonly onReleases: () => void,
  ) {
    this.size = new ClaimSize(context.consumer.concurrency);
  }

  get isIdle(): boolean {
    return !this.claiming && !this.wanted.isRaised;
  }

  /** Called when a row may be due. */
  wake(): void {
    this.wanted.raise();
  }

  /** Called when a place or a claim has become free. */
  capacityFreed(): void {
    const { isClosed, workload } = this.partition;
    const { claimsInHand } = workload;
    this.size.ended(claimsInHand);
    if (isClosed || !this.size.isWorthwhile(claimsInHand)) return;
    if (this.moreDue) this.wanted.raise();
    else if (workload.unsettledClaims < this.hiding) this.lookForHidden();
  }

  /** Called when a save is committed. */
  saved(): void {
    this.written.raise();
    this.capacityFreed();
  }

  /** Called when an event is a suspect. Once that is saved, its row is claimed as one. */
  suspectFound(): void {
    this.suspectsFound++;
    this.hasSuspects = true;
  }

  /** Called when a row will be due in `ms`. */
  dueIn(ms: number): void {
    if (ms <= 0) this.wanted.raise();
    if (ms <= 0 || ms >= BEATS_TELL_MS) return;
    // The time is rounded up, so that rows that are due at about the same time share a timer, and no row is
    // asked for before its time.
    const now = performance.now();
    const step = Math.ceil((now + ms) / DUE_STEP_MS);
    if (this.dueSteps.has(step)) return;
    this.dueSteps.add(step);
    this.context.after(step * DUE_STEP_MS - now, () => {
      this.dueSteps.delete(step);
      this.wanted.raise();
    });
  }

  /** Called when a heartbeat has read the cursor. Somebody may have changed rows. */
  seen(changedByOthers: number): void {
    if (changedByOthers === this.changedByOthers && !this.foreignRows) return;
    this.changedByOthers = changedByOthers;
    this.reloadWanted = true;
    this.wanted.raise();
  }

  /**
   * The second step of a takeover. It comes after the token is committed and deals with what the former owner
   * left behind. With `cutOff`, the former owner was this process itself. It lost its database connections
   * but is alive, so no attempt is to blame.
   */
  async takeOver(cutOff: boolean): Promise<void> {
    const { inbox } = this.context.env.stores;
    const { entered } = this.context.env.execution;
    const { key, token } = this.context.lease;
    const ended = cutOff ? entered.of(this.context.consumer.name).countedAttempts : [];
    await inbox.interruptLeftovers(key, token, [], cutOff, ended);
    if (this.context.consumer.ordered) {
      const aggregates = await inbox.unresolvedAggregates(key);
      this.partition.unresolvedFound(aggregates);
      this.highestRow = Math.max(0, ...aggregates.map(({ highest }) => highest));
    }
    this.foreignRows = (await inbox.countForeignProcessing(key, [])) > 0;
    this.hasSuspects = await inbox.hasSuspects(key);
  }

  async run(): Promise<void> {
    await this.catchUpWithLog();
    const backoff = new Backoff();
    while (!this.context.isClosed) {
      await this.wanted.wait();
      this.claiming = true;
      try {
        if (this.reloadWanted) await this.reloadOrAskAgain();
        while (!this.context.isClosed && (await this.claimDue())) {}
        backoff.succeeded();
      } catch (error) {
        await this.context.waitAfterFailure('Claiming retries', error, backoff);
        this.wanted.raise();
      } finally {
        this.claiming = false;
      }
      this.context.stepDone();
    }
  }

  /** Lets a waiting loop see that the worker has ended. */
  close(): void {
    this.wanted.raise();
    this.written.raise();
  }

  /**
   * The former owner may have ended after it wrote events as waiting, and before it settled the event for
   * which they wait. Then that event must still be read. So no row gets its turn before two things are done:
   * the log has been read up to the highest row, and the events that were found before the rows are written
   * too.
   */
  private async catchUpWithLog(): Promise<void> {
    if (this.highestRow === 0) return;
    await this.hasReadUpTo(this.highestRow);
    while (!this.context.isClosed && this.partition.workload.hasEarlyEvents) await this.written.wait();
    this.partition.recheckUnresolved();
    this.onReleases();
  }

  /** If somebody changes rows during the reload, or if the reload fails, it is repeated the next time. */
  private async reloadOrAskAgain(): Promise<void> {
    this.reloadWanted = false;
    try {
      await this.reload();
    } catch (error) {
      this.reloadWanted = true;
      throw error;
    }
  }

  /**
   * Called when somebody else changed rows of the inbox. An aggregate with an unresolved row is blocked, and
   * the next save releases the others. This runs between two claims, so that every row of ours that is
   * `processing` is known to be ours.
   */
  private async reload(): Promise<void> {
    const { inbox } = this.context.env.stores;
    const { key, token } = this.context.lease;
    if (this.foreignRows)
      await inbox.interruptLeftovers(key, token, this.partition.workload.rowsOfOurs, false);
    this.foreignRows = (await inbox.countForeignProcessing(key, this.partition.workload.rowsOfOurs)) > 0;
    if (this.context.isClosed || !this.context.consumer.ordered) return;
    this.partition.unresolvedFound(await inbox.unresolvedAggregates(key));
    this.partition.recheckUnresolved();
    this.onReleases();
  }

  /**
   * A claim passes over every row that is hidden. If there are very many of them, it takes long. Then it is
   * made less often, so that the server is not busy with such claims alone.
   */
  private lookForHidden(): void {
    if (this.hiddenTimer !== undefined) return;
    const ms = this.claimMs > CHEAP_CLAIM_MS ? this.claimedAt + 2 * this.claimMs - performance.now() : 0;
    if (ms <= 0) this.wanted.raise();
    else
      this.hiddenTimer = this.context.after(ms, () => {
        this.hiddenTimer = undefined;
        this.wanted.raise();
      });
  }

  /** Claims rows that are due, if there is room for them. Returns whether more may be due. */
  private async claimDue(): Promise<boolean> {
    const { lease, consumer, env } = this.context;
    const { workload } = this.partition;
    const capacity = this.capacity();
    this.moreDue = capacity === 0;
    if (capacity === 0 || !lease.isValid()) return false;
    const { freeForRetries: places } = this.partition;
    const claim = (most: number, which: Claimable) =>
      env.stores.inbox.claimDue(lease.key, lease.token, most, consumer.ordered, which, places);
    const suspects = this.hasSuspects ? await claim(1, 'suspects') : NOTHING;
    const areSuspects = suspects.rows.length > 0;
    const askedAt = performance.now();
    const { rows, more } = areSuspects
      ? suspects
      : await claim(capacity, this.hasSuspects ? 'others' : 'any');
    this.claimedAt = performance.now();
    this.claimMs = this.claimedAt - askedAt;
    const mayHide = consumer.ordered && !areSuspects && !more && rows.length < capacity;
    this.hiding = mayHide ? workload.unsettledClaims + rows.length : 0;
    if (rows.length === 0) {
      if (this.hasSuspects) await this.lookForSuspects();
      return false;
    }
    const events = await env.stores.log.readByPosition(rows.map((row) => row.position)).catch((error) => {
      // The rows are claimed, and no other code would handle them later.
      this.context.abandon(messageOf(error));
      return undefined;
    });
    if (events === undefined) return false;
    this.claimed += rows.length;
    // A partition that was closed in the meantime takes them too, and gives back the rows that it cannot run.
    this.partition.rowsClaimed(rows, events, areSuspects);
    this.size.claimed(workload.claimsInHand);
    this.moreDue = areSuspects || more;
    // This comes last, because no code would handle the claimed rows if it failed earlier.
    if (areSuspects) await this.lookForSuspects();
    return this.moreDue;
  }

  /** How many rows to claim now. While there are suspects, nothing waits here for its turn. */
  private capacity(): number {
    const { isClosed, freeForRetries, workload } = this.partition;
    if (isClosed) return 0;
    if (!this.hasSuspects) return this.size.next(workload.claimsInHand);
    this.size.onlyForPlaces();
    return workload.unsettledClaims > 0 ? 0 : freeForRetries;
  }

  private async lookForSuspects(): Promise<void> {
    const { suspectsFound } = this;
    const areThere = await this.context.env.stores.inbox.hasSuspects(this.context.lease.key);
    this.hasSuspects =
      areThere || this.partition.workload.hasUnsavedSuspects || suspectsFound !== this.suspectsFound;
  }
}
