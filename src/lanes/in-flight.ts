import type { LaneItem } from './lane-work.js';

/** An item that runs, or has run and is not saved. */
export interface Running<Item extends LaneItem, Lease> {
  readonly item: Item;
  /** The lease under which it began. Its outcome is saved under this one or not at all. */
  readonly lease: Lease;
  /** Whether it waits for its save. */
  hasEnded: boolean;
}

/** What is in flight in this process, without I/O. */
export class InFlight<Item extends LaneItem, Lease> {
  private readonly byTarget = new Map<string, Map<string, Running<Item, Lease>>>();
  private readonly counts = new Map<Lease, number>();
  private readonly idle = new Map<Lease, (() => void)[]>();
  size = 0;
  /** How many of them run: the others wait for their save. */
  runs = 0;

  has({ target, key }: LaneItem): boolean {
    return this.byTarget.get(target)?.has(key) === true;
  }

  of(target: string): number {
    return this.byTarget.get(target)?.size ?? 0;
  }

  add(running: Running<Item, Lease>): void {
    const { item, lease } = running;
    const ofTarget = this.byTarget.get(item.target) ?? new Map<string, Running<Item, Lease>>();
    this.byTarget.set(item.target, ofTarget.set(item.key, running));
    this.counts.set(lease, (this.counts.get(lease) ?? 0) + 1);
    this.size++;
    this.runs++;
  }

  /** Its run has ended, and it waits for its save. */
  end(running: Running<Item, Lease>): void {
    running.hasEnded = true;
    this.runs--;
  }

  /** False if it is not in flight any more. */
  remove(running: Running<Item, Lease>): boolean {
    const { item, lease } = running;
    const ofTarget = this.byTarget.get(item.target);
    if (ofTarget?.get(item.key) !== running) return false;
    ofTarget.delete(item.key);
    if (ofTarget.size === 0) this.byTarget.delete(item.target);
    this.size--;
    if (!running.hasEnded) this.runs--;
    const left = (this.counts.get(lease) ?? 0) - 1;
    if (left > 0) this.counts.set(lease, left);
    else {
      this.counts.delete(lease);
      for (const resolve of this.idle.get(lease) ?? []) resolve();
      this.idle.delete(lease);
    }
    return true;
  }

  /** Resolves when nothing of this lease is in flight. */
  async whenIdle(lease: Lease): Promise<void> {
    if (!this.counts.has(lease)) return;
    await new Promise<void>((resolve) => {
      this.idle.set(lease, [...(this.idle.get(lease) ?? []), resolve]);
    });
  }

  /** What is in flight under this lease. */
  under(lease: Lease): Running<Item, Lease>[] {
    return this.all().filter((running) => running.lease === lease);
  }

  all(): Running<Item, Lease>[] {
    return [...this.byTarget.values()].flatMap((ofTarget) => [...ofTarget.values()]);
  }

  targets(): string[] {
    return [...this.byTarget.keys()];
  }
}
