import { checkReplay, isWholeRange } from '../changes/admin-checks.js';
import type { ReplayFilter, ReplayResult } from '../changes/replay.js';
import { authorOf } from './author.js';
import { type CommandContext, type CommandResult, UsageError } from './command.js';
import { saidFirst } from './dry-run.js';
import { registeredConsumer } from './registered-consumer.js';
import type { CommandServices } from './services.js';
import { counted } from './texts.js';

/** Options that only operations have. */
const OF_OPERATIONS = ['limit', 'rate', 'stop-after', 'detach'];

/** Whether a replay needs no operation: `--at-once` says so for a range of positions. */
export function isReplayedAtOnce({ options }: CommandContext, selection: ReplayFilter): boolean {
  if (options['at-once'] !== true) return false;
  const foreign = OF_OPERATIONS.find((name) => options[name] !== undefined);
  if (foreign !== undefined)
    throw new UsageError(`--at-once starts no operation, and --${foreign} is only for an operation`);
  if (!isWholeRange(selection))
    throw new UsageError('--at-once is for a range of positions: give only --from, and --to if you like');
  return true;
}

/** Puts a range of positions back into the cursor. */
export async function replayAtOnce(
  context: CommandContext,
  services: CommandServices,
  selection: ReplayFilter,
): Promise<CommandResult> {
  const [consumer = ''] = context.arguments;
  const { consumers: service, counts } = services;
  const dry = await saidFirst(context, async () => {
    checkReplay(selection);
    await registeredConsumer(context, services, consumer);
    const positions = await counts.countPositions(consumer, selection.from ?? 1, selection.to);
    return {
      what: `Consumer "${consumer}" is given ${counted(positions, 'position')} of the log again.`,
      data: { consumer, positions },
      isNothing: positions === 0,
    };
  });
  if (dry !== undefined) return dry;
  const replay = await service.replay(consumer, selection, authorOf(context));
  return { ok: true, data: { replay }, text: describe(consumer, replay) };
}

function describe(consumer: string, replay: ReplayResult): string {
  if (replay.kind === 'request') throw new Error('A range of positions was kept as a request');
  const { from, to, positions } = replay;
  return `${counted(positions, 'position')} from ${from} to ${to} ${positions === 1 ? 'is' : 'are'} delivered to "${consumer}" again.`;
}
