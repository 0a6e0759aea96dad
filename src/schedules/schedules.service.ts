import { Injectable } from '@nestjs/common';
import { AUTHOR_FIELDS, type ChangeAuthor } from '../audit/change-author.js';
import { checkCount, checkNames, checkTime, invalidArgument, pageSizeOf } from '../words/argument-checks.js';
import { pageOf } from '../words/page-of.js';
import { checkDefinition, problemOfScheduleName, TIMING_FIELDS } from './definition.js';
import { MOST_PREVIEWED, previewDefinition, previewStored } from './preview.js';
import type { Schedule, ScheduleDefinition, SchedulePage, ScheduleRun } from './schedule.js';
import { ScheduleStore } from './schedule.store.js';
import { invalidSchedule, unknownSchedule } from './schedule-errors.js';
import { runsOf } from './schedule-runs.js';
import { SchedulesEngine } from './schedules-engine.js';

const KNOWN = { known: [...TIMING_FIELDS, 'consumerName'], kind: 'a field of a schedule' };
const MOST_RUNS = 100;

export interface SchedulePageRequest {
  /** From 1 to 200. The default is 50. */
  limit?: number | undefined;
  /** The `next` of the page before. */
  after?: string | undefined;
}

export interface PreviewOptions {
  /** Times behind it. The default is now. */
  from?: Date | undefined;
  /** How many, from 1 to 1,000. The default is 10. */
  count?: number | undefined;
}

/** Looks at schedules and changes them. Each change is in the audit. */
@Injectable()
export class SchedulesService {
  constructor(private readonly schedules: SchedulesEngine) {}

  /**
   * Makes a schedule, or changes it. What is as it was is not written. A schedule that code has declared is
   * set back when a process with that code boots. One that is paused stays paused.
   *
   * @throws IntegrationError INTEGRATION_SCHEDULE_INVALID with every problem (`details.problems`), also if
   *   `endAt` has passed; INTEGRATION_ADMIN_INVALID for an invalid author
   */
  async upsert(name: string, definition: ScheduleDefinition, author: ChangeAuthor = {}): Promise<Schedule> {
    checkNames('a field of an author', author, AUTHOR_FIELDS);
    const schedule = await this.checked(name, definition);
    const times = await this.schedules.times();
    await this.schedules.changes.set([{ name, schedule, place: null }], times, author, { refuseEnded: true });
    return this.existing(name);
  }

  /**
   * Undefined if there is none.
   *
   * @throws IntegrationError INTEGRATION_ADMIN_INVALID for a name that no schedule has
   */
  async get(name: string): Promise<Schedule | undefined> {
    checkName(name);
    return this.store.find(name);
  }

  /**
   * A page of schedules, by their names.
   *
   * @throws IntegrationError INTEGRATION_ADMIN_INVALID for an invalid page
   */
  async list(page: SchedulePageRequest = {}): Promise<SchedulePage> {
    checkNames('an option of a page', page, ['limit', 'after']);
    if (page.after !== undefined) checkName(page.after);
    const limit = pageSizeOf(page.limit);
    const found = await this.store.list(page.after, limit + 1);
    const { rows: schedules, next } = pageOf(found, limit, ({ name }) => name);
    return { schedules, next };
  }

  /**
   * Its last events, the latest first, and what became of them. At most 100.
   *
   * @throws IntegrationError INTEGRATION_SCHEDULE_UNKNOWN
   */
  async runs(name: string, count = 20): Promise<ScheduleRun[]> {
    checkCount('count', count, MOST_RUNS);
    return runsOf(this.schedules.admin, await this.existing(name), count);
  }

  /**
   * Deletes a schedule. Its events stay in the log, and are handled. One that code has declared comes back
   * when a process with that code boots.
   *
   * @throws IntegrationError INTEGRATION_SCHEDULE_UNKNOWN
   */
  async remove(name: string, author: ChangeAuthor = {}): Promise<void> {
    checkChange(name, author);
    await this.schedules.changes.remove(name, author);
  }

  /**
   * Publishes no more times of it, until it is resumed. What was published is handled.
   *
   * @throws IntegrationError INTEGRATION_SCHEDULE_UNKNOWN
   */
  async pause(name: string, author: ChangeAuthor = {}): Promise<void> {
    checkChange(name, author);
    await this.schedules.changes.pause(name, author);
  }

  /**
   * Goes on with the next time. Times of the pause were not missed.
   *
   * @throws IntegrationError INTEGRATION_SCHEDULE_UNKNOWN
   */
  async resume(name: string, author: ChangeAuthor = {}): Promise<void> {
    checkChange(name, author);
    await this.schedules.changes.resume(name, await this.schedules.times(), author);
  }

  /**
   * Publishes an event now, also for a schedule that is paused or has ended, and whatever `overlap` says.
   * Resolves to its id. It is not counted by `limit`.
   *
   * @throws IntegrationError INTEGRATION_SCHEDULE_UNKNOWN; what publishing throws if the event cannot be
   *   published
   */
  async trigger(name: string, author: ChangeAuthor = {}): Promise<string> {
    checkChange(name, author);
    return this.schedules.changes.trigger(name, author);
  }

  /**
   * The next times of a schedule: of one that is stored, by its name, or of one that could be. It shows what
   * would happen if the schedule were not paused, and if nothing were skipped.
   *
   * @throws IntegrationError INTEGRATION_SCHEDULE_UNKNOWN; INTEGRATION_SCHEDULE_INVALID with every problem
   */
  async preview(schedule: string | ScheduleDefinition, options: PreviewOptions = {}): Promise<Date[]> {
    checkNames('an option of preview', options, ['from', 'count']);
    const { from, count = 10 } = options;
    if (from !== undefined) checkTime('from', from);
    checkCount('count', count, MOST_PREVIEWED);
    const times = await this.schedules.times();
    if (typeof schedule !== 'string')
      return previewDefinition(times, await this.checked('preview', schedule), from, count);
    checkName(schedule);
    const stored = await this.store.timingOf(schedule);
    if (stored === undefined) throw unknownSchedule(schedule);
    return previewStored(times, stored, from, count);
  }

  private async checked(name: string, definition: ScheduleDefinition) {
    const nameProblem = problemOfScheduleName(name);
    const { schedule, problems } = checkDefinition(
      String(name),
      definition,
      await this.schedules.times(),
      KNOWN,
    );
    const all = [...(nameProblem === undefined ? [] : [nameProblem]), ...problems];
    if (schedule !== undefined && all.length === 0) return schedule;
    throw invalidSchedule(`Schedule ${JSON.stringify(name)} cannot be set: ${all.join('; ')}`, all);
  }

  private async existing(name: string): Promise<Schedule> {
    const found = await this.get(name);
    if (found === undefined) throw unknownSchedule(name);
    return found;
  }

  private get store(): ScheduleStore {
    return new ScheduleStore(this.schedules.admin);
  }
}

function checkName(name: unknown): void {
  const problem = problemOfScheduleName(name);
  if (problem !== undefined) throw invalidArgument(`The ${problem}`, { field: 'name' });
}

function checkChange(name: unknown, author: ChangeAuthor): void {
  checkName(name);
  checkNames('a field of an author', author, AUTHOR_FIELDS);
}
