import type { LaneLimits, TargetLimits } from './lane-work.js';
import { TargetRate } from './target-rate.js';

/** Of so many places, those that are only for targets that have nothing in flight. */
export function reservedOf(maxInFlight: number): number {
  return Math.floor(maxInFlight / 4);
}

interface KnownLimits {
  readonly limits: TargetLimits | undefined;
  readonly at: number;
}

/** What the look of a target says about it. */
export interface Candidate {
  readonly id: string;
  readonly failures: number;
}

/**
 * What the owner of lanes keeps in memory of targets: their limits, their rates, and which of them have
 * nothing to begin. Without I/O.
 *
 * A target that hangs keeps its places until its runs time out, so a few of them could take all places of the
 * process. Therefore a quarter of the places goes to targets that have nothing in flight, one each.
 */
export class TargetMemory {
  private readonly known = new Map<string, KnownLimits>();
  private readonly rates = new Map<string, TargetRate>();
  /** Everything of these that is due is in flight, or they are at their limit. */
  private readonly drained = new Set<string>();
  private woken: Set<string> | 'all' = new Set();

  constructor(private readonly keptMs: number) {}

  /** These targets have got items, or any may have. */
  wake(targets?: readonly string[]): void {
    if (targets === undefined) {
      this.drained.clear();
      this.woken = 'all';
      return;
    }
    for (const target of targets) {
      this.drained.delete(target);
      if (this.woken !== 'all') this.woken.add(target);
    }
  }

  lookBegins(): void {
    this.woken = new Set();
  }

  /** A look can begin nothing more of this target. It is not drained if it was woken during the look. */
  foundNoMore(target: string): void {
    if (this.woken !== 'all' && !this.woken.has(target)) this.drained.add(target);
  }

  /** Those of the targets whose limits are not known, or were asked long ago. */
  unknown(targets: readonly string[], now: number): string[] {
    return targets.filter((id) => {
      const known = this.known.get(id);
      return known === undefined || now - known.at > this.keptMs;
    });
  }

  learn(targets: readonly string[], limits: ReadonlyMap<string, TargetLimits>, now: number): void {
    for (const id of targets) {
      const of = limits.get(id);
      this.known.set(id, { limits: of, at: now });
      const perSecond = of?.ratePerSecond;
      const rate = this.rates.get(id);
      if (perSecond === undefined) this.rates.delete(id);
      else if (rate === undefined) this.rates.set(id, new TargetRate(perSecond, now));
      else rate.perSecond = perSecond;
    }
  }

  /** Forgets what was asked long ago. Called now and then. */
  forget(now: number): void {
    for (const [id, { at }] of this.known)
      if (now - at > this.keptMs * 100) {
        this.known.delete(id);
        this.rates.delete(id);
      }
  }

  /**
   * How many items each of these may begin now, in their order. `inFlight` counts those of a target.
   */
  share(
    candidates: readonly Candidate[],
    limits: LaneLimits,
    free: number,
    inFlight: (id: string) => number,
    now: number,
  ): Map<string, number> {
    const places = new Map<string, number>();
    let left = free;
    for (const { id } of candidates) {
      if (left <= 0) break;
      // A target of which nothing is in flight gets its first place also out of the reserve.
      if (inFlight(id) > 0 || this.roomOf(id, 0, limits, 0, now) === 0) continue;
      places.set(id, 1);
      left--;
    }
    left -= reservedOf(limits.maxInFlight);
    for (const { id, failures } of candidates) {
      if (left <= 0) break;
      const had = places.get(id) ?? 0;
      const more = Math.min(left, this.roomOf(id, failures, limits, inFlight(id) + had, now, had));
      if (more <= 0) continue;
      places.set(id, had + more);
      left -= more;
    }
    return places;
  }

  /** Whether one more of this target may begin, as far as its own limits say. */
  hasRoom({ id, failures }: Candidate, limits: LaneLimits, inFlight: number, now: number): boolean {
    return this.roomOf(id, failures, limits, inFlight, now) > 0;
  }

  began(target: string, count: number): void {
    this.rates.get(target)?.take(count);
  }

  /** Targets that need not be looked at: nothing more can begin for them now. */
  excluded(now: number): string[] {
    const limited = [...this.rates].filter(([, rate]) => rate.free(now) === 0).map(([id]) => id);
    return [...new Set([...this.drained, ...limited])];
  }

  /** Milliseconds until the rate of some target lets one begin. Infinity if none waits for its rate. */
  nextRateMs(now: number): number {
    let first = Number.POSITIVE_INFINITY;
    for (const rate of this.rates.values()) {
      const ms = rate.waitMs(now);
      if (ms > 0) first = Math.min(first, ms);
    }
    return first;
  }

  private roomOf(
    id: string,
    failures: number,
    limits: LaneLimits,
    busy: number,
    now: number,
    promised = 0,
  ): number {
    const own = this.known.get(id)?.limits?.maxInFlight ?? limits.maxInFlightPerTarget;
    const most = failures >= limits.probeAfterFailures ? 1 : own;
    const rate = this.rates.get(id);
    const byRate = rate === undefined ? most : rate.free(now) - promised;
    return Math.max(0, Math.min(most - busy, byRate));
  }
}
