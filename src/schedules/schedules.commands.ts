import { authorOf, CHANGE_OPTIONS } from '../cli/author.js';
import { type Command, type CommandContext, UsageError } from '../cli/command.js';
import { saidFirst } from '../cli/dry-run.js';
import { facts } from '../cli/facts.js';
import { nextPage } from '../cli/next-page.js';
import { pageOption, textOption } from '../cli/options.js';
import { withServices } from '../cli/services.js';
import { table } from '../cli/table.js';
import { hint, timeText } from '../cli/texts.js';
import type { AdminDatabase } from '../database/admin-database.js';
import { EventLimits } from '../events/event-limits.js';
import { OutboxEventStore } from '../outbox/outbox-event.store.js';
import { PartEvents } from '../outbox/part-events.js';
import { loadTimes } from '../timing/croner.js';
import { pageSizeOf } from '../words/argument-checks.js';
import { pageOf } from '../words/page-of.js';
import { problemOfScheduleName } from './definition.js';
import { MOST_PREVIEWED, previewStored } from './preview.js';
import type { Schedule, ScheduleRun } from './schedule.js';
import { ScheduleStore } from './schedule.store.js';
import { ScheduleChanges } from './schedule-changes.js';
import { unknownSchedule } from './schedule-errors.js';
import { runsOf } from './schedule-runs.js';

const SHOWN_RUNS = 10;
const SHOWN_TIMES = 5;
const DEFAULT_PREVIEW = 10;

const listCommand: Command = {
  name: 'schedules list',
  parameters: [],
  options: {
    limit: { type: 'string', summary: 'how many, default 50' },
    after: { type: 'string', summary: 'the page behind: the last name of the page before' },
  },
  summary: 'show schedules, when they are due and who set them, by their names',
  async run(context) {
    const { options, withDatabase } = context;
    const after = textOption(options, 'after');
    if (after !== undefined) checkName(after, 'The name in --after');
    const limit = pageSizeOf(pageOption(options));
    const found = await withDatabase((_db, admin) => new ScheduleStore(admin).list(after, limit + 1));
    const { rows: schedules, next } = pageOf(found, limit, ({ name }) => name);
    const more = next === null ? [] : [`More: ${nextPage(context, 'schedules list', { after: next })}`];
    const data = { schedules: schedules.map(withoutPayload), next };
    return { ok: true, data, text: [listText(schedules), ...more].join('\n') };
  },
};

function listText(schedules: readonly Schedule[]): string {
  if (schedules.length === 0) return 'There is no schedule.';
  return table(schedules, [
    { heading: 'SCHEDULE', cell: ({ name }) => name },
    { heading: 'TIMING', cell: timingText },
    { heading: 'STATUS', cell: ({ status }) => status },
    { heading: 'NEXT', cell: ({ nextAt }) => (nextAt === null ? '' : timeText(nextAt)) },
    { heading: 'LAST', cell: ({ lastAt }) => (lastAt === null ? '' : timeText(lastAt)), cut: 2 },
    { heading: 'SKIPPED', cell: ({ skipped }) => String(skipped), cut: 3 },
    { heading: 'SET BY', cell: ({ place, changedBy }) => place ?? changedBy, cut: 1 },
  ]);
}

const showCommand: Command = {
  name: 'schedules show',
  parameters: ['schedule'],
  options: { 'with-data': { type: 'boolean', summary: 'show the payload of its events as well' } },
  summary: 'show one schedule with its next times and its last events',
  async run(context) {
    const name = nameOf(context);
    const times = await loadTimes('nestjs-integration/schedules');
    const { schedule, runs, next } = await context.withDatabase(async (_db, admin) => {
      const found = await existing(admin, name);
      const timing = await new ScheduleStore(admin).timingOf(name);
      return {
        schedule: found,
        runs: await runsOf(admin, found, SHOWN_RUNS),
        next: timing === undefined ? [] : previewStored(times, timing, undefined, SHOWN_TIMES),
      };
    });
    const isDataShown = context.options['with-data'] === true;
    const text = [
      factsOf(schedule, next),
      runsText(runs),
      ...(isDataShown ? [`Payload:\n${JSON.stringify(schedule.payload, null, 2)}`] : []),
    ].join('\n\n');
    return {
      ok: true,
      data: { schedule: isDataShown ? schedule : withoutPayload(schedule), next, runs },
      text,
    };
  },
};

function factsOf(schedule: Schedule, next: readonly Date[]): string {
  const { startAt, endAt, lastAt, skippedAt, pausedAt } = schedule;
  return facts([
    ['Schedule', schedule.name],
    ['Timing', timingText(schedule)],
    ['Status', schedule.status],
    ['Consumer', schedule.consumerName],
    ['Begins', startAt && timeText(startAt)],
    ['Ends', endAt && timeText(endAt)],
    ['Left', schedule.limit === null ? null : `${schedule.left} of ${schedule.limit}`],
    ['Missed', schedule.missed],
    ['Overlap', schedule.overlap],
    ['Last', lastAt && timeText(lastAt)],
    ['Skipped', skippedAt && `${schedule.skipped}, last at ${timeText(skippedAt)}`],
    ['Paused', pausedAt && timeText(pausedAt)],
    ['Set by', `${schedule.changedBy} at ${timeText(schedule.changedAt)}`],
    ['Code', schedule.place],
    ['Next', next.length === 0 ? null : next.map(timeText).join(', ')],
  ]);
}

