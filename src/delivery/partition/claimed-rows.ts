import type { Claim, Delivery } from './delivery.js';

type ClaimedDelivery = Delivery & { readonly claim: Claim };

/**
 * The rows of the inbox that are `processing` because of this worker: without an outcome yet, or with one
 * that is not saved.
 */
export class ClaimedRows {
  private readonly open = new Map<string, ClaimedDelivery>();
  private readonly unsaved = new Set<string>();
  /** How many of the open ones wait for one that was claimed with them. */
  private following = 0;

  /** How many have no outcome yet. */
  get size(): number {
    return this.open.size;
  }

  /** How many could be running: those that follow another one run after it, in its place. */
  get leading(): number {
    return this.open.size - this.following;
  }

  get isEmpty(): boolean {
    return this.unsettled === 0;
  }

  /** How many are `processing`, as the database has it. */
  get unsettled(): number {
    return this.open.size + this.unsaved.size;
  }

  get ids(): string[] {
    return [...this.open.keys(), ...this.unsaved];
  }

  /** Those without an outcome. */
  get openIds(): string[] {
    return [...this.open.keys()];
  }

  has(inboxEventId: string): boolean {
    return this.open.has(inboxEventId) || this.unsaved.has(inboxEventId);
  }

  /** Those without an outcome. */
  deliveries(): Iterable<ClaimedDelivery> {
    return this.open.values();
  }

  add(delivery: ClaimedDelivery): void {
    this.open.set(delivery.claim.inboxEventId, delivery);
    if (delivery.claim.follows) this.following++;
  }

  /** It runs: it follows nothing any more. */
  begin(claim: Claim): void {
    if (claim.follows) this.following--;
  }

  /** It is to run once more. */
  requeue(claim: Claim): void {
    if (claim.follows) this.following++;
  }

  /** It has its outcome. */
  end(claim: Claim): void {
    this.open.delete(claim.inboxEventId);
  }

  /** Its new status waits for a save. */
  toSave(inboxEventId: string): void {
    this.unsaved.add(inboxEventId);
  }

  saved(inboxEventId: string): void {
    this.unsaved.delete(inboxEventId);
  }
}
