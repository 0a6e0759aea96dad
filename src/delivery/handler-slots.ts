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

  constructor(private readonly max: number) {}

  /** Takes a slot if one is free and nobody waited longer for it; else the user is told when one is. */
  tryTake(user: SlotUser): boolean {
    if (this.used < this.max) {
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
    // Somebody who is told may leave the slot (it was closed, or pauses): then the next one is.
    for (let told = this.waiting.size; told > 0 && this.used < this.max; told--) {
      const next = this.waiting.take();
      if (next === undefined) return;
      this.isWaiting.delete(next);
      next.slotFree();
    }
  }
}
