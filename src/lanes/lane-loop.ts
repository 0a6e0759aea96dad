import { messageOf } from '../errors.js';
import type { Lease } from '../membership/leases/lease.js';
import type { EngineLogger } from '../words/engine-logger.js';
import { saveDivided } from './divided-save.js';
import { InFlight, type Running } from './in-flight.js';
import type { LaneLeases } from './lane-leases.js';
import type { LaneRoundStore, ReadyTarget } from './lane-round.store.js';
import type { LaneSaver, Saved, ToSave } from './lane-saver.js';
import type { LaneItem, LaneLimits, LaneRun, LaneWork, Outcome } from './lane-work.js';
import { reservedOf, TargetMemory } from './target-memory.js';
import { Waker } from './waker.js';

/** Without any signal, the owner looks at its lanes after so many milliseconds. */
export const LOOK_EVERY_MS = 2_000;
const MOST_TARGETS = 500;
const MOST_SAVED = 1_000;
const AFTER_FAILURE_MS = 1_000;
const AFTER_LOCKED_MS = 20;
const LAST_SAVE_MS = 2_000;
/** After so many rounds in which somebody held the target, the save waits for it. */
const ROUNDS_WITHOUT_WAITING = 20;
/** When an item runs again whose run broke by a mistake in the code, or is saved again that could not be. */
const AFTER_BROKEN_MS = 60_000;

interface Pending<Item extends LaneItem> extends ToSave<Item> {
  /** Undefined if it is no item. */
  readonly running: Running<Item, Lease> | undefined;
}

/** The outcome of a round, for those that wait until nothing is due. */
export interface Round {
  readonly isIdle: boolean;
}

/**
 * The owner of lanes. It works in rounds, one after another: it looks at what is ready, and begins what has a
 * place. What has ended is saved meanwhile, one save after another, so that it goes on sending while a save
 * waits for the database. A look may read an item that a save beside it ends, so such an item stays in flight
 * until the look is over.
 */
export class LaneLoop<Item extends LaneItem> {
  private readonly inFlight = new InFlight<Item, Lease>();
  private readonly memory = new TargetMemory(LOOK_EVERY_MS);
  private readonly waker = new Waker();
  /** What cuts off the runs of a lease. */
  private readonly cuts = new WeakMap<Lease, AbortController>();
  private toSave: Pending<Item>[] = [];
  /** What cannot be saved, until it is tried again. It keeps its places. */
  private refused: { readonly each: Pending<Item>; readonly at: number }[] = [];
  private lockedRounds = 0;
  private saving: Promise<void> | undefined;
  private saveFailed: { readonly error: unknown } | undefined;
  /** A save waits so long until it is tried again for targets that somebody held. */
  private laterAt = 0;
  private isLooking = false;
  /** Saved while a look was under way. They leave when it is over. */
  private leaving: Running<Item, Lease>[] = [];
  /** Targets with something to save that may change when they go on, and how much of it. */
  private readonly unclear = new Map<string, number>();
  private roundAsked: ((round: Round) => void)[] = [];
  private isStopped = false;
  private tickAt = 0;
  /** When it looks again, without a signal. */
  private lookAt = 0;
  private nextMs = LOOK_EVERY_MS;
  /** The last look found more than there were places for. */
  private isMoreReady = false;
  private begun = 0;
  private running: Promise<void> | undefined;

  constructor(
    private readonly work: LaneWork<Item>,
    private readonly leases: LaneLeases,
    private readonly store: LaneRoundStore,
    private readonly saver: LaneSaver<Item>,
    private readonly logger: EngineLogger,
  ) {}

  /** How many items this process has begun. */
  get count(): number {
    return this.begun;
  }

  start(): void {
    this.running ??= this.run();
  }

  /** Ends the rounds. What is in flight is told to end, and its outcome is dropped. */
  async stop(): Promise<void> {
    this.isStopped = true;
    for (const { lease } of this.inFlight.all()) this.cutOf(lease).abort();
    this.waker.wake();
    await this.running;
    await this.saving;
  }

  /** Looks soon: these targets have got items, or any may have. */
  wake(targets?: readonly string[]): void {
    this.lookAt = 0;
    this.memory.wake(targets);
    this.waker.wake();
  }

  /** Resolves after a whole round that began after this call. */
  nextRound(): Promise<Round> {
    return new Promise((resolve) => {
      this.roundAsked.push(resolve);
      this.wake();
    });
  }

