import type { ConsumerView } from '../changes/consumer.service.js';
import type { Operation } from '../changes/operations/operation.js';
import { countText } from '../rates/counted.js';
import {
  BACKLOG_STATES,
  type BacklogEvent,
  type BacklogPlace,
  type BacklogState,
  type BlockingEvent,
  type ConsumerBacklog,
} from '../status/consumer-backlog.js';
import { CONSUMER_ORDERS } from '../status/consumer-order.js';
import { CONSUMER_STATES } from '../status/consumer-summary.js';
import { type Command, type CommandContext, type CommandResult, UsageError } from './command.js';
import { CONSUMER_COLUMNS, LAG_COLUMN, ownerText, servingText } from './consumer-columns.js';
import {
  AGGREGATE_COLUMN,
  ATTEMPTS_COLUMN,
  EVENT_COLUMN,
  ID_AND_ERROR_COLUMN,
  POSITION_COLUMN,
} from './event-columns.js';
import { facts } from './facts.js';
import { nextPage } from './next-page.js';
import { placeText } from './operation-texts.js';
import { checkUuid, choiceOption, countOf, pageOption, textOption } from './options.js';
import { runningTable } from './processes.commands.js';
import { registeredConsumer } from './registered-consumer.js';
import { type CommandServices, withServices } from './services.js';
import { table } from './table.js';
import { visibleLine } from './terminal-text.js';
import { counted, timeText } from './texts.js';
import { WATCH_OPTION } from './watch.js';

/** The list has all consumers. */
const MOST_LISTED = 1_000_000;

/** Shows the state of every consumer. */
const consumersListCommand: Command = {
  name: 'consumers list',
  parameters: [],
  options: {
    state: { type: 'string', summary: `only those in this state: ${CONSUMER_STATES.join(', ')}` },
    order: {
      type: 'string',
      summary: `the order, the largest first: ${CONSUMER_ORDERS.join(', ')}; default: name`,
    },
    ...WATCH_OPTION,
  },
  summary: 'show every consumer: its backlog, dead letters, owner and names',
  run: (context) =>
    withServices(context, async (services) => {
      const listed = await services.consumers.page({
        state: choiceOption(context.options, 'state', CONSUMER_STATES),
        order: choiceOption(context.options, 'order', CONSUMER_ORDERS),
        limit: MOST_LISTED,
      });
      const consumers = listed.consumers.flatMap(({ views }) => views);
      const replays = await runningReplays(services);
      return {
        ok: true,
        data: { consumers, replays },
        text: [
          describeAll(consumers, context.options.state !== undefined),
          ...replays.map(describeReplay),
        ].join('\n'),
      };
    }),
};

function describeAll(consumers: readonly ConsumerView[], isChosen: boolean): string {
  if (consumers.length === 0)
    return isChosen ? 'No consumer is in this state.' : 'No consumer is registered.';
  return table(consumers, [
    ...CONSUMER_COLUMNS,
    { heading: 'STATE', cell: stateOf, cut: 3 },
    { heading: 'EVENT NAMES', cell: ({ eventNames }) => eventNames.join(', '), cut: 1 },
  ]);
}

function stateOf(consumer: ConsumerView): string {
  const { orphaned, repartitioningTo, unavailable } = consumer;
  const states = [servingText(consumer)];
  if (unavailable !== null) states.push(`out of reach: ${unavailable.reason}`);
  if (repartitioningTo !== null) states.push(`about to have ${counted(repartitioningTo, 'partition')}`);
  if (orphaned) states.push('orphaned');
  return states.join(', ');
}

/** The replays that run, of one consumer or of all. */
async function runningReplays({ operations }: CommandServices, consumerName?: string): Promise<Operation[]> {
  const page = await operations.list({ kind: 'replay', state: 'running', consumerName, limit: 1_000 });
  return page.operations;
}

function describeReplay(replay: Operation): string {
  const { filter, changed, id } = replay;
  return `Replay for ${filter.consumerName}: ${changed} sent${placeText(replay)} (operation ${id})`;
}

const BLOCKING_SHOWN = 20;

/** Shows what one consumer has still to do, what holds it up and what runs. */
const consumersShowCommand: Command = {
  name: 'consumers show',
  parameters: ['consumer'],
  options: {
    state: {
      type: 'string',
      summary: `list the events in this state: ${BACKLOG_STATES.join(', ')}`,
    },
    limit: { type: 'string', summary: 'how many of them, default 50' },
    after: {
      type: 'string',
      summary: 'where the next page begins, as <position>/<id>: the last line of a page prints it',
    },
    ...WATCH_OPTION,
  },
  summary: 'show one consumer: its backlog by state, what blocks and what runs',
  run: (context) => {
    const [name = ''] = context.arguments;
    const state = choiceOption(context.options, 'state', BACKLOG_STATES);
    const ofEvents = ['limit', 'after'].find((option) => context.options[option] !== undefined);
    if (state === undefined && ofEvents !== undefined)
      throw new UsageError(`--${ofEvents} is for the events of a state: give --state as well`);
    return withServices(context, (services) =>
      state === undefined ? overview(context, services, name) : events(context, services, name, state),
    );
  },
};

