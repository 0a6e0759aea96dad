import { clientOf } from '../database/clients/session-client.js';
import type { EngineDatabase } from '../database/engine-database.js';
import type { EngineSession } from '../database/sql/engine-session.js';
import { messageOf } from '../errors.js';
import type { DomainEventInput } from '../events/domain-event.js';
import type { EventGate } from '../events/event-gate.js';
import { Waker } from '../lanes/waker.js';
import { OutboxQueryStore } from '../log/outbox-query.store.js';
import type { Lease } from '../membership/leases/lease.js';
import { leaseLost } from '../membership/leases/taken-lease.js';
import type { PartEvents } from '../outbox/part-events.js';
import type { Times } from '../timing/timing.js';
import type { EngineLogger } from '../words/engine-logger.js';
import { type Decision, decide } from './decide.js';
import { Refusals } from './refusals.js';
import type { ScheduleStore, TakenSchedule } from './schedule.store.js';
import { invalidSchedule, unknownSchedule } from './schedule-errors.js';
import { scheduledEvent } from './schedule-event.js';
import type { ScheduleMetrics } from './schedule-metrics.js';

export const TICKER_LEASE = 'integration.schedules';

/** Schedules of one transaction. */
const BATCH = 200;
/** Events of one transaction, unless one schedule alone has more. */
const MOST_EVENTS = 1_000;
/**
 * A look at least every ten minutes, because a clock of the server that jumps wakes nobody. Where messages
 * are not heard, a change is seen by looking every five seconds.
 */
const LONGEST_SLEEP_MS = 600_000;
const DEAF_SLEEP_MS = 5_000;
const AFTER_FAILURE_MS = 1_000;
/** Somebody else holds what is due. */
const WHILE_HELD_MS = 50;
const NOT_DONE: ReadonlySet<string> = new Set(['pending', 'processing', 'failed']);

export interface TickerParts {
  readonly db: EngineDatabase;
  readonly store: ScheduleStore;
  readonly events: PartEvents;
  readonly gate: EventGate;
  readonly times: Times;
  readonly metrics: ScheduleMetrics;
  readonly logger: Pick<EngineLogger, 'warnOfFailure' | 'log'>;
  /** Whether times are published, and how late one may be. */
  readonly settings: () => { readonly isOn: boolean; readonly graceMs: number };
  /** Whether this process hears that schedules were changed. */
  readonly isListening: () => boolean;
}

/** What one tick did. */
export interface Ticked {
  readonly taken: number;
  readonly published: number;
}

/** What is written for one schedule. */
interface Moving {
  readonly schedule: TakenSchedule;
  readonly decision: Decision;
  readonly events: readonly DomainEventInput[];
}

/**
 * Publishes what is due, while this process has the lease. `schedule.store.ts` says why each time is
 * published once.
 */
export class Ticker {
  private readonly waker = new Waker();
  private readonly refusals: Refusals;

  constructor(private readonly parts: TickerParts) {
    this.refusals = new Refusals(parts.logger);
  }

  /** A schedule was changed, or may have been. What could not be published may be right now. */
  changed(): void {
    this.refusals.forget();
    this.wake();
  }

  wake(): void {
    this.waker.wake();
  }

  async run(lease: Lease): Promise<void> {
    const wake = () => this.wake();
    lease.signal.addEventListener('abort', wake, { once: true });
    while (!lease.signal.aborted) {
      const sleepMs = await this.round(lease).catch((error: unknown) => this.failed(error, lease));
      const longest = this.parts.isListening() ? LONGEST_SLEEP_MS : DEAF_SLEEP_MS;
      if (!lease.signal.aborted) await this.waker.sleep(Math.min(Math.max(1, Math.ceil(sleepMs)), longest));
    }
  }

  private failed(error: unknown, lease: Lease): number {
    if (lease.signal.aborted) return 0;
    const words = 'Schedules wait for the database';
    this.parts.logger.warnOfFailure(`${words}: ${messageOf(error)}`, words);
    return AFTER_FAILURE_MS;
  }

  /** Publishes everything that is due, and returns for how many milliseconds nothing will be. */
  private async round(lease: Lease): Promise<number> {
    const { store, settings } = this.parts;
    while (!lease.signal.aborted && settings().isOn) {
      const ms = await store.nextIn(this.refusals.names());
      if (ms === undefined || ms > 0) return Math.min(ms ?? LONGEST_SLEEP_MS, this.refusals.againInMs());
      const { taken } = await this.tick(lease);
      if (taken === 0) return WHILE_HELD_MS;
    }
    return LONGEST_SLEEP_MS;
  }

  /** One transaction: it publishes some of what is due. */
  async tick(lease: Lease): Promise<Ticked> {
    const { db, store } = this.parts;
    const { taken, now, moving } = await db.transaction(async (session) => {
      if (!(await store.fence(session, lease)))
        throw leaseLost(lease.name, 'another process has had it since');
      const { now, due } = await store.takeDue(session, BATCH, this.refusals.names());
      const moving = await this.movingOf(session, due, now);
      await this.write(session, moving);
      return { taken: due.length, now, moving };
    });
    this.tell(moving, now);
    return { taken, published: moving.reduce((sum, { events: written }) => sum + written.length, 0) };
  }