  /**
   * Keeps a lane until nothing of it is in flight. When its lease is asked for, nothing more begins. What has
   * not ended after `limitMs` is cut off: it stays due, and its attempt does not count.
   */
  async use(lease: Lease, limitMs: number): Promise<void> {
    this.wake();
    if (!lease.signal.aborted)
      await new Promise((resolve) => lease.signal.addEventListener('abort', resolve, { once: true }));
    this.dropRefused(lease);
    const idle = this.inFlight.whenIdle(lease);
    const cutting = setTimeout(() => this.cutOff(lease, 'runs'), limitMs);
    // What has ended is saved in one round, unless the database does not answer.
    const dropping = setTimeout(() => this.cutOff(lease, 'all'), limitMs + LAST_SAVE_MS);
    await idle;
    clearTimeout(cutting);
    clearTimeout(dropping);
  }

  private async run(): Promise<void> {
    while (!this.isStopped) {
      const asked = this.roundAsked.splice(0);
      try {
        this.tick();
        if (asked.length > 0) await this.saving;
        this.throwFailure();
        this.beginSave();
        const isNothingReady = asked.length > 0 || this.isLookDue() ? await this.look() : false;
        const isIdle = isNothingReady && this.inFlight.size === 0 && this.toSave.length === 0;
        for (const resolve of asked) resolve({ isIdle: isIdle && this.saving === undefined });
      } catch (error) {
        for (const resolve of asked) resolve({ isIdle: false });
        const words = `Work of lanes (${this.work.kind}) waits for the database`;
        this.logger.warnOfFailure(`${words}: ${messageOf(error)}`, words);
        // Signals of what ends meanwhile must not make it try again and again.
        await this.waker.pause(AFTER_FAILURE_MS, () => this.isStopped);
        continue;
      }
      if (this.roundAsked.length === 0) await this.waker.sleep(this.restMs());
    }
  }

  private tick(): void {
    const now = performance.now();
    if (now - this.tickAt < LOOK_EVERY_MS) return;
    this.tickAt = now;
    this.lookAt = 0;
    this.memory.wake();
    this.memory.forget(now);
  }

  /** Saves what has ended, beside the rounds. What ends meanwhile is saved by the next one. */
  private beginSave(): void {
    if (this.saving !== undefined) return;
    this.takeRefused();
    if (this.toSave.length === 0) return;
    if (this.laterAt > performance.now()) return;
    this.saving = this.save()
      .catch((error: unknown) => {
        this.saveFailed = { error };
      })
      .then(() => {
        this.saving = undefined;
        this.lookAt = 0;
        this.waker.wake();
      });
  }

  /** A run that ended makes room, which is worth a look only if an eighth of the places is free. */
  private isLookDue(): boolean {
    if (performance.now() >= this.lookAt) return true;
    const limits = this.work.limits();
    return this.isMoreReady && this.freeOf(limits) >= reservedOf(limits.maxInFlight) / 2;
  }

  /** Milliseconds until there is something to do, without a signal. */
  private restMs(): number {
    const now = performance.now();
    const saveMs = this.toSave.length > 0 && this.saving === undefined ? this.laterAt - now : LOOK_EVERY_MS;
    return Math.max(0, Math.min(this.lookAt - now, saveMs));
  }

  private throwFailure(): void {
    const failed = this.saveFailed;
    this.saveFailed = undefined;
    if (failed !== undefined) throw failed.error;
  }

  private async save(): Promise<void> {
    const wait = this.lockedRounds > ROUNDS_WITHOUT_WAITING;
    const { saved, refused, left, error } = await saveDivided<Item, Pending<Item>>(
      this.toSave.splice(0, MOST_SAVED),
      async (part) => {
        const each = await this.saver.save(part, wait);
        this.settle(part, each);
        return each;
      },
    );
    for (const { each, error: why } of refused) this.refuse(each, why);
    // What has lost its lease meanwhile is dropped by the next save.
    this.toSave.unshift(...left);
    const later = saved.flatMap((each) => each.later) as Pending<Item>[];
    this.toSave.unshift(...later);
    this.lockedRounds = later.length > 0 ? this.lockedRounds + 1 : 0;
    const isOnlyLater = later.length > 0 && this.toSave.length === later.length;
    this.laterAt = isOnlyLater ? performance.now() + AFTER_LOCKED_MS : 0;
    for (const each of saved) await this.afterSave(each);
    if (left.length > 0) throw error;
  }

