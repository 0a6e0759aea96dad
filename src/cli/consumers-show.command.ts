import type { ConsumerView } from '../consumers/consumer.service.js';
import type { BlockingEvent, ConsumerBacklog } from '../consumers/consumer-backlog.js';
import { countText } from '../consumers/counted.js';
import type { ProcessView } from '../membership/process-view.store.js';
import type { Command } from './command.js';
import { ownerText } from './consumer-columns.js';
import { describeReplay, stateOf } from './consumers-list.command.js';
import { facts } from './facts.js';
import { runningTable } from './processes-list.command.js';
import { registeredConsumer } from './registered-consumer.js';
import { type CommandServices, withServices } from './services.js';
import { table } from './table.js';
import { counted, firstLine, timeText } from './texts.js';
import { WATCH_OPTION } from './watch.js';

const BLOCKING_SHOWN = 20;

/** Shows what one consumer has still to do, what holds it up and what runs. */
export const consumersShowCommand: Command = {
  name: 'consumers show',
  parameters: ['consumer'],
  options: WATCH_OPTION,
  summary: 'show one consumer: its backlog by state, what blocks and what runs',
  run: (context) =>
    withServices(context, async (services) => {
      const [name = ''] = context.arguments;
      const partitions = await registeredConsumer(context, services, name);
      const backlog = (await services.backlogs.list()).find(({ consumerName }) => consumerName === name);
      const blocking = await services.backlogs.blocking({ consumerName: name }, { limit: BLOCKING_SHOWN });
      const processes = await processesOf(services, name);
      const replays = (await services.consumers.replays(name)).filter(
        ({ finishedAt }) => finishedAt === null,
      );
      const running = processes.flatMap(({ working, id, host, pid }) =>
        working
          .filter(({ consumerName }) => consumerName === name)
          .map((attempt) => ({ ...attempt, process: { id, host, pid } })),
      );
      return {
        ok: true,
        data: { consumer: name, partitions, backlog: backlog ?? null, blocking, running, replays },
        text: [
          describe(partitions, backlog),
          ...(partitions.length > 1 ? [partitionTable(partitions)] : []),
          ...blockingTable(blocking),
          ...runningTable(processes, name),
          ...replays.map(describeReplay),
        ].join('\n\n'),
      };
    }),
};

/** The processes that run something of the consumer. At most 1,000 processes are looked at. */
async function processesOf({ processes }: CommandServices, name: string): Promise<ProcessView[]> {
  const page = await processes.list({ limit: 1_000 });
  return page.processes.filter(({ working }) => working.some(({ consumerName }) => consumerName === name));
}

function describe(
  [first, ...others]: readonly [ConsumerView, ...ConsumerView[]],
  backlog?: ConsumerBacklog,
): string {
  const { pausedSince, pausedBy, pauseReason } = first;
  const about: (readonly [string, string | null])[] = [
    ['Consumer', first.consumerName],
    ['State', stateOf(first)],
    [
      'Paused',
      pausedSince === null
        ? null
        : `since ${timeText(pausedSince)} by ${pausedBy ?? '?'}${pauseReason === null ? '' : `: ${pauseReason}`}`,
    ],
    ['Event names', first.eventNames.join(', ')],
    ['Partitions', String(others.length + 1)],
    ['Owner', others.length > 0 ? null : ownerText(first)],
  ];
  if (backlog === undefined) return facts(about);
  const { lag } = backlog;
  return facts([
    ...about,
    ['Lag', lag === null ? 'none' : `${counted(lag.positions, 'position')}, ${lag.seconds.toFixed(1)} s`],
    ['Pending', countText(backlog.pending)],
    ['Running', countText(backlog.running)],
    ['Retrying', countText(backlog.retrying)],
    ['Waiting', countText(backlog.waiting)],
    ['Delayed', countText(backlog.delayed)],
    ['Failed for good', countText(backlog.failedForGood)],
    ['Dead letters', countText(backlog.deadLetters)],
  ]);
}

function partitionTable(partitions: readonly ConsumerView[]): string {
  return table(
    ['PARTITION', 'POSITIONS', 'LAG', 'OWNER'],
    partitions.map((each) => [
      String(each.partition),
      String(each.pendingPositions),
      each.lagSeconds === null ? '-' : `${each.lagSeconds.toFixed(1)} s`,
      ownerText(each),
    ]),
    ['OWNER'],
  );
}

function blockingTable(blocking: readonly BlockingEvent[]): string[] {
  if (blocking.length === 0) return [];
  const rows = blocking.map(
    ({ position, aggregateType, aggregateId, attemptCount, retryAt, behind, lastError }) => [
      String(position),
      `${aggregateType} ${aggregateId}`,
      String(attemptCount),
      timeText(retryAt),
      countText(behind),
      firstLine(lastError),
    ],
  );
  return [
    `Events whose retry others wait for:\n${table(['POSITION', 'AGGREGATE', 'ATTEMPTS', 'RETRY', 'BEHIND', 'ERROR'], rows, ['ERROR', 'AGGREGATE'])}`,
  ];
}
