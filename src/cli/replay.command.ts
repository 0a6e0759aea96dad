import type { ReplayedRange, ReplayFilter, ReplayRange } from '../changes/replay.js';
import { checkReplayRange } from '../changes/replay-at-once.js';
import { authorOf, CHANGE_OPTIONS } from './author.js';
import { changeMany, OPERATION_OPTIONS } from './change-many.js';
import { type Command, type CommandContext, type CommandResult, UsageError } from './command.js';
import { saidFirst } from './dry-run.js';
import { countOption, PART_OPTIONS, partOfLog, textOption } from './options.js';
import { registeredConsumer } from './registered-consumer.js';
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

/** Options that only operations have. */
const OF_OPERATIONS = ['limit', 'rate', 'stop-after', 'detach'];

/** The range of a replay that needs no operation: `--at-once` says so. */
function rangeAtOnce(
  { options }: CommandContext,
  { from, to, ...others }: ReplayFilter,
): ReplayRange | undefined {
  if (options['at-once'] !== true) return undefined;
  const foreign = OF_OPERATIONS.find((name) => options[name] !== undefined);
  if (foreign !== undefined)
    throw new UsageError(`--at-once starts no operation, and --${foreign} is only for an operation`);
  if (from === undefined || Object.values(others).some((value) => value !== undefined))
    throw new UsageError('--at-once is for a range of positions: give only --from, and --to if you like');
  return { from, to };
}

/** Puts a range of positions back into the cursor. */
async function replayAtOnce(
  context: CommandContext,
  services: CommandServices,
  range: ReplayRange,
): Promise<CommandResult> {
  const [consumer = ''] = context.arguments;
  const { consumers: service, counts } = services;
  const dry = await saidFirst(context, async () => {
    checkReplayRange(range);
    await registeredConsumer(context, services, consumer);
    const positions = await counts.countPositions(consumer, range.from, range.to);
    return {
      what: `Consumer "${consumer}" is given ${counted(positions, 'position')} of the log again.`,
      data: { consumer, positions },
      isNothing: positions === 0,
    };
  });
  if (dry !== undefined) return dry;
  const replay = await service.replayAtOnce(consumer, range, authorOf(context));
  return { ok: true, data: { replay }, text: replayedText(consumer, replay) };
}

function replayedText(consumer: string, { from, to, positions }: ReplayedRange): string {
  return `${counted(positions, 'position')} from ${from} to ${to} ${positions === 1 ? 'is' : 'are'} delivered to "${consumer}" again.`;
}
