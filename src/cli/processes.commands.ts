import type { ProcessView, RunningAttempt } from '../membership/process-view.store.js';
import type { Command } from './command.js';
import { POSITION_COLUMN } from './event-columns.js';
import { nextPage } from './next-page.js';
import { pageOption, textOption } from './options.js';
import { withServices } from './services.js';
import { table } from './table.js';
import { timeText } from './texts.js';
import { WATCH_OPTION } from './watch.js';

type ProcessName = Pick<ProcessView, 'host' | 'pid'>;

/** Shows the processes that work with this database. */
const processesListCommand: Command = {
  name: 'processes list',
  parameters: [],
  options: {
    limit: { type: 'string', summary: 'how many, default 50' },
    after: { type: 'string', summary: 'where the next page begins: the last line of a page prints it' },
    ...WATCH_OPTION,
  },
  summary: 'show the processes: version, what they own, and what has run for more than 2 seconds',
  run: (context) => {
    const page = {
      limit: pageOption(context.options),
      after: textOption(context.options, 'after'),
    };
    return withServices(context, async (services) => {
      const { processes, next } = await services.processes.list(page);
      const more = next === null ? [] : [`More: ${nextPage(context, 'processes list', { after: next })}`];
      const text = [
        describe(processes),
        ...runningTable(
          processes.flatMap(({ working, host, pid }) =>
            working.map((attempt) => ({ ...attempt, host, pid })),
          ),
        ),
        ...more,
      ].join('\n\n');
      return { ok: true, data: { processes, next }, text };
    });
  },
};

function describe(processes: readonly ProcessView[]): string {
  if (processes.length === 0) return 'No process is known.';
  return table(processes, [
    { heading: 'PROCESS', cell: nameOf, cut: 2 },
    { heading: 'ROLE', cell: ({ role }) => role },
    { heading: 'VERSION', cell: ({ version }) => version ?? '-' },
    { heading: 'STARTED', cell: ({ startedAt }) => timeText(startedAt) },
    { heading: 'STATE', cell: stateOf },
    {
      heading: 'OWNS',
      cell: ({ owns }) =>
        owns.map(({ consumerName, partition }) => `${consumerName} [${partition}]`).join(', '),
      cut: 1,
    },
  ]);
}

function stateOf({ alive, connected, seenSecondsAgo }: ProcessView): string {
  if (alive && connected !== false) return 'alive';
  const since = `not seen for ${Math.round(seenSecondsAgo)} s`;
  return connected === false ? `connection gone, ${since}` : since;
}

/** What runs. Nothing if nothing has run for long. */
export function runningTable(attempts: readonly (RunningAttempt & ProcessName)[]): string[] {
  if (attempts.length === 0) return [];
  const shown = table(attempts, [
    { heading: 'SINCE', cell: ({ since }) => timeText(since) },
    { heading: 'CONSUMER', cell: ({ consumerName }) => consumerName },
    POSITION_COLUMN,
    {
      heading: 'EVENT',
      cell: ({ eventName, events }) => (events > 1 ? `${eventName} and ${events - 1} more` : eventName),
      cut: 2,
    },
    { heading: 'ATTEMPT', cell: ({ attempt }) => String(attempt) },
    { heading: 'PROCESS', cell: nameOf, cut: 1 },
  ]);
  return [`Running for more than 2 seconds:\n${shown}`];
}

function nameOf({ host, pid }: ProcessName): string {
  return `${host}:${pid}`;
}

/** The commands of processes. */
export const processesCommands: readonly Command[] = [processesListCommand];
