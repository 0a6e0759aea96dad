import { setTimeout as delay } from 'node:timers/promises';
import {
  Injectable,
  type OnApplicationBootstrap,
  type OnModuleDestroy,
  type OnModuleInit,
} from '@nestjs/common';
import type { Subscription } from 'rxjs';
import { messageOf } from '../errors.js';
import { SwitchedHold } from '../membership/leases/switched-hold.js';
import { EventSubscriberRegistry } from '../subscribers/event-subscriber-registry.js';
import { type EngineLogger, loggerOf } from '../words/engine-logger.js';
import { TICKER_KIND } from './schedule.js';
import type { SetSchedule } from './schedule-changes.js';
import { invalidSchedule } from './schedule-errors.js';
import { type FoundSchedule, subscriptionOf } from './schedule-explorer.js';
import { SchedulesEngine } from './schedules-engine.js';
import { TICKER_LEASE, Ticker } from './ticker.js';

const AGAIN_MS = 5_000;

/** Finds the schedules when the application boots, stores them, and wants to be the one that ticks. */
@Injectable()
export class SchedulesStart implements OnModuleInit, OnApplicationBootstrap, OnModuleDestroy {
  private found: readonly FoundSchedule[] = [];
  private hold: SwitchedHold | undefined;
  private readonly subscriptions: Subscription[] = [];
  private readonly stopping = new AbortController();

  constructor(private readonly schedules: SchedulesEngine) {}

  /** @throws IntegrationError INTEGRATION_SCHEDULE_INVALID with every problem (`details.problems`) */
  onModuleInit(): Promise<void> {
    return this.schedules.engine.boot(() => this.begin());
  }

  private async begin(): Promise<void> {
    const { schedules, problems } = await this.schedules.explore();
    if (problems.length > 0)
      throw invalidSchedule(`SchedulesModule cannot start: ${problems.join('; ')}`, problems);
    this.found = schedules;
    const registry = this.schedules.engine.get(EventSubscriberRegistry);
    for (const each of schedules) registry.registerAt(each.place, subscriptionOf(each));
  }

  async onApplicationBootstrap(): Promise<void> {
    const { lanes, database } = this.schedules;
    if (lanes.role === 'publisher' || this.hold !== undefined) return;
    const logger = loggerOf('Schedules', database);
    const times = await this.schedules.times();
    if (!(await this.store(logger))) this.storeLater(logger);
    const ticker = new Ticker(this.schedules.tickerParts(times, logger));
    this.subscriptions.push(
      lanes.listener.lanesReady$.subscribe((kind) => {
        if (kind === TICKER_KIND) ticker.changed();
      }),
      lanes.settings.changes$.subscribe(() => ticker.wake()),
      // After a time without a connection nobody knows what was said meanwhile.
      this.schedules.notifier.wakeups$.subscribe(({ source, concernsInbox }) => {
        if (source === 'listen' && concernsInbox === true) ticker.changed();
      }),
    );
    this.hold = new SwitchedHold(lanes.leases, lanes.settings, TICKER_LEASE, (lease) => ticker.run(lease));
  }

  onModuleDestroy(): void {
    this.stopping.abort();
    this.hold?.stop();
    for (const subscription of this.subscriptions) subscription.unsubscribe();
  }

  /** Lets the next time of a schedule come. For tests. See `Ticker.reach`. */
  async reach(name: string): Promise<Date | undefined> {
    const { database } = this.schedules;
    const parts = this.schedules.tickerParts(await this.schedules.times(), loggerOf('Schedules', database));
    return new Ticker(parts).reach(name);
  }

  /** Whether the schedules of the code are stored. */
  private async store(logger: EngineLogger): Promise<boolean> {
    if (this.found.length === 0) return true;
    try {
      const times = await this.schedules.times();
      const set = await this.schedules.changesOfBoot.set(this.found, times, {}, { refuseEnded: false });
      for (const each of set) tell(logger, each, this.found);
      return true;
    } catch (error) {
      const words = 'The schedules of the code are not stored yet, and those that are stored go on';
      logger.warnOfFailure(`${words}: ${messageOf(error)}`, words);
      return false;
    }
  }

  /** The application boots all the same. */
  private storeLater(logger: EngineLogger): void {
    const { signal } = this.stopping;
    const again = async () => {
      do await delay(AGAIN_MS, undefined, { signal, ref: false });
      while (!(await this.store(logger)));
    };
    again().catch(() => {});
  }
}

/** Says what a boot has changed for all processes. */
function tell(logger: EngineLogger, set: SetSchedule, found: readonly FoundSchedule[]): void {
  const { name, is, before, timing, hasEnded } = set;
  const schedule = found.find((each) => each.name === name);
  if (hasEnded && schedule?.schedule.endsAt !== null)
    logger.warn(
      `Schedule "${name}" at ${schedule?.place} has ended: its endAt has passed, or no time is left before it`,
    );
  if (is === 'changed' && before !== undefined)
    logger.log(
      `Schedule "${name}" is now ${timing}, as ${schedule?.place} says. It was ${before.timing}, set by ${before.changedBy}`,
    );
}