async function overview(
  context: CommandContext,
  services: CommandServices,
  name: string,
): Promise<CommandResult> {
  const partitions = await registeredConsumer(context, services, name);
  const backlog = await services.backlogs.of(name);
  const blocking = await services.backlogs.blocking({ consumerName: name }, { limit: BLOCKING_SHOWN });
  const running = await services.processes.running(name);
  const replays = await runningReplays(services, name);
  return {
    ok: true,
    data: { consumer: name, partitions, backlog, blocking, running, replays },
    text: [
      describeOne(partitions, backlog),
      ...(partitions.length > 1 ? [partitionTable(partitions)] : []),
      ...blockingTable(blocking),
      ...runningTable(running),
      ...replays.map(describeReplay),
    ].join('\n\n'),
  };
}

async function events(
  context: CommandContext,
  services: CommandServices,
  name: string,
  state: BacklogState,
): Promise<CommandResult> {
  const limit = pageOption(context.options);
  const after = placeFrom(textOption(context.options, 'after'));
  await registeredConsumer(context, services, name);
  const { items, next } = await services.backlogs.events(name, state, { limit, after });
  const more =
    next === null
      ? []
      : [`More: ${nextPage(context, 'consumers show', { after: `${next.position}/${next.id}` })}`];
  return {
    ok: true,
    data: { consumer: name, state, events: items, next },
    text: [items.length === 0 ? `No event is ${state}.` : eventTable(items), ...whysOf(items), ...more].join(
      '\n',
    ),
  };
}

function placeFrom(text: string | undefined): BacklogPlace | undefined {
  if (text === undefined) return undefined;
  const [position = '', id = ''] = text.split('/');
  return { position: countOf(position, '--after'), id: checkUuid(id, 'The id in --after') };
}

function eventTable(events: readonly BacklogEvent[]): string {
  return table(events, [
    POSITION_COLUMN,
    EVENT_COLUMN,
    AGGREGATE_COLUMN,
    ATTEMPTS_COLUMN,
    { heading: 'SINCE', cell: ({ since }) => timeText(since) },
    { heading: 'DUE', cell: ({ dueAt }) => timeText(dueAt) },
    ID_AND_ERROR_COLUMN,
  ]);
}

/** A line for each event that waits for something. */
function whysOf(events: readonly BacklogEvent[]): string[] {
  return events.flatMap(({ position, why }) =>
    why === null ? [] : [`${position}: ${visibleLine(why.sentence)}`],
  );
}

function describeOne(
  [first, ...others]: readonly [ConsumerView, ...ConsumerView[]],
  backlog: ConsumerBacklog,
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
  const { lag } = backlog;
  return facts([
    ...about,
    ['Lag', lag === null ? 'none' : `${counted(lag.positions, 'position')}, ${lag.seconds.toFixed(1)} s`],
    [
      'Backlog',
      lag === null || lag.isAtMost ? backlog.says : `${backlog.says}\nBehind since ${timeText(lag.since)}.`,
    ],
    ['Pending', countText(backlog.pending)],
    ['Running again', countText(backlog.running)],
    ['Retrying', countText(backlog.retrying)],
    ['Postponed', countText(backlog.postponed)],
    ['Waiting', countText(backlog.waiting)],
    ['Delayed', countText(backlog.delayed)],
    ['Failed for good', countText(backlog.failedForGood)],
    ['Dead letters', countText(backlog.deadLetters)],
  ]);
}

function partitionTable(partitions: readonly ConsumerView[]): string {
  return table(partitions, [
    { heading: 'PARTITION', cell: ({ partition }) => String(partition) },
    { heading: 'POSITIONS', cell: ({ pendingPositions }) => String(pendingPositions) },
    LAG_COLUMN,
    { heading: 'OWNER', cell: ownerText, cut: 1 },
  ]);
}

function blockingTable(blocking: readonly BlockingEvent[]): string[] {
  if (blocking.length === 0) return [];
  const shown = table(blocking, [
    POSITION_COLUMN,
    AGGREGATE_COLUMN,
    ATTEMPTS_COLUMN,
    { heading: 'RETRY', cell: ({ retryAt }) => timeText(retryAt) },
    { heading: 'BEHIND', cell: ({ behind }) => countText(behind) },
    ID_AND_ERROR_COLUMN,
  ]);
  return [`Events whose retry others wait for:\n${shown}`];
}

/** The commands that look at consumers, in the order of the usage. */
export const consumersCommands: readonly Command[] = [consumersListCommand, consumersShowCommand];
