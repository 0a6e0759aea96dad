import type { ConsumerView } from '../changes/consumer.service.js';
import type { Operation } from '../changes/operations/operation.js';
import type { Command } from './command.js';
import { CONSUMER_COLUMNS, servingText } from './consumer-columns.js';
import { placeText } from './replay-texts.js';
import { type CommandServices, withServices } from './services.js';
import { table } from './table.js';
import { counted } from './texts.js';
import { WATCH_OPTION } from './watch.js';

/** Shows the state of every consumer. */
export const consumersListCommand: Command = {
  name: 'consumers list',
  parameters: [],
  options: WATCH_OPTION,
  summary: 'show every consumer: its backlog, dead letters, owner and names',
  run: (context) =>
    withServices(context, async (services) => {
      const consumers = await services.consumers.list();
      const replays = await runningReplays(services);
      return {
        ok: true,
        data: { consumers, replays },
        text: [describe(consumers), ...replays.map(describeReplay)].join('\n'),
      };
    }),
};

function describe(consumers: readonly ConsumerView[]): string {
  if (consumers.length === 0) return 'No consumer is registered.';
  return table(consumers, [
    ...CONSUMER_COLUMNS,
    { heading: 'STATE', cell: stateOf, cut: 3 },
    { heading: 'EVENT NAMES', cell: ({ eventNames }) => eventNames.join(', '), cut: 1 },
  ]);
}

export function stateOf(consumer: ConsumerView): string {
  const { orphaned, repartitioningTo, unavailable } = consumer;
  const states = [servingText(consumer)];
  if (unavailable !== null) states.push(`out of reach: ${unavailable.reason}`);
  if (repartitioningTo !== null) states.push(`about to have ${counted(repartitioningTo, 'partition')}`);
  if (orphaned) states.push('orphaned');
  return states.join(', ');
}

/** The replays that run, of one consumer or of all. */
export async function runningReplays(
  { operations }: CommandServices,
  consumerName?: string,
): Promise<Operation[]> {
  const page = await operations.list({ kind: 'replay', state: 'running', consumerName, limit: 1_000 });
  return page.operations;
}

export function describeReplay(replay: Operation): string {
  const { filter, changed, id } = replay;
  return `Replay for ${filter.consumerName}: ${changed} sent${placeText(replay)} (operation ${id})`;
}
