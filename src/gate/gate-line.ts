import type { AbortGroups } from '../http/abort-groups.js';
import type { AskedRow, GateStore, Taken, TakenRow, WhyNot } from './gate.store.js';
import { everyUs, type GateLimit, type GateTarget, lastsUs, mostPlaces, reachUs } from './gate-limit.js';
import { GateRefused } from './gate-refused.js';
import { HeldPlaces } from './held-places.js';

/** What was read of a row holds for so long, and what was refused is not asked for again. */
const FRESH_MS = 1_000;
/** A place that was just taken can be used for so long at least, however long its statement took. */
const USABLE_MS = 5;
const AT_ONCE: Admitted = { probe: undefined, waitedMs: 0 };

export interface LineParts {
  readonly store: Pick<GateStore, 'take'>;
  /** The places that this process holds of a limit, for all targets that share it. */
  readonly places: (limit: GateLimit) => HeldPlaces;
  readonly processes: () => number;
  readonly signals: AbortGroups;
}

/** What a request waits with. */
export interface Wait {
  /** How long it may wait. */
  readonly waitMs: number;
  /** For how long nobody else tries an open breaker if this request does. */
  readonly probeMs: number;
  readonly signal?: AbortSignal | undefined;
}

/** It may be sent. */
export interface Admitted {
  /** The mark of an attempt whether the other system works again. */
  readonly probe: string | undefined;
  readonly waitedMs: number;
}

interface Waiter {
  readonly since: number;
  readonly deadline: number;
  readonly probeMs: number;
  admit(admitted: Admitted): void;
  refuse(error: unknown): void;
}

/**
 * The requests of this process that wait for one target, in their order. One of its statements is under
 * way at a time.
 */
export class GateLine {
  private queue: Waiter[] = [];
  private isServing = false;
  private checkedAt = Number.NEGATIVE_INFINITY;
  private probe: string | undefined;
  private refusal: { readonly why: WhyNot; readonly until: number; readonly againAt: number } | undefined;
  private wake: (() => void) | undefined;
  /** When somebody asked last. */
  usedAt = performance.now();

  constructor(
    public target: GateTarget,
    private readonly parts: LineParts,
  ) {}

  get isIdle(): boolean {
    return this.queue.length === 0 && !this.isServing;
  }

  /** @throws GateRefused; the reason of the signal; what the database threw */
  async enter({ waitMs, probeMs, signal }: Wait): Promise<Admitted> {
    this.usedAt = performance.now();
    signal?.throwIfAborted();
    const admitted = this.admitAtOnce();
    if (admitted !== undefined) return admitted;
    const ahead = this.aheadMs();
    if (ahead > waitMs) throw new GateRefused('limit', ahead);
    return new Promise((resolve, reject) => {
      const end = () => {
        this.queue = this.queue.filter((each) => each !== waiter);
        leave?.();
      };
      const since = performance.now();
      const waiter: Waiter = {
        since,
        deadline: since + waitMs,
        probeMs,
        admit: (admitted) => {
          end();
          resolve(admitted);
        },
        refuse: (error) => {
          end();
          reject(error);
        },
      };
      this.queue.push(waiter);
      const abort = () => {
        waiter.refuse(signal?.reason);
        this.wake?.();
      };
      const leave = signal === undefined ? undefined : this.parts.signals.join(signal, { abort });
      if (!this.isServing) void this.serve();
    });
  }

  /** The other system may not be asked any more, as this process has just found out. */
  stop(why: WhyNot, ms: number): void {
    for (const limit of this.target.limits) this.parts.places(limit).drop();
    this.checkedAt = Number.NEGATIVE_INFINITY;
    this.remember(why, performance.now() + ms);
    this.wake?.();
  }

  /** What was refused may be allowed now. */
  forget(): void {
    this.refusal = undefined;
    this.checkedAt = Number.NEGATIVE_INFINITY;
    this.wake?.();
  }

  /** Most requests find nobody ahead of them and a place that this process holds. They need no queue. */
  private admitAtOnce(): Admitted | undefined {
    if (this.queue.length > 0 || this.isServing || this.probe !== undefined) return undefined;
    const now = performance.now();
    if (this.refusal !== undefined && now < this.refusal.againAt) return undefined;
    const at = this.nextPlace(now);
    if (at === undefined || at > now) return undefined;
    for (const limit of this.target.limits) this.parts.places(limit).use();
    return AT_ONCE;
  }

  /** For how long those that wait already take all places there will be. */
  private aheadMs(): number {
    const waits = this.target.limits.map((limit) =>
      limit.kind === 'rate' ? (this.queue.length - limit.burst) * (everyUs(limit) / 1_000) : 0,
    );
    return Math.max(0, ...waits);
  }

  private async serve(): Promise<void> {
    this.isServing = true;
    try {
      for (let first = this.queue[0]; first !== undefined; first = this.queue[0]) await this.step(first);
    } finally {
      this.isServing = false;
    }
  }

