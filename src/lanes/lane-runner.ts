import { setTimeout as delay } from 'node:timers/promises';
import type { Subscription } from 'rxjs';
import type { EngineDatabase } from '../database/engine-database.js';
import { IntegrationError } from '../errors.js';
import type { LeaseService } from '../membership/leases/lease.service.js';
import type { LeaseStore } from '../membership/leases/lease.store.js';
import type { IntegrationSettingsService } from '../settings/integration-settings.service.js';
import type { WakeupStore } from '../wakeups/wakeup.store.js';
import type { WakeupListener } from '../wakeups/wakeup-listener.js';
import { loggerOf } from '../words/engine-logger.js';
import { LaneLeases } from './lane-leases.js';
import { LaneLoop } from './lane-loop.js';
import { LaneRoundStore } from './lane-round.store.js';
import { LaneSaver } from './lane-saver.js';
import { LaneWakeups } from './lane-wakeups.js';
import type { LaneItem, LaneWork } from './lane-work.js';
import { laneOf, lanesOf } from './outgoing-target.store.js';

/** What a runner needs of the engine. */
export interface LaneEngine {
  readonly db: EngineDatabase;
  readonly leases: LeaseService;
  readonly leaseStore: LeaseStore;
  readonly settings: Pick<IntegrationSettingsService, 'snapshot' | 'changes$'>;
  readonly wakeups: WakeupStore;
  readonly listener: WakeupListener;
  readonly role: 'all' | 'publisher' | 'worker';
  readonly shutdownTimeoutMs: number;
}

/** Of the time for the shutdown, the part in which runs may end. What is left is for the last save. */
const RUNS_OF_SHUTDOWN = 0.7;
const DEFAULT_RUN_MS = 10_000;
const LOOK_AGAIN_MS = 5;

/** Runs one kind of work in this process, with as many of its lanes as the process gets. */
export class LaneRunner<Item extends LaneItem> {
  private readonly loop: LaneLoop<Item>;
  private readonly lanes: LaneLeases;
  private readonly wakeups: LaneWakeups;
  private readonly subscriptions: Subscription[] = [];

  constructor(
    private readonly engine: LaneEngine,
    private readonly work: LaneWork<Item>,
  ) {
    const { db, settings } = engine;
    const { kind } = work;
    const logger = loggerOf('Lanes', db);
    const store = new LaneRoundStore(db);
    const saver = new LaneSaver(
      db,
      engine.leaseStore,
      store,
      work,
      () => settings.snapshot().processingLeaseMs,
    );
    this.lanes = new LaneLeases(engine.leases, kind, (lease) => this.loop.use(lease, this.limitMs()));
    this.loop = new LaneLoop(work, this.lanes, store, saver, logger);
    this.wakeups = new LaneWakeups(engine.wakeups, kind, logger);
  }

  /** Takes lanes while the setting `processor.enabled` is on. A publisher takes none. */
  start(): void {
    const { settings, listener, role } = this.engine;
    if (role === 'publisher') return;
    this.loop.start();
    this.subscriptions.push(
      settings.changes$.subscribe(() => this.followSwitch()),
      listener.lanesReady$.subscribe((kind) => {
        if (kind === this.work.kind) this.loop.wake();
      }),
    );
    this.followSwitch();
  }

  /**
   * Ends the loop. Call it when the engine has ended delivery, which gives the lanes back: until then the
   * loop saves what ends.
   */
  async stop(): Promise<void> {
    for (const subscription of this.subscriptions.splice(0)) subscription.unsubscribe();
    await this.wakeups.stop();
    await this.loop.stop();
  }

  /** How many lanes there are. */
  private get count(): number {
    return lanesOf(this.work.kind);
  }

  /** The lanes that this process has at this moment. */
  get ownLanes(): number[] {
    return this.lanes.lanes();
  }

  /**
   * Tells the owners of these targets, or of all, here and elsewhere. Call it when the transaction has
   * committed.
   */
  wake(targets?: readonly string[]): void {
    if (targets === undefined) {
      this.loop.wake();
      if (this.ownLanes.length < this.count) this.wakeups.tell();
      return;
    }
    const own = targets.filter((id) => this.lanes.of(laneOf(this.work.kind, id)) !== undefined);
    if (own.length > 0) this.loop.wake(own);
    if (own.length < targets.length) this.wakeups.tell();
  }

  /**
   * Runs everything that is due, until nothing is. It works whether the lanes of this process run or not. If
   * they do not, it takes them for this time. Returns how many items were run.
   *
   * @throws IntegrationError INTEGRATION_DRAIN_TIMEOUT if this takes too long, or another process has lanes
   */
  async runDue({ timeoutMs = DEFAULT_RUN_MS } = {}): Promise<number> {
    const endsAt = performance.now() + timeoutMs;
    const before = this.loop.count;
    const isOurs = !this.lanes.isHolding;
    this.loop.start();
    if (isOurs) this.lanes.hold();
    try {
      while (!(await this.isIdle())) {
        if (performance.now() > endsAt) throw this.timedOut(timeoutMs);
        await delay(LOOK_AGAIN_MS);
      }
    } finally {
      if (isOurs) await this.lanes.release();
    }
    return this.loop.count - before;
  }

  private async isIdle(): Promise<boolean> {
    return this.lanes.lanes().length === this.count && (await this.loop.nextRound()).isIdle;
  }

  private timedOut(timeoutMs: number): IntegrationError {
    const lacking = this.count - this.lanes.lanes().length;
    const why =
      lacking > 0
        ? `${lacking} of ${this.count} lanes are another process's: stop it, or give the test a database of its own`
        : 'a run takes longer';
    return new IntegrationError(
      'INTEGRATION_DRAIN_TIMEOUT',
      `Work of the kind "${this.work.kind}" was still due or running after ${timeoutMs} ms: ${why}`,
      { timeoutMs },
    );
  }

  private followSwitch(): void {
    const isOn = this.engine.settings.snapshot()['processor.enabled'];
    if (isOn) this.lanes.hold();
    else this.lanes.release().catch(() => {});
  }

  private limitMs(): number {
    return Math.min(this.work.limits().timeoutMs, this.engine.shutdownTimeoutMs * RUNS_OF_SHUTDOWN);
  }
}
