import type { ReplayFilter } from '../changes/replay.js';
import { CHANGE_OPTIONS } from './author.js';
import { changeMany, OPERATION_OPTIONS } from './change-many.js';
import { type Command, type CommandContext, type CommandResult, UsageError } from './command.js';
import { countOption, PART_OPTIONS, partOfLog, textOption } from './options.js';
import { rangeAtOnce, replayAtOnce } from './replay-at-once.js';
import { type CommandServices, withServices } from './services.js';
import { counted, countedAtLeast } from './texts.js';

/** Delivers events again, by a stored operation that the owner of the consumer works off. */
export const replayCommand: Command = {
  name: 'replay',
  parameters: ['consumer'],
  options: {
    ...PART_OPTIONS,
    'aggregate-type': { type: 'string', summary: 'only this type of aggregate' },
    'aggregate-id': { type: 'string', summary: 'only this aggregate; needs --aggregate-type' },
    limit: { type: 'string', summary: 'the largest number, the oldest first; default: all that match' },
    ...OPERATION_OPTIONS,
    'stop-after': { type: 'string', summary: 'stop by itself after this number of them have failed' },
    'at-once': {
      type: 'boolean',
      summary:
        'put a range of positions back at once, with no operation: no process has to run, and nothing can be cancelled',
    },
    ...CHANGE_OPTIONS,
  },
  summary: 'deliver events to a consumer again: a range of positions, or what matches the options',
  run: (context) => {
    const selection = selectionOf(context.options);
    const range = rangeAtOnce(context, selection);
    return withServices(context, (services) =>
      range === undefined ? replay(context, services, selection) : replayAtOnce(context, services, range),
    );
  },
};

function replay(
  context: CommandContext,
  services: CommandServices,
  selection: ReplayFilter,
): Promise<CommandResult> {
  const { options } = context;
  const [consumer = ''] = context.arguments;
  return changeMany(context, services, {
    request: {
      kind: 'replay',
      filter: { consumerName: consumer, ...selection },
      maxEvents: countOption(options, 'limit'),
      stopAfter: countOption(options, 'stop-after'),
    },
    field: 'replayed',
    data: { consumer },
    would: (events, isAtLeast) =>
      `${countedAtLeast(events, isAtLeast, 'event')} would be sent to "${consumer}" again.`,
    done: (events) => `${counted(events, 'event')} sent to "${consumer}" again.`,
  });
}

function selectionOf(options: CommandContext['options']): ReplayFilter {
  const selection: ReplayFilter = {
    ...partOfLog(options),
    aggregateType: textOption(options, 'aggregate-type'),
    aggregateId: textOption(options, 'aggregate-id'),
  };
  const { to: _, ...chosen } = selection;
  if (Object.values(chosen).some((value) => value !== undefined)) return selection;
  throw new UsageError('replay needs --from <position>, or what to choose by, such as --event <name>');
}
