import { isDeepStrictEqual } from 'node:util';
import { AuditStore } from '../audit/audit.store.js';
import { type Author, authorOf, type ChangeAuthor } from '../audit/change-author.js';
import { clientOf } from '../database/clients/session-client.js';
import type { EngineDatabase } from '../database/engine-database.js';
import type { EngineSession } from '../database/sql/engine-session.js';
import type { EventGate } from '../events/event-gate.js';
import type { PartEvents } from '../outbox/part-events.js';
import type { Times } from '../timing/timing.js';
import { tellOwner } from '../wakeups/wakeup.store.js';
import type { CheckedSchedule } from './definition.js';
import { TICKER_KIND } from './schedule.js';
import { type LockedSchedule, type SavedSchedule, ScheduleStore } from './schedule.store.js';
import { invalidSchedule, unknownSchedule } from './schedule-errors.js';
import { triggeredEvent } from './schedule-event.js';

/** A schedule as somebody wants it. */
export interface WantedSchedule {
  readonly name: string;
  readonly schedule: CheckedSchedule;
  /** Where the code stands. Null if no code says it. */
  readonly place: string | null;
}

/** What became of a schedule that somebody wants. */
export interface SetSchedule {
  readonly name: string;
  readonly is: 'added' | 'changed' | 'unchanged';
  /** Whether no time is left to it. */
  readonly hasEnded: boolean;
  /** What it was before, and who had set it. */
  readonly before: { readonly timing: string; readonly changedBy: string } | undefined;
  readonly timing: string;
}

/** Changes schedules. Each change is a transaction with its audit, and tells the ticker. */
export class ScheduleChanges {
  private readonly store: ScheduleStore;

  constructor(
    private readonly db: EngineDatabase,
    private readonly events: PartEvents,
    private readonly gate?: EventGate,
  ) {
    this.store = new ScheduleStore(db);
  }

  /**
   * Makes schedules what is wanted. What is so already is not written, so a boot writes nothing. The next
   * time is found anew only where the timing has changed.
   *
   * @throws IntegrationError INTEGRATION_SCHEDULE_INVALID for one whose end has passed, if `refuseEnded`
   */
  set(
    wanted: readonly WantedSchedule[],
    times: Times,
    author: ChangeAuthor,
    { refuseEnded }: { readonly refuseEnded: boolean },
  ): Promise<SetSchedule[]> {
    const by = authorOf(author);
    const names = wanted.map(({ name }) => name);
    return this.db.transaction(async (session) => {
      const there = new Map((await this.store.lock(session, names)).map((each) => [each.name, each]));
      const now = await this.store.now(session);
      const set = wanted.map((each) => {
        const existing = there.get(each.name);
        if (refuseEnded) refusePast(each, now);
        return { existing, ...settingOf(each, existing, { now, times, actor: by.actor }) };
      });
      const written = set.flatMap(({ row }) => row ?? []);
      if (written.length > 0) {
        await this.store.save(session, written);
        await this.audit(session, by, set);
        await tellOwner(session, this.db.schema, TICKER_KIND);
      }
      return set.map(({ said }) => said);
    });
  }

  async remove(name: string, author: ChangeAuthor): Promise<void> {
    await this.change('remove', name, author, async (session, schedule) => {
      await this.store.remove(session, name);
      return { before: { timing: textOfTiming(schedule) }, after: {} };
    });
  }

  /** Nothing is published from now on. */
  async pause(name: string, author: ChangeAuthor): Promise<void> {
    await this.change('pause', name, author, async (session, schedule) => {
      if (schedule.pausedAt === null) await this.store.pause(session, name);
      return { before: { paused: schedule.pausedAt !== null }, after: { paused: true } };
    });
  }

  /** Goes on with the next time. What was due meanwhile was not missed. */
  async resume(name: string, times: Times, author: ChangeAuthor): Promise<void> {
    await this.change('resume', name, author, async (session, schedule) => {
      const now = await this.store.now(session);
      const { nextAt } = schedule;
      const next = nextAt === null ? undefined : nextAt > now ? nextAt : times.next(schedule, now);
      if (schedule.pausedAt !== null) await this.store.resume(session, name, next);
      return { before: { paused: schedule.pausedAt !== null }, after: { paused: false } };
    });
  }

