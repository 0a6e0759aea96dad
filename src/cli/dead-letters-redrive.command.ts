import { authorOf, CHANGE_OPTIONS } from './author.js';
import { changeMany, OPERATION_OPTIONS } from './change-many.js';
import type { Command, CommandContext, CommandResult } from './command.js';
import { CONSUMER_OPTION, countOption, OPERATION_FILTER_OPTIONS, operationFilter } from './options.js';
import { type CommandServices, withServices } from './services.js';
import { counted, countedAtLeast } from './texts.js';

const DEFAULT_LIMIT = 100;

/** Makes dead letters due again. */
export const deadLettersRedriveCommand: Command = {
  name: 'dead-letters redrive',
  parameters: [],
  restParameter: 'event',
  options: {
    ...CONSUMER_OPTION,
    ...OPERATION_FILTER_OPTIONS,
    limit: {
      type: 'string',
      summary: `the largest number, the oldest first, default ${DEFAULT_LIMIT}, or all events that are named; try 1 first, to see whether the cause is gone`,
    },
    ...OPERATION_OPTIONS,
    'stop-after': { type: 'string', summary: 'stop by itself after this number of them have failed again' },
    ...CHANGE_OPTIONS,
  },
  summary:
    'send dead letters, and events that failed for good, on their way again: those named, or those that match',
  run: (context) => withServices(context, (services) => redrive(context, services)),
};

function redrive(context: CommandContext, services: CommandServices): Promise<CommandResult> {
  const { options } = context;
  const filter = operationFilter(options, context.arguments);
  // Who names events one by one means all of them.
  const limit =
    countOption(options, 'limit') ?? (filter.outboxEventIds === undefined ? DEFAULT_LIMIT : undefined);
  return changeMany(context, services, {
    request: { kind: 'redrive', filter, maxEvents: limit, stopAfter: countOption(options, 'stop-after') },
    field: 'redriven',
    would: (events, isAtLeast) =>
      `${countedAtLeast(events, isAtLeast, 'event')} would be sent on ${whose(events)} way again.`,
    done: (events) => {
      const isDefault = events === DEFAULT_LIMIT && limit === DEFAULT_LIMIT && options.limit === undefined;
      const more = isDefault ? ' There may be more: --limit says how many at most.' : '';
      return `${counted(events, 'event')} sent on ${whose(events)} way again.${more}`;
    },
    one: (event) => services.consumers.redriveOne(event, authorOf(context)),
  });
}

function whose(events: number): string {
  return events === 1 ? 'its' : 'their';
}