  /** What was saved, or dropped, is in flight no longer. */
  private settle(part: readonly Pending<Item>[], { changes, later }: Saved<Item>): void {
    const isLater = new Set<ToSave<Item>>(later);
    for (const each of part) if (!isLater.has(each)) this.leave(each);
    this.memory.wake([...changes.keys()]);
  }

  /** It stays in flight, so that it is not run again meanwhile. Its target and its lane go on. */
  private refuse(each: Pending<Item>, error: unknown): void {
    const words = `An outcome of lanes (${this.work.kind}) cannot be saved`;
    const key = each.ended?.item.key;
    const what = `of target ${each.target}${key === undefined ? '' : `, item ${key},`}`;
    const seconds = AFTER_BROKEN_MS / 1_000;
    this.logger.errorOfFailure(
      `${words}: that ${what} is tried again every ${seconds} s, and others go on: ${messageOf(error)}`,
      error instanceof Error ? error.stack : undefined,
      words,
    );
    this.countPending(each, -1);
    this.refused.push({ each, at: performance.now() + AFTER_BROKEN_MS });
  }

  private takeRefused(): void {
    if (this.refused.length === 0) return;
    const now = performance.now();
    const due = this.refused.filter(({ at }) => at <= now).map(({ each }) => each);
    for (const each of due) this.countPending(each, 1);
    this.toSave.push(...due);
    this.refused = this.refused.filter(({ at }) => at > now);
  }

  /** The next owner of the lane runs it again. */
  private dropRefused(lease: Lease): void {
    for (const { each } of this.refused)
      if (each.lease === lease && each.running !== undefined) this.inFlight.remove(each.running);
    this.refused = this.refused.filter(({ each }) => each.lease !== lease);
  }

  /** It is saved. A look that is under way may have read it before that. */
  private leave(each: Pending<Item>): void {
    const { running } = each;
    this.countPending(each, -1);
    if (running === undefined) return;
    if (this.isLooking) this.leaving.push(running);
    else this.inFlight.remove(running);
  }

  /** What may change when its target goes on makes that unclear until it is saved. */
  private countPending({ target, ended }: Pending<Item>, change: 1 | -1): void {
    if (ended?.outcome.is !== 'done') this.countUnclear(target, change);
  }

  private countUnclear(target: string, change: 1 | -1): void {
    const count = (this.unclear.get(target) ?? 0) + change;
    if (count > 0) this.unclear.set(target, count);
    else this.unclear.delete(target);
  }

  private async afterSave({ ended, changes }: Saved<Item>): Promise<void> {
    try {
      await this.work.saved?.(ended, changes);
    } catch (error) {
      const words = `What follows a save of lanes (${this.work.kind}) has failed`;
      this.logger.warnOfFailure(`${words}: ${messageOf(error)}`, words);
    }
  }

  /** Begins what has a place. Returns whether nothing is ready. */
  private async look(): Promise<boolean> {
    this.isLooking = true;
    this.isMoreReady = false;
    this.nextMs = LOOK_EVERY_MS;
    this.lookAt = Number.POSITIVE_INFINITY;
    try {
      return await this.findAndBegin();
    } finally {
      this.isLooking = false;
      // A signal that came meanwhile stays.
      this.lookAt = Math.min(this.lookAt, performance.now() + this.nextMs);
      for (const running of this.leaving.splice(0)) this.inFlight.remove(running);
    }
  }

  private async findAndBegin(): Promise<boolean> {
    const limits = this.work.limits();
    const free = this.freeOf(limits);
    const lanes = this.leases.lanes();
    if (lanes.length === 0 || limits.maxInFlight === 0) return true;
    if (free <= 0) return false;
    this.memory.lookBegins();
    const now = performance.now();
    const excluded = [...this.memory.excluded(now), ...this.unclear.keys()];
    const onlyReserve = free <= reservedOf(limits.maxInFlight);
    const without = onlyReserve ? [...excluded, ...this.inFlight.targets()] : excluded;
    const found = await this.store.ready(this.work.kind, lanes, without, LOOK_EVERY_MS, MOST_TARGETS);
    const ready = found.filter(({ inMs }) => inMs <= 0);
    const soon = found.find(({ inMs }) => inMs > 0);
    this.nextMs = Math.min(this.nextMs, soon?.inMs ?? LOOK_EVERY_MS, this.memory.nextRateMs(now));
    if (ready.length === 0) return excluded.length === 0;
    await this.learnLimits(ready, now);
    const places = this.memory.share(ready, limits, free, (id) => this.inFlight.of(id), now);
    const begun = await this.begin(ready, places);
    // Places that some targets have not used are for those that got none, or too few.
    const promised = [...places.values()].reduce((sum, count) => sum + count, 0);
    if (begun < promised && promised >= free - reservedOf(limits.maxInFlight)) this.nextMs = 0;
    this.isMoreReady = places.size < ready.length || this.freeOf(limits) <= reservedOf(limits.maxInFlight);
    if (found.length === MOST_TARGETS) this.nextMs = 0;
    return false;
  }