function runsText(runs: readonly ScheduleRun[]): string {
  if (runs.length === 0) return 'It has published no event, or retention has deleted them.';
  return table(runs, [
    { heading: 'AT', cell: ({ at }) => timeText(at) },
    { heading: 'CAUSE', cell: ({ cause }) => cause },
    { heading: 'STATUS', cell: ({ status }) => status ?? 'nobody takes it' },
    { heading: 'ATTEMPTS', cell: ({ attempts }) => String(attempts) },
    { heading: 'EVENT', cell: ({ outboxEventId }) => outboxEventId },
    { heading: 'ERROR', cell: ({ lastError }) => lastError ?? '', cut: 1 },
  ]);
}

const previewCommand: Command = {
  name: 'schedules preview',
  parameters: ['schedule'],
  options: { count: { type: 'string', summary: `how many times, default ${DEFAULT_PREVIEW}` } },
  summary: 'show the next times of a schedule, if it is not paused and nothing is skipped',
  async run(context) {
    const name = nameOf(context);
    const given = textOption(context.options, 'count');
    const count = given === undefined ? DEFAULT_PREVIEW : Number(given);
    if (!Number.isInteger(count) || count < 1 || count > MOST_PREVIEWED)
      throw new UsageError(`--count must be a whole number from 1 to ${MOST_PREVIEWED}`);
    const times = await loadTimes('nestjs-integration/schedules');
    const next = await context.withDatabase(async (_db, admin) => {
      const stored = await new ScheduleStore(admin).timingOf(name);
      if (stored === undefined) throw unknownSchedule(name);
      return previewStored(times, stored, undefined, count);
    });
    const text = next.length === 0 ? `Schedule ${name} has ended.` : next.map(timeText).join('\n');
    return { ok: true, data: { schedule: name, next }, text };
  },
};

/** What a command that changes a schedule does, and what it says. */
interface Change {
  readonly how: 'pause' | 'resume' | 'trigger' | 'remove';
  readonly summary: string;
  readonly would: (schedule: Schedule) => string;
  readonly does: (changes: ScheduleChanges, name: string, context: CommandContext) => Promise<unknown>;
  readonly done: (name: string, result: unknown, context: CommandContext) => string;
}

function changeCommand({ how, summary, would, does, done }: Change): Command {
  return {
    name: `schedules ${how}`,
    parameters: ['schedule'],
    options: CHANGE_OPTIONS,
    summary,
    run(context) {
      const name = nameOf(context);
      return withServices(context, async ({ admin }) => {
        const dry = await saidFirst(context, async () => {
          const schedule = await existing(admin, name);
          return { what: would(schedule), data: { schedule: name, status: schedule.status } };
        });
        if (dry !== undefined) return dry;
        const events = new PartEvents(new OutboxEventStore(admin), new EventLimits());
        const result = await does(new ScheduleChanges(admin, events), name, context);
        const data = { schedule: name, ...(typeof result === 'string' ? { outboxEventId: result } : {}) };
        return { ok: true, data, text: done(name, result, context) };
      });
    },
  };
}

const CHANGES: readonly Change[] = [
  {
    how: 'pause',
    summary: 'publish no more times of a schedule, until it is resumed',
    would: ({ name, status }) =>
      status === 'paused' ? `Schedule ${name} is paused already.` : `Schedule ${name} would be paused.`,
    does: (changes, name, context) => changes.pause(name, authorOf(context)),
    done: (name, _, context) =>
      `Schedule ${name} is paused. Go on with it: ${hint(context, 'schedules resume', [name])}`,
  },
  {
    how: 'resume',
    summary: 'go on with the next time of a schedule that is paused',
    would: ({ name, pausedAt }) =>
      pausedAt === null
        ? `Schedule ${name} is not paused.`
        : `Schedule ${name} would go on with its next time. Times of the pause were not missed.`,
    does: async (changes, name, context) =>
      changes.resume(name, await loadTimes('nestjs-integration/schedules'), authorOf(context)),
    done: (name) => `Schedule ${name} goes on.`,
  },
  {
    how: 'trigger',
    summary: 'publish an event of a schedule now, whatever its timing says',
    would: ({ name, consumerName }) =>
      `An event of schedule ${name} would be published now, for ${consumerName}.`,
    does: (changes, name, context) => changes.trigger(name, authorOf(context)),
    done: (name, id) => `Event ${id} of schedule ${name} is published.`,
  },
  {
    how: 'remove',
    summary: 'delete a schedule; one that code has declared comes back when a process with that code boots',
    would: ({ name }) => `Schedule ${name} would be deleted. Its events stay.`,
    does: (changes, name, context) => changes.remove(name, authorOf(context)),
    done: (name) => `Schedule ${name} is deleted.`,
  },
];

function timingText({ cron, everyMs, timeZone }: Schedule): string {
  return cron === null ? `every ${everyText(everyMs ?? 0)}` : `${cron} (${timeZone})`;
}

const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
] as const;

function everyText(ms: number): string {
  const [unit, size] = UNITS.find(([, each]) => ms % each === 0) ?? ['ms', 1];
  return `${ms / size}${unit}`;
}

function withoutPayload({ payload: _, ...schedule }: Schedule): Omit<Schedule, 'payload'> {
  return schedule;
}

function nameOf({ arguments: [name = ''] }: CommandContext): string {
  checkName(name, 'The name of the schedule');
  return name;
}

function checkName(name: string, what: string): void {
  const problem = problemOfScheduleName(name);
  if (problem !== undefined) throw new UsageError(`${what}: ${problem}`);
}

/** @throws IntegrationError INTEGRATION_SCHEDULE_UNKNOWN */
async function existing(admin: AdminDatabase, name: string): Promise<Schedule> {
  const found = await new ScheduleStore(admin).find(name);
  if (found === undefined) throw unknownSchedule(name);
  return found;
}

/** The commands of schedules, in the order of the usage. */
export const schedulesCommands: readonly Command[] = [
  listCommand,
  showCommand,
  previewCommand,
  ...CHANGES.map(changeCommand),
];
