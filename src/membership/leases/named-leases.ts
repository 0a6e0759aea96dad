import { Injectable } from '@nestjs/common';
import type { Subscription } from 'rxjs';
import { HostClient } from '../../database/clients/host-client.js';
import { ProcessIdentity } from '../../database/connection/process-identity.js';
import { EngineDatabase } from '../../database/engine-database.js';
import { IntegrationError, messageOf } from '../../errors.js';
import { type EngineLogger, loggerOf } from '../../words/engine-logger.js';
import type { FailureDetector } from '../beat/failure-detector.js';
import { HeldLease } from '../beat/held-lease.js';
import type { Beat, ClusterSnapshot } from '../beat/integration-process.store.js';
import type { LeasesAsked } from '../beat/lease-beat.store.js';
import type { LeaseWork } from './lease.js';
import { LeaseStore } from './lease.store.js';
import { LeaseSpreading } from './lease-spreading.js';
import { LeaseTable } from './lease-table.js';
import { pauseAfter, renewedOf, type Want } from './lease-want.js';
import { leaseLost, TakenLease } from './taken-lease.js';

/** If work ran for longer than this before it failed, the failure counts as the first one. */
const LONG_RUN_MS = 60_000;

/**
 * The names that this process wants, and the leases that it has. The heartbeat asks it what to look at, and
 * tells it what it saw.
 *
 * A process drops a lease on its own in three cases:
 *
 * - The lease has run out: its time has passed since the last renewal was sent, by the monotonic clock of the
 *   process.
 * - A connection of the engine was lost. The server may have lost the row of the lease, or be another server.
 * - The table cannot be used any more.
 *
 * Then the signal of the work is aborted. The process takes the lease again only when the work has ended, and
 * with another token. What the work saves later is refused if another process has had the lease meanwhile
 * (see `LeaseStore`).
 */
@Injectable()
export class NamedLeases {
  private readonly logger: EngineLogger;
  private readonly wants = new Map<string, Want>();
  private beatNow: () => void = () => {};
  private isTaking = false;
  private isClosed = false;
  private losses: Subscription | undefined;
  private expiry: NodeJS.Timeout | undefined;
  private readonly givingBack: TakenLease[] = [];
  private givenBack: Promise<void> | undefined;
  private readonly table: LeaseTable;
  private readonly spreading: LeaseSpreading;

  constructor(
    private readonly db: EngineDatabase,
    private readonly store: LeaseStore,
    private readonly host: HostClient,
    private readonly identity: ProcessIdentity,
  ) {
    this.logger = loggerOf('Leases', db);
    this.spreading = new LeaseSpreading(store, identity.id);
    this.table = new LeaseTable(db, store, this.logger);
  }

  want(name: string, work: LeaseWork): Want {
    if (this.isClosed) throw closed();
    const running = Promise.resolve();
    const state = { is: 'waiting', from: 0 } as const;
    const want: Want = { name, work, isWanted: true, state, running, failures: 0 };
    this.wants.set(name, want);
    this.beatNow();
    return want;
  }

  has(name: string): boolean {
    return this.wants.has(name);
  }

  async release(want: Want): Promise<void> {
    want.isWanted = false;
    if (want.state.is === 'waiting') this.forget(want);
    else this.tellToEnd(want, leaseLost(want.name, 'it was released'));
    await want.running;
  }

  /** Takes leases from now on. */
  begin(beatNow: () => void): void {
    if (this.isClosed) return;
    this.beatNow = beatNow;
    this.isTaking = true;
    this.losses = this.db.losses$.subscribe((what) =>
      this.dropAll(`a database connection was lost (${what})`),
    );
    if (this.wants.size > 0) beatNow();
  }