  /** Publishes an event now, whatever the timing says. Resolves to its id. */
  async trigger(name: string, author: ChangeAuthor): Promise<string> {
    let eventId = '';
    const eventName = await this.change('trigger', name, author, async (session, schedule) => {
      const made = triggeredEvent(schedule, await this.store.now(session));
      const [event = made] = (await this.gate?.publishing?.([made], () => '')) ?? [made];
      const [written] = await this.events.write(clientOf(session), [event]);
      eventId = written?.outboxEventId ?? '';
      await this.store.triggered(session, name, eventId);
      return { before: {}, after: { outboxEventId: eventId }, eventName: event.eventName };
    });
    if (eventName !== undefined) this.events.committed([eventName]);
    return eventId;
  }

  private async change(
    action: string,
    name: string,
    author: ChangeAuthor,
    change: (
      session: EngineSession,
      schedule: LockedSchedule,
    ) => Promise<{ before: object; after: object; eventName?: string }>,
  ): Promise<string | undefined> {
    const by = authorOf(author);
    return this.db.transaction(async (session) => {
      const [schedule] = await this.store.lock(session, [name]);
      if (schedule === undefined) throw unknownSchedule(name);
      const { before, after, eventName } = await change(session, schedule);
      await new AuditStore(this.db).add(session, by, {
        action: `schedules.${action}`,
        target: `schedule/${name}`,
        affected: 1,
        before,
        after,
      });
      await tellOwner(session, this.db.schema, TICKER_KIND);
      return eventName;
    });
  }

  private async audit(
    session: EngineSession,
    by: Author,
    set: readonly { readonly said: SetSchedule }[],
  ): Promise<void> {
    for (const { said } of set) {
      if (said.is === 'unchanged') continue;
      await new AuditStore(this.db).add(session, by, {
        action: 'schedules.set',
        target: `schedule/${said.name}`,
        affected: 1,
        before: said.before ?? null,
        after: { timing: said.timing },
      });
    }
  }
}

function refusePast({ name, schedule: { endsAt } }: WantedSchedule, now: number): void {
  if (endsAt === null || endsAt > now) return;
  const problem = `endAt is ${new Date(endsAt).toISOString()}, which has passed`;
  throw invalidSchedule(`Schedule "${name}" cannot be set: ${problem}`, [problem]);
}

/** What is written for a schedule, and what is said of it. */
function settingOf(
  { name, schedule, place }: WantedSchedule,
  existing: LockedSchedule | undefined,
  { now, times, actor }: { readonly now: number; readonly times: Times; readonly actor: string },
): { readonly row: SavedSchedule | undefined; readonly said: SetSchedule } {
  const timing = textOfTiming(schedule);
  const before = existing && { timing: textOfTiming(existing), changedBy: existing.changedBy };
  if (existing !== undefined && existing.place === place && isSame(schedule, existing)) {
    const said: SetSchedule = { name, is: 'unchanged', hasEnded: existing.nextAt === null, before, timing };
    return { row: undefined, said };
  }
  const { everyMs, startsAt, endsAt, limit } = schedule;
  const isSameRhythm = existing?.everyMs === everyMs && existing.startsAt === startsAt;
  const anchorAt = startsAt ?? (isSameRhythm ? existing.anchorAt : now);
  const isSameLimit = existing?.limit === limit;
  const left = isSameLimit ? existing.left : limit;
  const isSameTiming =
    isSameRhythm &&
    existing.cron === schedule.cron &&
    existing.timeZone === schedule.timeZone &&
    existing.endsAt === endsAt &&
    (existing.nextAt !== null || isSameLimit);
  const nextAt = isSameTiming
    ? (existing.nextAt ?? undefined)
    : left === 0
      ? undefined
      : times.next({ ...schedule, anchorAt }, now);
  const row = { ...schedule, name, anchorAt, nextAt, left, place, changedBy: actor };
  const is = existing === undefined ? 'added' : 'changed';
  return { row, said: { name, is, hasEnded: nextAt === undefined, before, timing } };
}

const COMPARED = [
  'cron',
  'everyMs',
  'timeZone',
  'startsAt',
  'endsAt',
  'limit',
  'missed',
  'overlap',
  'consumerName',
] as const satisfies (keyof CheckedSchedule)[];

function isSame(wanted: CheckedSchedule, existing: LockedSchedule): boolean {
  return (
    COMPARED.every((field) => wanted[field] === existing[field]) &&
    isDeepStrictEqual(JSON.parse(wanted.payload), existing.payload)
  );
}

/** `cron 0 2 * * * in Europe/Berlin`, `every 900000 ms` */
export function textOfTiming({
  cron,
  everyMs,
  timeZone,
}: Pick<CheckedSchedule, 'cron' | 'everyMs' | 'timeZone'>): string {
  return cron === null ? `every ${everyMs} ms` : `cron ${cron} in ${timeZone}`;
}