  /** Brings those that wait one step nearer to their end. */
  private async step(first: Waiter): Promise<void> {
    const now = performance.now();
    const { refusal } = this;
    if (refusal !== undefined && now < refusal.againAt) {
      this.refuse(refusal.why, refusal.until, now);
      if (this.queue.length > 0) await this.sleep(refusal.againAt - now);
      return;
    }
    const at = this.nextPlace(now);
    if (at === undefined) await this.take(first, now);
    else if (at <= now) this.admit(first, now);
    else if (at > first.deadline) first.refuse(new GateRefused('limit', at - now));
    else await this.sleep(at - now);
  }

  private admit(first: Waiter, now: number): void {
    for (const limit of this.target.limits) this.parts.places(limit).use();
    const { probe } = this;
    this.probe = undefined;
    // One request tries whether the other system works. All others wait for what it finds.
    if (probe !== undefined) this.remember('open', now + first.probeMs);
    first.admit({ probe, waitedMs: now - first.since });
  }

  /** When a request may be sent by what this process holds. Undefined if the row has to be asked. */
  private nextPlace(now: number): number | undefined {
    if (now - this.checkedAt > FRESH_MS) return undefined;
    let at = now;
    for (const limit of this.target.limits) {
      const next = this.parts.places(limit).next(now);
      if (next === undefined) return undefined;
      at = Math.max(at, next);
    }
    return at;
  }

  private async take(first: Waiter, now: number): Promise<void> {
    const wanted = this.target.limits.filter((limit) => this.parts.places(limit).next(now) === undefined);
    const asked = this.askedRows(wanted, first);
    const askedAt = performance.now();
    let taken: Taken;
    try {
      taken = await this.parts.store.take(
        asked.map(({ row }) => row),
        Math.max(0, first.deadline - now),
      );
    } catch (error) {
      for (const waiter of [...this.queue]) waiter.refuse(error);
      return;
    }
    const heardAt = performance.now();
    if (taken.why !== undefined) {
      this.remember(taken.why, heardAt + taken.waitMs);
      return;
    }
    this.checkedAt = heardAt;
    this.refusal = undefined;
    for (const [i, { limit }] of asked.entries()) this.keep(limit, taken.rows[i], askedAt, heardAt);
  }

  private keep(limit: GateLimit | undefined, row: TakenRow | undefined, askedAt: number, heardAt: number) {
    if (row === undefined) return;
    if ('probe' in row) this.probe = row.probe ?? this.probe;
    else if (limit?.kind === 'rate' && 'inMs' in row) {
      const from = heardAt + row.inMs;
      const until = Math.max(
        askedAt + row.inMs + lastsUs(limit) / 1_000,
        Math.max(from, heardAt) + USABLE_MS,
      );
      this.parts.places(limit).add(row.count, from, until);
    } else if (limit !== undefined && 'endsInMs' in row)
      this.parts.places(limit).add(row.count, heardAt, askedAt + Math.min(row.endsInMs, FRESH_MS));
  }

  /** The rows in the order in which everybody locks them. */
  private askedRows(
    wanted: readonly GateLimit[],
    { probeMs }: Waiter,
  ): readonly { readonly row: AskedRow; readonly limit: GateLimit | undefined }[] {
    const { key, others } = this.target;
    const states = [key, ...others].map((each) => ({
      row: { key: each, no: 0, kind: 'state', probeMs } as AskedRow,
      limit: undefined,
    }));
    const limits = wanted.map((limit) => ({ row: this.askedOf(limit), limit }));
    return [...states, ...limits].sort(({ row: a }, { row: b }) =>
      a.key === b.key ? a.no - b.no : a.key < b.key ? -1 : 1,
    );
  }

  private askedOf(limit: GateLimit): AskedRow {
    const { key, no } = limit;
    const count = this.parts
      .places(limit)
      .worthTaking(this.queue.length, mostPlaces(limit, this.parts.processes()));
    return limit.kind === 'rate'
      ? { key, no, kind: 'rate', count, everyUs: everyUs(limit), backUs: reachUs(limit) }
      : { key, no, kind: 'quota', count, limit: limit.limit, windowMs: limit.perMs };
  }

  private remember(why: WhyNot, until: number): void {
    this.refusal = { why, until, againAt: Math.min(until, performance.now() + FRESH_MS) };
  }

  /** Those that would wait for too long are refused. A breaker keeps nobody waiting. */
  private refuse(why: WhyNot, until: number, now: number): void {
    const everyMs = Math.max(
      0,
      ...this.target.limits.map((limit) => (limit.kind === 'rate' ? everyUs(limit) / 1_000 : 0)),
    );
    for (const [i, waiter] of [...this.queue].entries())
      if (why === 'open' || until > waiter.deadline)
        waiter.refuse(new GateRefused(why, until - now + i * everyMs));
  }

  private async sleep(ms: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.wake = resolve;
      timer = setTimeout(resolve, Math.max(0, Math.ceil(ms)));
    });
    clearTimeout(timer);
    this.wake = undefined;
  }
}