  /** Says what was committed. */
  private tell(moving: readonly Moving[], now: number): void {
    const { events, metrics } = this.parts;
    events.committed(moving.flatMap(({ events: written }) => written.map(({ eventName }) => eventName)));
    for (const { schedule, decision } of moving) {
      for (const at of decision.publish) metrics.published(schedule.consumerName, now - at);
      metrics.skipped(schedule.consumerName, decision.skipped);
      this.tellMissed(schedule, decision);
    }
  }

  /**
   * Publishes the next time of a schedule as if it had come, whoever has the lease. For tests. Undefined if
   * the schedule has ended.
   *
   * @throws IntegrationError INTEGRATION_SCHEDULE_UNKNOWN; INTEGRATION_SCHEDULE_INVALID if its event cannot
   *   be published
   */
  async reach(name: string): Promise<Date | undefined> {
    const { db, store } = this.parts;
    const reached = await db.transaction(async (session) => {
      const [schedule] = await store.lock(session, [name]);
      if (schedule === undefined) throw unknownSchedule(name);
      const { nextAt } = schedule;
      if (nextAt === null) return undefined;
      const moving = await this.movingOf(session, [{ ...schedule, nextAt }], nextAt);
      if (moving.length === 0) {
        const problem = `The event of schedule "${name}" cannot be published. The log says why`;
        throw invalidSchedule(problem, [problem]);
      }
      await this.write(session, moving);
      return { moving, nextAt };
    });
    if (reached === undefined) return undefined;
    this.tell(reached.moving, reached.nextAt);
    return new Date(reached.nextAt);
  }

  /** What is to be written of these, without those whose events cannot be published. */
  private async movingOf(
    session: EngineSession,
    due: readonly TakenSchedule[],
    now: number,
  ): Promise<Moving[]> {
    const { times, settings } = this.parts;
    const busy = await this.busyOf(session, due);
    const { graceMs } = settings();
    const moving: Moving[] = [];
    let count = 0;
    for (const schedule of due) {
      const decision = decide(times, schedule, { now, graceMs, isBusy: busy.has(schedule.name) });
      count += decision.publish.length;
      if (moving.length > 0 && count > MOST_EVENTS) break;
      const events = await this.eventsOf(schedule, decision);
      if (events !== undefined) moving.push({ schedule, decision, events });
    }
    return moving;
  }

  /** The schedules whose last event is not done at their consumer. */
  private async busyOf(session: EngineSession, due: readonly TakenSchedule[]): Promise<ReadonlySet<string>> {
    const asked = due.filter(({ overlap, lastEventId }) => overlap === 'skip' && lastEventId !== null);
    if (asked.length === 0) return new Set();
    const log = new OutboxQueryStore({ tables: this.parts.db.tables, query: session.query.bind(session) });
    const statuses = await log.findStatuses(asked.map(({ lastEventId }) => lastEventId ?? ''));
    const open = new Set(
      statuses
        .filter(({ status }) => NOT_DONE.has(status))
        .map(({ outboxEventId, consumerName }) => `${outboxEventId} ${consumerName}`),
    );
    const busy = asked.filter((each) => open.has(`${each.lastEventId} ${each.consumerName}`));
    return new Set(busy.map(({ name }) => name));
  }

  /** Undefined if one of them cannot be published: a contract refuses it, or it is too large. */
  private async eventsOf(
    schedule: TakenSchedule,
    { publish, isMissed }: Decision,
  ): Promise<readonly DomainEventInput[] | undefined> {
    const { gate, events } = this.parts;
    const made = publish.map((at) => scheduledEvent(schedule, at, isMissed ? 'missed' : 'time'));
    try {
      const storable = (await gate.publishing?.(made, () => '')) ?? made;
      for (const event of storable) events.check(event);
      this.refusals.passed(schedule.name);
      return storable;
    } catch (error) {
      this.refusals.refused(schedule.name, error);
      this.parts.metrics.refused(schedule.consumerName);
      return undefined;
    }
  }

  private async write(session: EngineSession, moving: readonly Moving[]): Promise<void> {
    if (moving.length === 0) return;
    const { store, events } = this.parts;
    const written = await events.write(
      clientOf(session),
      moving.flatMap((each) => each.events),
    );
    let index = 0;
    const moved = moving.map(({ schedule, decision }) => {
      index += decision.publish.length;
      const last = decision.publish.at(-1);
      return {
        name: schedule.name,
        nextAt: decision.nextAt === undefined ? null : new Date(decision.nextAt).toISOString(),
        left: decision.left,
        lastAt: last === undefined ? null : new Date(last).toISOString(),
        lastEventId: last === undefined ? null : (written[index - 1]?.outboxEventId ?? null),
        skipped: decision.skipped,
      };
    });
    await store.moveOn(session, moved);
  }

  private tellMissed({ name, nextAt, missed }: TakenSchedule, { isMissed, publish }: Decision): void {
    if (!isMissed) return;
    const became = publish.length === 1 ? 'one event is published' : `${publish.length} events are published`;
    this.parts.logger.log(
      `Schedule "${name}" was due at ${new Date(nextAt).toISOString()}, and nobody could publish. By missed: '${missed}', ${became}`,
    );
  }
}
