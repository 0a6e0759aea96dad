/** Places of a rate that follow one another. Times are those of the process's own clock, in milliseconds. */
interface Batch {
  /** When the first one begins. */
  from: number;
  /** When the first one ends. */
  until: number;
  left: number;
}

/**
 * Places of one limit that this process has taken and not used. `gate.store.ts` says why a place begins and
 * ends when it does.
 */
export class HeldPlaces {
  private readonly batches: Batch[] = [];
  private taken = 0;
  private used = 0;

  /** @param everyMs between two places; 0 for a quota, whose places are all alike */
  constructor(private readonly everyMs: number) {}

  /** @param until when the first of them ends */
  add(count: number, from: number, until: number): void {
    this.taken = count;
    this.used = 0;
    if (count > 0) this.batches.push({ from, until, left: count });
  }

  /** When the next place begins. Undefined if there is none. */
  next(now: number): number | undefined {
    for (;;) {
      const [first] = this.batches;
      if (first === undefined || (first.until > now && first.left > 0)) return first?.from;
      if (first.left > 0) this.step(first);
      else this.batches.shift();
    }
  }

  /** Uses the place that `next` has told. */
  use(): void {
    const [first] = this.batches;
    if (first === undefined) return;
    this.used++;
    this.step(first);
  }

  /** Throws all of them away. They never go back. */
  drop(): void {
    this.batches.length = 0;
  }

  /**
   * How many are worth taking: twice as many as were used of the last ones, and no fewer than there are
   * requests that wait. Places that a process takes and does not use are lost to the others.
   */
  worthTaking(waiting: number, most: number): number {
    const lately = this.used >= this.taken ? this.taken * 2 : this.used;
    return Math.max(1, Math.min(most, Math.max(waiting, lately)));
  }

  private step(batch: Batch): void {
    batch.left--;
    batch.from += this.everyMs;
    batch.until += this.everyMs;
  }
}