  /**
   * Tells all work to end, and waits for it for at most `timeoutMs` milliseconds. The leases of work that has
   * ended are given back. The others run out.
   */
  async stop(timeoutMs: number): Promise<void> {
    this.isClosed = true;
    this.isTaking = false;
    this.losses?.unsubscribe();
    const all = [...this.wants.values()];
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, timeoutMs);
    });
    const ended = Promise.all(
      all.map((want) => {
        want.isWanted = false;
        this.tellToEnd(want, closed());
        return want.running;
      }),
    );
    await Promise.race([ended, late]);
    clearTimeout(timer);
    clearTimeout(this.expiry);
    const names = [...this.wants.values()].flatMap((want) =>
      renewedOf(want) ? [JSON.stringify(want.name)] : [],
    );
    if (names.length > 0)
      this.logger.warn(`Work under leases has not ended in time, so they run out: ${names.join(', ')}`);
    this.wants.clear();
  }

  /** What the next beat looks at. Undefined if nothing is wanted, or if the table cannot be used. */
  async asked(dead: ReadonlySet<string>): Promise<LeasesAsked | undefined> {
    if (this.wants.size === 0 || !(this.isTaking || this.renewed().length > 0)) return undefined;
    if (!(await this.table.canBeUsed())) {
      this.dropAll('the table of leases cannot be used');
      return undefined;
    }
    const now = performance.now();
    const waiting = [...this.wants.values()].filter(
      ({ state, isWanted }) => this.isTaking && isWanted && state.is === 'waiting' && state.from <= now,
    );
    const held = this.renewed().map(({ name, token }) => ({ name, token }));
    return { waiting: waiting.map(({ name }) => name), held, dead: [...dead] };
  }

  beatFailed(error: unknown): void {
    this.table.beatFailed(error);
  }

  hasInvalid(): boolean {
    return this.renewed().some((lease) => lease.remainingMs <= 0);
  }

  /**
   * What a beat saw of the leases that this process holds. `sentAt` is when the beat was sent.
   * Returns whether no row was passed over.
   */
  seen({ leases: asked, renew, leaseMs }: Beat, { leases: seen }: ClusterSnapshot, sentAt: number): boolean {
    if (asked === undefined || seen === undefined) return true;
    const lost = new Set(seen.lost);
    const skipped = new Set(seen.skipped);
    const wanted = new Set(seen.wanted);
    for (const { name, token } of asked.held) {
      const want = this.wants.get(name);
      const lease = want && renewedOf(want);
      if (want === undefined || lease?.token !== token) continue;
      if (lost.has(name)) this.drop(want, lease, 'another process has it now, or its row is gone');
      else if (renew && !skipped.has(name)) lease.extend(sentAt, leaseMs);
      if (wanted.has(name)) this.tellToEnd(want, leaseLost(name, 'another process has asked for it'));
    }
    this.watchExpiry();
    return seen.skipped.every((name) => lost.has(name));
  }

  /** Takes what is free, and asks others for some of what is not. A failure is made good by a later beat. */
  async follow(
    { leases: asked, leaseMs }: Beat,
    { leases: seen, processes }: ClusterSnapshot,
    { dead, gone }: Pick<FailureDetector, 'dead' | 'gone'>,
  ): Promise<void> {
    if (asked === undefined || seen === undefined) return;
    const live = processes.filter(({ id, alive }) => alive && !gone.has(id)).map(({ id }) => id);
    try {
      const names = this.spreading.toTake(seen, { live, dead });
      if (names.length > 0 && this.isTaking) await this.take(names, asked.dead, leaseMs);
      if (await this.spreading.askFor(asked, seen, { live, dead })) this.beatNow();
      await this.spreading.forgetUnused();
    } catch (error) {
      this.logger.warnOfFailure(`Taking leases is tried again with the next beat: ${messageOf(error)}`);
    }
  }

  private async take(names: readonly string[], dead: readonly string[], leaseMs: number): Promise<void> {
    const sentAt = performance.now();
    const taken = await this.store.take(names, this.identity.id, leaseMs, dead);
    for (const { name, token } of taken) {
      const lease = new TakenLease(new HeldLease(name, token, sentAt, leaseMs), this.store, this.host);
      const want = this.wants.get(name);
      // Meanwhile the name may have been released, or the application may be ending.
      if (want?.state.is === 'waiting' && want.isWanted && this.isTaking) this.begins(want, lease);
      else this.giveBack(lease).catch(() => {});
    }
    this.watchExpiry();
  }

  private begins(want: Want, lease: TakenLease): void {
    want.state = { is: 'held', lease };
    want.running = this.run(want, lease);
  }

  private async run(want: Want, lease: TakenLease): Promise<void> {
    const beganAt = performance.now();
    try {
      // The work begins in a turn of its own, when everything that was taken with it has its state.
      await new Promise((resolve) => setImmediate(resolve));
      if (!lease.signal.aborted) await want.work(lease);
      if (!lease.signal.aborted) want.isWanted = false;
      want.failures = 0;
    } catch (error) {
      if (!lease.signal.aborted) this.workFailed(want, performance.now() - beganAt, error);
    }
    const isOurs = want.state.is !== 'lost';
    want.state = { is: 'over' };
    lease.end(leaseLost(want.name, 'its work has ended'));
    if (isOurs)
      await this.giveBack(lease).catch((error) =>
        this.logger.debug(`The lease ${JSON.stringify(want.name)} runs out by itself: ${messageOf(error)}`),
      );
    if (!want.isWanted) this.forget(want);
    else want.state = { is: 'waiting', from: performance.now() + pauseAfter(want.failures) };
    this.beatNow();
  }

  private workFailed(want: Want, ranMs: number, error: unknown): void {
    want.failures = ranMs > LONG_RUN_MS ? 1 : want.failures + 1;
    const stack = error instanceof Error ? error.stack : undefined;
    this.logger.warnOfFailure(
      `The work under the lease ${JSON.stringify(want.name)} has failed, and is begun again: ${messageOf(error)}`,
      undefined,
      stack,
    );
  }

  private tellToEnd(want: Want, reason: IntegrationError): void {
    if (want.state.is !== 'held') return;
    const { lease } = want.state;
    want.state = { is: 'ending', lease };
    lease.end(reason);
  }

  private drop(want: Want, lease: TakenLease, why: string): void {
    want.state = { is: 'lost', lease };
    if (!lease.signal.aborted)
      this.logger.warnOfFailure(`The lease ${JSON.stringify(want.name)} was lost: ${why}`);
    lease.end(leaseLost(want.name, why));
  }

  private dropAll(why: string): void {
    for (const want of this.wants.values()) {
      const lease = renewedOf(want);
      if (lease !== undefined) this.drop(want, lease, why);
    }
  }

  /** Wakes up when the first lease runs out by the clock of this process, if it is not renewed until then. */
  private watchExpiry(): void {
    clearTimeout(this.expiry);
    const first = this.renewed().reduce(
      (ms, lease) => Math.min(ms, lease.remainingMs),
      Number.POSITIVE_INFINITY,
    );
    if (first === Number.POSITIVE_INFINITY) return;
    this.expiry = setTimeout(
      () => {
        for (const want of this.wants.values()) {
          const lease = renewedOf(want);
          if (lease !== undefined && lease.remainingMs <= 0)
            this.drop(want, lease, 'its time has passed and it could not be renewed');
        }
        this.watchExpiry();
      },
      Math.max(0, first),
    );
    this.expiry.unref();
  }

  private renewed(): TakenLease[] {
    return [...this.wants.values()].flatMap((want) => renewedOf(want) ?? []);
  }

  private forget(want: Want): void {
    if (this.wants.get(want.name) === want) this.wants.delete(want.name);
  }

  /** What is given back within one turn of the event loop goes into one statement. */
  private giveBack(lease: TakenLease): Promise<void> {
    this.givingBack.push(lease);
    this.givenBack ??= new Promise((resolve) => setImmediate(resolve)).then(() => {
      this.givenBack = undefined;
      return this.store.giveBack(this.givingBack.splice(0));
    });
    return this.givenBack;
  }
}

function closed(): IntegrationError {
  return new IntegrationError('INTEGRATION_CLOSED', 'The application is shutting down');
}
