import type { Lease, LeaseHold } from '../membership/leases/lease.js';
import type { LeaseService } from '../membership/leases/lease.service.js';
import { type LaneKind, lanesOf } from './outgoing-target.store.js';

/** What is done for a lane that this process has got: until the promise resolves, the lease is kept. */
export type LaneUse = (lease: Lease) => Promise<void>;

/**
 * The lanes of one kind of work that this process has. Each kind has leases of its own, because another
 * process may know other kinds only.
 */
export class LaneLeases {
  private isWanted = false;
  private changing: Promise<void> = Promise.resolve();
  private holds: LeaseHold[] = [];
  private readonly held = new Map<number, Lease>();

  constructor(
    private readonly leases: LeaseService,
    private readonly kind: LaneKind,
    private readonly use: LaneUse,
  ) {}

  get isHolding(): boolean {
    return this.isWanted;
  }

  /** Wants every lane from now on. */
  hold(): void {
    this.isWanted = true;
    this.change(async () => {
      if (!this.isWanted || this.holds.length > 0) return;
      this.holds = Array.from({ length: lanesOf(this.kind) }, (_, lane) => this.holdOne(lane));
    });
  }

  release(): Promise<void> {
    this.isWanted = false;
    return this.change(async () => {
      if (this.isWanted) return;
      await Promise.all(this.holds.splice(0).map((hold) => hold.release()));
    });
  }

  /** A name can only be wanted again when it is released, so changes follow each other. */
  private change(step: () => Promise<void>): Promise<void> {
    const changed = this.changing.then(step);
    // The only failure is that the application is closing, and then nothing is wanted.
    this.changing = changed.catch(() => {});
    return this.changing;
  }

  private holdOne(lane: number): LeaseHold {
    return this.leases.hold(`lanes.${this.kind}.${lane}`, async (lease) => {
      this.held.set(lane, lease);
      await this.use(lease);
      this.held.delete(lane);
    });
  }

  /** The lease of a lane, if something may begin under it at this moment. */
  of(lane: number): Lease | undefined {
    const lease = this.held.get(lane);
    return lease?.isHeld() === true ? lease : undefined;
  }

  /** The lanes for which something may begin at this moment. */
  lanes(): number[] {
    return [...this.held].filter(([, lease]) => lease.isHeld()).map(([lane]) => lane);
  }
}
