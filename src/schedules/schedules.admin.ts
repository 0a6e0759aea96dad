import { Injectable } from '@nestjs/common';
import type { AdminAddition } from '../admin/routes/admin-sections.js';
import type { Answering } from '../admin/routes/answering.js';
import { type Call, route } from '../admin/routes/route.js';
import { count, optional, text, time } from '../rest/field.js';
import { limit, PAGE_SIZE, reason } from '../rest/route.js';
import { INTEGER, list, named, object, oneOf, orNull, pageOf, TEXT, TIME, UUID } from '../rest/schema.js';
import { MISSED, OVERLAPS } from './decide.js';
import { MOST_PREVIEWED } from './preview.js';
import { SCHEDULE_CAUSES, SCHEDULE_STATUSES, type Schedule } from './schedule.js';
import { unknownSchedule } from './schedule-errors.js';
import { SchedulesService } from './schedules.service.js';

const SHOWN = {
  name: TEXT,
  status: oneOf(SCHEDULE_STATUSES),
  cron: orNull(TEXT),
  everyMs: orNull(INTEGER),
  timeZone: TEXT,
  startAt: orNull(TIME),
  endAt: orNull(TIME),
  limit: orNull(INTEGER),
  left: orNull(INTEGER),
  missed: oneOf(MISSED),
  overlap: oneOf(OVERLAPS),
  consumerName: TEXT,
  nextAt: orNull(TIME),
  lastAt: orNull(TIME),
  lastEventId: orNull(UUID),
  skipped: INTEGER,
  skippedAt: orNull(TIME),
  pausedAt: orNull(TIME),
  place: orNull(TEXT),
  changedBy: TEXT,
  changedAt: TIME,
};

const ShownSchedule = named('Schedule', object(SHOWN));
const LONGEST_NAME = 100;
const pathFields = { schedule: text('The name of the schedule.', LONGEST_NAME) };
const target = ({ schedule }: { readonly schedule: string }) => ({ schedule });

const changing = (path: string, about: string) =>
  ({
    method: 'POST',
    path,
    action: 'schedules.change',
    about,
    pathFields,
    target,
    body: { reason },
  }) as const;

const ROUTES = {
  list: route({
    method: 'GET',
    path: 'schedules',
    action: 'schedules.read',
    about: 'Schedules without their payloads, by their names.',
    query: {
      limit,
      after: optional(text('The `next` of the page before. Leave it out for the first page.', LONGEST_NAME)),
    },
    answer: named('SchedulePage', pageOf(object(SHOWN))),
  }),
  one: route({
    method: 'GET',
    path: 'schedules/:schedule',
    action: 'schedules.read',
    about: 'One schedule without its payload.',
    pathFields,
    target,
    answer: ShownSchedule,
  }),
  preview: route({
    method: 'GET',
    path: 'schedules/:schedule/preview',
    action: 'schedules.read',
    about: 'The next times of a schedule, if it is not paused and nothing is skipped.',
    pathFields,
    target,
    query: {
      from: optional(time('Only times behind it. Leave it out for now.')),
      count: optional(count('How many, 10 if it is left out.', 1, MOST_PREVIEWED)),
    },
    answer: named('SchedulePreview', object({ items: list(TIME) })),
  }),
  runs: route({
    method: 'GET',
    path: 'schedules/:schedule/runs',
    action: 'schedules.read',
    about: 'The last events of a schedule, the latest first, and how they stand at its consumer.',
    pathFields,
    target,
    query: { count: optional(count('How many, 20 if it is left out.', 1, 100)) },
    answer: named(
      'ScheduleRuns',
      object({
        items: list(
          object({
            outboxEventId: UUID,
            at: TIME,
            cause: oneOf(SCHEDULE_CAUSES),
            publishedAt: TIME,
            status: orNull(TEXT),
            attempts: INTEGER,
            lastError: orNull(TEXT),
          }),
        ),
      }),
    ),
  }),
  pause: route({
    ...changing('schedules/:schedule/pause', 'Publishes no more times of a schedule, until it is resumed.'),
    answer: ShownSchedule,
  }),
  resume: route({
    ...changing(
      'schedules/:schedule/resume',
      'Goes on with the next time of a schedule. Times of the pause were not missed.',
    ),
    answer: ShownSchedule,
  }),
  trigger: route({
    ...changing(
      'schedules/:schedule/trigger',
      'Publishes an event of a schedule now, whatever its timing says.',
    ),
    answer: named('TriggeredSchedule', object({ outboxEventId: UUID })),
  }),
  remove: route({
    ...changing(
      'schedules/:schedule/remove',
      'Deletes a schedule. One that code has declared comes back when a process with that code boots.',
    ),
    answer: named('RemovedSchedule', object({ removed: TEXT })),
  }),
};

/** Schedules for admins. Their payloads are data of the application, so these routes do not show them. */
@Injectable()
export class SchedulesHandlers implements Answering<typeof ROUTES, SchedulesHandlers> {
  static readonly routes = ROUTES;

  constructor(private readonly schedules: SchedulesService) {}

  async list({ query: { limit = PAGE_SIZE, after } }: Call<typeof ROUTES.list>) {
    const { schedules, next } = await this.schedules.list({ limit, after });
    return { items: schedules.map(shown), next };
  }

  async one({ path: { schedule } }: Call<typeof ROUTES.one>) {
    return this.found(schedule);
  }

  async preview({ path: { schedule }, query }: Call<typeof ROUTES.preview>) {
    return { items: await this.schedules.preview(schedule, query) };
  }

  async runs({ path: { schedule }, query: { count } }: Call<typeof ROUTES.runs>) {
    return { items: await this.schedules.runs(schedule, count) };
  }

  async pause({ path: { schedule }, author }: Call<typeof ROUTES.pause>) {
    await this.schedules.pause(schedule, author);
    return this.found(schedule);
  }

  async resume({ path: { schedule }, author }: Call<typeof ROUTES.resume>) {
    await this.schedules.resume(schedule, author);
    return this.found(schedule);
  }

  async trigger({ path: { schedule }, author }: Call<typeof ROUTES.trigger>) {
    return { outboxEventId: await this.schedules.trigger(schedule, author) };
  }

  async remove({ path: { schedule }, author }: Call<typeof ROUTES.remove>) {
    await this.schedules.remove(schedule, author);
    return { removed: schedule };
  }

  private async found(name: string) {
    const found = await this.schedules.get(name);
    if (found === undefined) throw unknownSchedule(name);
    return shown(found);
  }
}

function shown({ payload: _, ...schedule }: Schedule): Omit<Schedule, 'payload'> {
  return schedule;
}

export const schedulesAdmin: AdminAddition = {
  sections: [SchedulesHandlers],
  statuses: { INTEGRATION_SCHEDULE_UNKNOWN: 404, INTEGRATION_SCHEDULE_INVALID: 400 },
};
