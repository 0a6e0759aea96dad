import type { DomainEvent } from '../events/domain-event.js';
import { DECORATED_TYPE } from '../words/decorated-type.js';
import type { MissedTimes, Overlap } from './decide.js';

/** When and how a schedule publishes. Give either `cron` or `every`. */
export interface ScheduleTiming {
  /**
   * A cron pattern with five fields, or with six: the first is then seconds. `@hourly`, `@daily`, `@weekly`,
   * `@monthly` and `@yearly`, `L`, `W` and `#` are known too.
   */
  cron?: string | undefined;
  /** An interval: milliseconds, or a text such as `90s`, `15m`, `6h` or `1d`. At least a second. */
  every?: number | string | undefined;
  /** The name of the zone in which `cron` is read, such as `Europe/Berlin`. The default is `UTC`. */
  timeZone?: string | undefined;
  /** Nothing is due before it. For `every` it is the first time. */
  startAt?: Date | undefined;
  /** Nothing is due after it. */
  endAt?: Date | undefined;
  /** After so many events the schedule has ended. Events by `trigger` are not counted. */
  limit?: number | undefined;
  /**
   * What becomes of times at which no process could publish, for more than a minute (the setting
   * `schedules.graceMs`). `once` publishes one event for all of them, `skip` none, `all` one for each, at
   * most the last 1,000. The default is `once`.
   */
  missed?: MissedTimes | undefined;
  /**
   * What becomes of a time at which the consumer is not done with the event before. `skip` publishes nothing,
   * and counts it. `queue` publishes, and the event waits for its turn. The default is `skip`, and with
   * `missed: 'all'` it is `queue`.
   */
  overlap?: Overlap | undefined;
  /** JSON for the payload of each event. */
  payload?: unknown;
}

/** What `SchedulesService.upsert` takes. */
export interface ScheduleDefinition extends ScheduleTiming {
  /**
   * The consumer that `overlap` and the doctor look at. The default is `schedule.<name>`, the consumer of
   * `@IntegrationSchedule`. Give it where one consumer handles many schedules.
   */
  consumerName?: string | undefined;
}

/** Why a schedule has published an event. */
export type ScheduleCause = 'time' | 'missed' | 'trigger';
export const SCHEDULE_CAUSES: readonly ScheduleCause[] = ['time', 'missed', 'trigger'];

/** The payload of an event of a schedule. */
export interface Scheduled<Payload = unknown> {
  /** The name of the schedule. */
  schedule: string;
  /** The time that it is about, as ISO text: a time of the timing, or the moment of a trigger. */
  at: string;
  /**
   * `time`: it was due. `missed`: it was due while nobody could publish. `trigger`: somebody asked for it.
   */
  cause: ScheduleCause;
  /** What the schedule gives to each of its events. Null if it gives nothing. */
  payload: Payload;
}

/** The event that a schedule publishes under the name `integration.schedule.<name>`. */
export type ScheduledEvent<Payload = unknown> = DomainEvent<Scheduled<Payload>>;
export const ScheduledEvent: unknown = DECORATED_TYPE;

export type ScheduleStatus = 'active' | 'paused' | 'ended';
export const SCHEDULE_STATUSES: readonly ScheduleStatus[] = ['active', 'paused', 'ended'];

/** A schedule as it is stored. */
export interface Schedule {
  name: string;
  status: ScheduleStatus;
  /** Null for a schedule with an interval. */
  cron: string | null;
  /** The interval in milliseconds. Null for a schedule with `cron`. */
  everyMs: number | null;
  timeZone: string;
  startAt: Date | null;
  endAt: Date | null;
  limit: number | null;
  /** How many events may still be published. Null if there is no limit. */
  left: number | null;
  missed: MissedTimes;
  overlap: Overlap;
  consumerName: string;
  payload: unknown;
  /** Null if it has ended. A schedule that is paused keeps it, and finds another one when it goes on. */
  nextAt: Date | null;
  /** The last time that was published. Null if there was none. */
  lastAt: Date | null;
  /** The last event, also one by `trigger`. Null if there was none. */
  lastEventId: string | null;
  /** How many times were skipped by `overlap` since the schedule was made. */
  skipped: number;
  skippedAt: Date | null;
  pausedAt: Date | null;
  /** Where the code stands that set it: `Invoices.export (BillingModule)`. Null if no code did. */
  place: string | null;
  /** Who set it last. */
  changedBy: string;
  changedAt: Date;
}

export interface SchedulePage {
  schedules: Schedule[];
  /** The `after` of the next page. Null if this is the last one. */
  next: string | null;
}

/** One event of a schedule, and what became of it. */
export interface ScheduleRun {
  outboxEventId: string;
  at: Date;
  cause: ScheduleCause;
  publishedAt: Date;
  /** How it stands at the consumer of the schedule. Null if that consumer does not take it. */
  status: string | null;
  attempts: number;
  lastError: string | null;
}

export const SCHEDULE_EVENTS = 'integration.schedule.';
export const SCHEDULE_AGGREGATE = 'schedule';
export const SOURCE_MODULE = 'schedules';

/** `integration.schedule.invoices.nightly` */
export function eventNameOf(name: string): string {
  return `${SCHEDULE_EVENTS}${name}`;
}

/** The consumer of a decorated method: `schedule.invoices.nightly`. */
export function consumerOf(name: string): string {
  return `schedule.${name}`;
}

/** The kind of work that a change of a schedule is told as. */
export const TICKER_KIND = 'schedules';
