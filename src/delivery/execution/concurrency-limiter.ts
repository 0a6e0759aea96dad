// The import saves a lookup of the global `performance` at each use, and this file uses it very often.
import { performance } from 'node:perf_hooks';
import { ReadyQueue } from '../partition/ready-queue.js';

/** A user of slots. It wants to run handlers and may have to wait for a free slot. */
export interface SlotUser {
  readonly priority: number;
  /** Called when a slot has become free. Take it with `tryTake`, or leave it. */
  slotFree(): void;
}

/**
 * How many handlers may begin before the event loop turns. The number is divided by the number of consumers
 * that have work. After ten milliseconds of a turn no further handler begins. Without these limits, handlers
 * that end at once would run page after page, and nothing else in the process would run. With a smaller
 * number, a drain of few consumers would be slower. With a larger one, a drain of many consumers would be
 * slower (docs/performance.md).
 */
const MOST_IN_A_TURN = 2_000;
const LONGEST_TURN_MS = 10;
/** The clock is read once for this many handlers that begin. */
const BEGUN_BETWEEN_LOOKS = 8;

/**
 * Limits how many handlers one process runs at once, over all its consumers. Free slots go to the waiting
 * users by priority.
 */
export class ConcurrencyLimiter {
  private used = 0;
  private begunInThisTurn = 0;
  private mostInThisTurn = MOST_IN_A_TURN;
  private turnBeganAt = 0;
  private readonly waiting = new ReadyQueue<SlotUser>();
  private readonly isWaiting = new Set<SlotUser>();

  /** The last of the pieces of work that run exclusively, one after another. */
  private lastExclusive: Promise<unknown> = Promise.resolve();
  private exclusiveWanted = 0;
  private whenEmpty: (() => void) | undefined;

  constructor(private max: number) {}

  /** How many handlers run now. */
  get running(): number {
    return this.used;
  }

  limitTo(max: number): void {
    this.max = max;
    this.tellWaiting();
  }

  /** Runs `work` when every handler of this process has ended. No handler begins until it is done. */
  async exclusively<R>(work: () => Promise<R>): Promise<R> {
    this.exclusiveWanted++;
    const before = this.lastExclusive;
    const run = async () => {
      await before.catch(() => {});
      if (this.used > 0) await new Promise<void>((resolve) => (this.whenEmpty = resolve));
      return work();
    };
    const running = run();
    this.lastExclusive = running;
    try {
      return await running;
    } finally {
      this.exclusiveWanted--;
      this.tellWaiting();
    }
  }

  /**
   * Takes a slot and returns true if a handler may begin now. Otherwise returns false, and the user is told
   * when a slot is free.
   */
  tryTake(user: SlotUser): boolean {
    if (this.hasFree) {
      this.used++;
      this.countInTurn();
      return true;
    }
    if (!this.isWaiting.has(user)) {
      this.isWaiting.add(user);
      this.waiting.push(user, user.priority);
    }
    return false;
  }

  release(): void {
    this.used--;
    if (this.used === 0) {
      this.whenEmpty?.();
      this.whenEmpty = undefined;
    }
    this.tellWaiting();
  }

  private get hasFree(): boolean {
    return this.used < this.max && this.exclusiveWanted === 0 && this.begunInThisTurn < this.mostInThisTurn;
  }

  private countInTurn(): void {
    const begun = this.begunInThisTurn++;
    if (begun % BEGUN_BETWEEN_LOOKS !== 0) return;
    if (begun === 0) {
      this.turnBeganAt = performance.now();
      setImmediate(this.turned);
    } else if (performance.now() - this.turnBeganAt >= LONGEST_TURN_MS) this.mostInThisTurn = begun;
  }

  private readonly turned = (): void => {
    this.begunInThisTurn = 0;
    // The users that had to wait for the end of the turn are the users that have work.
    this.mostInThisTurn = MOST_IN_A_TURN / Math.max(1, this.waiting.size);
    this.tellWaiting();
  };

  /** A user that is told may leave the slot, because it was closed or pauses. Then the next one is told. */
  private tellWaiting(): void {
    for (let told = this.waiting.size; told > 0 && this.hasFree; told--) {
      const next = this.waiting.take();
      if (next === undefined) return;
      this.isWaiting.delete(next);
      next.slotFree();
    }
  }
}
