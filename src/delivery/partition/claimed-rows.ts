import type { Claim, Delivery } from './delivery.js';

type ClaimedDelivery = Delivery & { readonly claim: Claim };

/**
 * The rows of the inbox that are `processing` because of this partition. A row has no outcome yet, or it has
 * one that is not saved.
 */
export class ClaimedRows {
  private readonly open = new Map<string, ClaimedDelivery>();
  private readonly unsaved = new Set<string>();
  private followers = 0;
  private readonly waiters: (() => void)[] = [];

  /** How many rows have no outcome yet. */
  get size(): number {
    return this.open.size;
  }

  /** How many rows could run at the same time. A row that follows another one runs after it, in its place. */
  get leading(): number {
    return this.open.size - this.followers;
  }

  /** How many of the open rows wait for a row that was claimed with them. */
  get following(): number {
    return this.followers;
  }

  get isEmpty(): boolean {
    return this.unsettled === 0;
  }

  /** How many rows are `processing` in the database. */
  get unsettled(): number {
    return this.open.size + this.unsaved.size;
  }

  /** The ids of all rows. */
  get ids(): string[] {
    return [...this.open.keys(), ...this.unsaved];
  }

  /** The ids of the rows without an outcome. */
  get openIds(): string[] {
    return [...this.open.keys()];
  }

  has(inboxEventId: string): boolean {
    return this.open.has(inboxEventId) || this.unsaved.has(inboxEventId);
  }

  /** The deliveries without an outcome. */
  deliveries(): Iterable<ClaimedDelivery> {
    return this.open.values();
  }

  claimed(delivery: ClaimedDelivery): void {
    this.open.set(delivery.claim.inboxEventId, delivery);
    if (delivery.claim.follows) this.followers++;
  }

  /** Called when the row's event runs, so that it follows no other row any more. */
  begin(claim: Claim): void {
    if (claim.follows) this.followers--;
  }

  /** Called when the row's event must run once more. */
  requeue(claim: Claim): void {
    if (claim.follows) this.followers++;
  }

  /** Called when the row's event has its outcome. */
  finish(claim: Claim): void {
    this.open.delete(claim.inboxEventId);
  }

  /** Called when the new status of the row waits for a save. */
  toSave(inboxEventId: string): void {
    this.unsaved.add(inboxEventId);
  }

  saved(inboxEventId: string): void {
    this.unsaved.delete(inboxEventId);
  }

  /** Resolves when an attempt has ended, a save is committed, or the partition is closed. */
  nextEnd(): Promise<void> {
    return new Promise((resolve) => this.waiters.push(resolve));
  }

  tellWaiters(): void {
    if (this.waiters.length === 0) return;
    for (const resolve of this.waiters.splice(0)) resolve();
  }
}
