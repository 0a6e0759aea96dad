import { setTimeout as delay } from 'node:timers/promises';
import { checkReplay, isWholeRange } from '../changes/admin-checks.js';
import type { ConsumerService } from '../changes/consumer.service.js';
import type { ReplayFilter, ReplayRequest, ReplayResult } from '../changes/replay.js';
import { authorOf } from './author.js';
import { type CommandContext, type CommandResult, UsageError } from './command.js';
import { saidFirst } from './dry-run.js';
import { PatientLooks } from './patient-looks.js';
import { registeredConsumer } from './registered-consumer.js';
import type { CommandServices } from './services.js';
import { counted, hint } from './texts.js';

const LOOK_MS = 1_000;
/** Options that only operations have. */
const OF_OPERATIONS = ['limit', 'rate', 'stop-after', 'detach'];

/**
 * Whether a replay needs no operation: `--at-once` says so for a range of positions. The words of earlier
 * versions do what they did, because scripts rely on it, unless they have an option that only operations
 * have.
 */
export function isReplayedAtOnce(
  { options, isFormerCall }: CommandContext,
  selection: ReplayFilter,
): boolean {
  const foreign = OF_OPERATIONS.find((name) => options[name] !== undefined);
  if (options['at-once'] !== true) return isFormerCall && foreign === undefined;
  if (foreign !== undefined)
    throw new UsageError(`--at-once starts no operation, and --${foreign} is only for an operation`);
  if (!isWholeRange(selection))
    throw new UsageError('--at-once is for a range of positions: give only --from, and --to if you like');
  return true;
}

/**
 * Puts a range of positions back into the cursor. A filtered replay of earlier words is kept as a request
 * that the consumer's owner works through.
 */
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
    const part = isWholeRange(selection) ? '' : 'what matches of ';
    return {
      what: `Consumer "${consumer}" is given ${part}${counted(positions, 'position')} of the log again.`,
      data: { consumer, positions },
      isNothing: positions === 0,
    };
  });
  if (dry !== undefined) return dry;
  const result = await service.replay(consumer, selection, authorOf(context));
  if (result.kind === 'request' && context.options.wait === true) {
    const request = await finished(service, result.request, context);
    return { ok: true, data: { replay: { kind: 'request', request } }, text: `${sentText(request)}.` };
  }
  return { ok: true, data: { replay: result }, text: describe(context, consumer, result) };
}

async function finished(
  service: ConsumerService,
  { id, consumerName }: ReplayRequest,
  context: CommandContext,
): Promise<ReplayRequest> {
  const looks = new PatientLooks(context, 'the replay');
  for (;;) {
    const requests = await looks.look(() => service.replays(consumerName));
    if (requests === undefined) {
      await delay(LOOK_MS);
      continue;
    }
    const request = requests.find((each) => each.id === id);
    if (request === undefined) throw new Error(`Consumer "${consumerName}" was removed, its replays with it`);
    if (request.finishedAt !== null) return request;
    context.progress(`${sentText(request)}, at position ${request.nextPosition} of ${request.toPosition}`);
    await delay(LOOK_MS);
  }
}

function describe(context: CommandContext, consumer: string, result: ReplayResult): string {
  if (result.kind === 'range') {
    const { from, to, positions } = result;
    return `${counted(positions, 'position')} from ${from} to ${to} ${positions === 1 ? 'is' : 'are'} delivered to "${consumer}" again.`;
  }
  const { id, nextPosition, toPosition } = result.request;
  return `Kept as request ${id}: the owner of "${consumer}" works off positions ${nextPosition} to ${toPosition} while it runs. See: ${hint(context, 'consumers list')}`;
}

function sentText({ sent }: ReplayRequest): string {
  return `${counted(sent, 'event')} sent again`;
}