  /**
   * What has ended takes no place, or a process would send nothing while it saves. As much again may wait for
   * its save, as it does where somebody holds the targets.
   */
  private freeOf({ maxInFlight }: LaneLimits): number {
    const { runs, size } = this.inFlight;
    return Math.min(maxInFlight - runs, 2 * maxInFlight - size);
  }

  private async learnLimits(ready: readonly ReadyTarget[], now: number): Promise<void> {
    if (this.work.limitsOf === undefined) return;
    const unknown = this.memory.unknown(
      ready.map(({ id }) => id),
      now,
    );
    if (unknown.length > 0) this.memory.learn(unknown, await this.work.limitsOf(unknown), now);
  }

  /**
   * An answer has as many more items as are in flight, because the database does not know which these are.
   * Something is begun only if its lane may still begin something, because the statement took its time.
   * Returns how many were begun.
   */
  private async begin(ready: readonly ReadyTarget[], places: ReadonlyMap<string, number>): Promise<number> {
    const before = this.begun;
    const wanted = new Map([...places].map(([id, count]) => [id, count + this.inFlight.of(id)]));
    const due = wanted.size === 0 ? [] : await this.work.due(wanted);
    const byTarget = new Map<string, Item[]>();
    for (const item of due) {
      if (this.inFlight.has(item)) continue;
      byTarget.set(item.target, [...(byTarget.get(item.target) ?? []), item]);
    }
    const limits = this.work.limits();
    const now = performance.now();
    for (const target of ready) {
      const { id } = target;
      const lease = this.leases.of(target.lane);
      const had = this.inFlight.of(id);
      const places_ = places.get(id);
      const items = (byTarget.get(id) ?? []).slice(0, places_);
      if (lease === undefined) continue;
      for (const item of items) this.beginOne(item, lease);
      if (items.length > 0) this.memory.began(id, items.length);
      // It is at its limit, or everything that is due is in flight.
      const isFull = places_ === undefined && had > 0 && !this.memory.hasRoom(target, limits, had, now);
      if (isFull || (places_ !== undefined && items.length < places_)) this.memory.foundNoMore(id);
      // Nothing is due, so its time is wrong: it was released, or its items were taken away.
      if (places_ !== undefined && items.length === 0 && had === 0) {
        this.countUnclear(id, 1);
        this.toSave.push({ target: id, lease, ended: undefined, running: undefined });
      }
    }
    return this.begun - before;
  }

  private beginOne(item: Item, lease: Lease): void {
    const running = { item, lease, hasEnded: false };
    const { signal } = this.cutOf(lease);
    this.inFlight.add(running);
    this.begun++;
    this.outcomeOf(item, { signal, lease }).then((outcome) => {
      // What was cut off stays due as it is.
      if (signal.aborted) return;
      this.inFlight.end(running);
      if (outcome.is !== 'done') this.countUnclear(item.target, 1);
      this.toSave.push({ target: item.target, lease, ended: { item, outcome }, running });
      this.waker.wake();
    });
  }

  private async outcomeOf(item: Item, context: LaneRun): Promise<Outcome> {
    try {
      return await this.work.run(item, context);
    } catch (error) {
      if (!context.signal.aborted) {
        const words = `A run of lanes (${this.work.kind}) broke, and is repeated`;
        this.logger.errorOfFailure(
          `${words}: ${messageOf(error)}`,
          error instanceof Error ? error.stack : undefined,
          words,
        );
      }
      return { is: 'again', afterMs: AFTER_BROKEN_MS, isFailure: false };
    }
  }

  /** Drops what is in flight under a lease, or only what still runs. */
  private cutOff(lease: Lease, which: 'runs' | 'all'): void {
    this.cutOf(lease).abort(lease.signal.reason);
    for (const running of this.inFlight.under(lease))
      if (!running.hasEnded || which === 'all') this.inFlight.remove(running);
  }

  private cutOf(lease: Lease): AbortController {
    const cut = this.cuts.get(lease) ?? new AbortController();
    this.cuts.set(lease, cut);
    return cut;
  }
}
