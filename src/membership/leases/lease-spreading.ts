import type { LeasesAsked, LeasesSeen } from '../beat/lease-beat.store.js';
import type { LeaseStore } from './lease.store.js';
import { leasesToAsk, type Members, namesToTake } from './lease-balance.js';

const FORGET_EVERY_MS = 3_600_000;

/** What a beat knows of the processes. */
export interface Processes {
  readonly live: readonly string[];
  readonly dead: ReadonlySet<string>;
}

/** This process's part in spreading leases over all processes. The argument stands in lease-balance.ts. */
export class LeaseSpreading {
  private freeBefore: ReadonlySet<string> = new Set();
  private forgotAt = performance.now();

  constructor(
    private readonly store: LeaseStore,
    private readonly self: string,
  ) {}

  /** The names that this process takes now. */
  toTake(seen: LeasesSeen, { live }: Processes): string[] {
    const names = namesToTake(seen.free, this.freeBefore, this.members(seen, live));
    this.freeBefore = new Set(seen.free);
    return names;
  }

  /**
   * Asks others for some of the leases that this process waits for. Returns whether a beat that knows who is
   * dead would see more that is free.
   */
  async askFor(asked: LeasesAsked, seen: LeasesSeen, { live, dead }: Processes): Promise<boolean> {
    if (asked.waiting.length === seen.free.length) return false;
    const other = seen.asked === 0 ? leasesToAsk(this.members(seen, live)) : undefined;
    if (other !== undefined) await this.store.ask(asked.waiting, this.self, other.owner, other.count);
    return Object.keys(seen.loads).some((id) => dead.has(id));
  }

  /** Now and then deletes what nobody has had for long. */
  async forgetUnused(): Promise<void> {
    if (performance.now() - this.forgotAt < FORGET_EVERY_MS) return;
    this.forgotAt = performance.now();
    await this.store.forgetUnused();
  }

  private members({ loads }: LeasesSeen, live: readonly string[]): Members {
    return { self: this.self, live, loads };
  }
}
