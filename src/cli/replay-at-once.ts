import type { ReplayedRange, ReplayFilter, ReplayRange } from '../changes/replay.js';
import { checkReplayRange } from '../changes/replay-at-once.js';
import { authorOf } from './author.js';
import { type CommandContext, type CommandResult, UsageError } from './command.js';
import { saidFirst } from './dry-run.js';
import { registeredConsumer } from './registered-consumer.js';
import type { CommandServices } from './services.js';
import { counted } from './texts.js';

/** Options that only operations have. */
const OF_OPERATIONS = ['limit', 'rate', 'stop-after', 'detach'];

/** The range of a replay that needs no operation: `--at-once` says so. */
export function rangeAtOnce(
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
export async function replayAtOnce(
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
  return { ok: true, data: { replay }, text: describe(consumer, replay) };
}

function describe(consumer: string, { from, to, positions }: ReplayedRange): string {
  return `${counted(positions, 'position')} from ${from} to ${to} ${positions === 1 ? 'is' : 'are'} delivered to "${consumer}" again.`;
}
