import { setTimeout as delay } from 'node:timers/promises';
import { checkReplay, isWholeRange } from '../consumers/admin-checks.js';
import type { ConsumerService } from '../consumers/consumer.service.js';
import type { ReplayFilter, ReplayRequest, ReplayResult } from '../consumers/replay.js';
import { authorOf, CHANGE_OPTIONS } from './author.js';
import { type Command, type CommandContext, UsageError } from './command.js';
import { YES_OPTION } from './confirmation.js';
import { isDryRun, wouldDo } from './dry-run.js';
import { countOption, dateOption, listOption, textOption } from './options.js';
import { registeredConsumer } from './registered-consumer.js';
import { withServices } from './services.js';
import { counted, hint } from './texts.js';

const LOOK_MS = 1_000;

/**
 * Delivers events again. A range of positions is replayed at once. A filtered replay becomes a request that
 * the consumer's owner works through.
 */
export const replayCommand: Command = {
  name: 'replay',
  formerly: ['consumers replay'],
  goesOnUnasked: true,
  parameters: ['consumer'],
  options: {
    from: { type: 'string', summary: 'position to begin at' },
    to: { type: 'string', summary: 'last position; default: the end of the log' },
    event: {
      type: 'string',
      summary: 'only these event names, divided by commas; a trailing * matches the rest',
    },
    'aggregate-type': { type: 'string', summary: 'only this type of aggregate' },
    'aggregate-id': { type: 'string', summary: 'only this aggregate; needs --aggregate-type' },
    since: { type: 'string', summary: 'only events written at this time or later' },
    until: { type: 'string', summary: 'only events written before this time' },
    wait: { type: 'boolean', summary: 'wait until a filtered replay has sent everything' },
    ...CHANGE_OPTIONS,
    ...YES_OPTION,
  },
  summary: 'deliver events to a consumer again: a range of positions, or what matches the options',
  run: (context) => {
    const [consumer = ''] = context.arguments;
    const selection = selectionOf(context.options);
    return withServices(context, async (services) => {
      const { consumers: service, counts } = services;
      const count = () => counts.countPositions(consumer, selection.from ?? 1, selection.to);
      const would = (positions: number) =>
        `Consumer "${consumer}" is given ${isWholeRange(selection) ? '' : 'what matches of '}${counted(positions, 'position')} of the log again.`;
      if (isDryRun(context)) {
        checkReplay(selection);
        await registeredConsumer(context, services, consumer);
        const positions = await count();
        return wouldDo(would(positions), { consumer, positions });
      }
      await context.confirm(async () => {
        const positions = await count();
        return positions > 1 ? would(positions) : undefined;
      });
      const result = await service.replay(consumer, selection, authorOf(context));
      if (result.kind === 'request' && context.options.wait === true) {
        const request = await finished(service, result.request, context);
        return { ok: true, data: { replay: { kind: 'request', request } }, text: `${sentText(request)}.` };
      }
      return { ok: true, data: { replay: result }, text: describe(context, consumer, result) };
    });
  },
};

function selectionOf(options: CommandContext['options']): ReplayFilter {
  const selection: ReplayFilter = {
    from: countOption(options, 'from'),
    to: countOption(options, 'to'),
    eventNames: listOption(options, 'event'),
    aggregateType: textOption(options, 'aggregate-type'),
    aggregateId: textOption(options, 'aggregate-id'),
    since: dateOption(options, 'since'),
    until: dateOption(options, 'until'),
  };
  const { to: _, ...chosen } = selection;
  if (Object.values(chosen).some((value) => value !== undefined)) return selection;
  throw new UsageError('replay needs --from <position>, or what to choose by, such as --event <name>');
}

async function finished(
  service: ConsumerService,
  { id, consumerName }: ReplayRequest,
  { progress }: CommandContext,
): Promise<ReplayRequest> {
  for (;;) {
    const request = (await service.replays(consumerName)).find((each) => each.id === id);
    if (request === undefined) throw new Error(`Consumer "${consumerName}" was removed, its replays with it`);
    if (request.finishedAt !== null) return request;
    progress(`${sentText(request)}, at position ${request.nextPosition} of ${request.toPosition}`);
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
