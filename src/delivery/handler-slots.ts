import { ReadyQueue } from './ready-queue.js';

/** Somebody who wants to run handlers and may have to wait for a free slot. */
export interface SlotUser {
  readonly priority: number;
  /** A slot has become free: take it with `tryTake`, or leave it. */
  slotFree(): void;
}

/** The handlers that one process runs at once, over all its consumers. Free slots go by priority. */
export class HandlerSlots {
  private used = 0;
  private readonly waiting = new ReadyQueue<SlotUser>();
  private readonly isWaiting = new Set<SlotUser>();

  /** Who wants to run alone, one after another. */
  private alone: Promise<unknown> = Promise.resolve();
  private aloneWanted = 0;
  private whenEmpty: (() => void) | undefined;

  constructor(private readonly max: number) {}

  /** Runs `work` once every handler of this process has ended, and lets none begin until it is done. */
  async exclusively<R>(work: () => Promise<R>): Promise<R> {
    this.aloneWanted++;
    const before = this.alone;
    const run = async () => {
      await before.catch(() => {});
      if (this.used > 0) await new Promise<void>((resolve) => (this.whenEmpty = resolve));
      return work();
    };
    const running = run();
    this.alone = running;
    try {
      return await running;
    } finally {
      this.aloneWanted--;
      if (this.aloneWanted === 0) this.tellWaiting();
    }
  }

  /** Takes a slot if one is free and nobody waited longer for it; else the user is told when one is. */
  tryTake(user: SlotUser): boolean {
    if (this.used < this.max && this.aloneWanted === 0) {
      this.used++;
      return true;
    }
    if (!this.isWaiting.has(user)) {
      this.isWaiting.add(user);
      this.waiting.push(user, user.priority);
    }
    return false;
  }

  giveBack(): void {
    this.used--;
    if (this.used === 0) {
      this.whenEmpty?.();
      this.whenEmpty = undefined;
    }
    if (this.aloneWanted === 0) this.tellWaiting();
  }

  /** Somebody who is told may leave the slot (it was closed, or pauses): then the next one is. */
  private tellWaiting(): void {
    for (let told = this.waiting.size; told > 0 && this.used < this.max; told--) {
      const next = this.waiting.take();
      if (next === undefined) return;
      this.isWaiting.delete(next);
      next.slotFree();
    }
  }
}
