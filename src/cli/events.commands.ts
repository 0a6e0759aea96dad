import { IntegrationError } from '../errors.js';
import { ATTEMPTS_KEPT } from '../inbox/failed-attempt.js';
import {
  EVENT_ORDERS,
  type EventChain,
  type EventHead,
  type EventOrder,
  type EventSearchResult,
  type SearchProgress,
} from '../log/event-look.js';
import type { OutboxEventStatusReport } from '../log/outbox-event.js';
import {
  AttemptHistoryService,
  type ShownHistory,
  type ShownLines,
} from '../status/attempt-history.service.js';
import type { ComparedAttempts } from '../status/compared-attempts.js';
import {
  type ExplainedDelivery,
  type LeftOutConsumers,
  WhyNotYetService,
} from '../status/why-not-yet.service.js';
import { firstLine } from '../words/first-line.js';
import { type Command, type CommandContext, UsageError } from './command.js';
import { AGGREGATE_COLUMN, ATTEMPTS_COLUMN, EVENT_COLUMN, POSITION_COLUMN } from './event-columns.js';
import { facts } from './facts.js';
import { eventsJourneyCommand } from './journey.command.js';
import { nextPage } from './next-page.js';
import { checkUuid, choiceOption, countOption, dateOption, pageOption, textOption } from './options.js';
import { type CommandServices, withServices } from './services.js';
import { table } from './table.js';
import { visibleLine } from './terminal-text.js';
import { counted, timeText } from './texts.js';
import { unknownEvent } from './unknown-event.js';
import { WATCH_OPTION } from './watch.js';

const DEFAULT_PAGE = 50;

/** Searches the log, from the newest event to the oldest or the other way round. */
const eventsListCommand: Command = {
  name: 'events list',
  parameters: [],
  options: {
    event: { type: 'string', summary: 'only this event name; a trailing * matches the rest' },
    module: { type: 'string', summary: 'only events that this module published' },
    'aggregate-type': { type: 'string', summary: 'only this type of aggregate' },
    'aggregate-id': { type: 'string', summary: 'only this aggregate' },
    correlation: { type: 'string', summary: 'only events with this correlation id' },
    about: { type: 'string', summary: 'only this event name, id of an aggregate, or correlation id' },
    'payload-path': {
      type: 'string',
      summary: 'only events with --payload-value at this place of the payload: customer.id; needs --since',
    },
    'payload-value': { type: 'string', summary: 'the value there, as text' },
    since: { type: 'string', summary: 'only events written at this time or later' },
    until: { type: 'string', summary: 'only events written before this time' },
    limit: { type: 'string', summary: `how many, default ${DEFAULT_PAGE}` },
    order: { type: 'string', summary: `which come first: ${EVENT_ORDERS.join(', ')}; default latest` },
    before: {
      type: 'string',
      summary: 'only events at lower positions: the last line of a page prints where the next one begins',
    },
    after: { type: 'string', summary: 'only events at higher positions, with --order oldest' },
    ...WATCH_OPTION,
  },
  summary: 'search the log until the page is full, the log ends, or Ctrl-C',
  run: (context) => {
    const { options } = context;
    const filter = {
      eventName: textOption(options, 'event'),
      sourceModule: textOption(options, 'module'),
      aggregateType: textOption(options, 'aggregate-type'),
      aggregateId: textOption(options, 'aggregate-id'),
      correlationId: textOption(options, 'correlation'),
      about: textOption(options, 'about'),
      payloadPath: textOption(options, 'payload-path'),
      payloadValue: textOption(options, 'payload-value'),
      from: dateOption(options, 'since'),
      to: dateOption(options, 'until'),
    };
    const page = {
      limit: pageOption(options),
      order: choiceOption(options, 'order', EVENT_ORDERS),
      before: countOption(options, 'before'),
      after: countOption(options, 'after'),
    };
    return withServices(context, async ({ events }) => {
      const looked = ({ sentence }: SearchProgress) =>
        context.redraw(`Searching: ${sentence}. Ctrl-C stops.`);
      const found = await context
        .interruptible((signal) => events.searchOn(filter, page, { signal, looked }))
        .finally(() => context.redraw(undefined));
      const more = found.next === null ? [] : [furtherOf(context, page.order, found.next)];
      const isStopped = found.next !== null && found.items.length < (page.limit ?? DEFAULT_PAGE);
      const stopped = isStopped ? [`Stopped: ${found.progress.sentence}.`] : [];
      return { ok: true, data: { ...found }, text: [describeFound(found), ...stopped, ...more].join('\n') };
    });
  },
};

function furtherOf(context: CommandContext, order: EventOrder | undefined, next: number): string {
  return order === 'oldest'
    ? `Further on: ${nextPage(context, 'events list', { after: next })}`
    : `Further back: ${nextPage(context, 'events list', { before: next })}`;
}

function describeFound({ items, next }: EventSearchResult): string {
  if (items.length > 0) return eventTable(items);
  return next === null ? 'The log has no such event.' : 'No such event so far.';
}

/** What became of an event at one consumer. */
type DeliveryWithHistory = ExplainedDelivery & { history: ShownHistory; lines?: ShownLines[] };

/** Shows one event and what each consumer has done with it. */
const eventsShowCommand: Command = {
  name: 'events show',
  parameters: ['id'],
  options: {
    payload: { type: 'boolean', summary: 'show the payload as well, as the database has it' },
    lines: { type: 'boolean', summary: 'show what handlers logged in attempts, as the database has it' },
    ...WATCH_OPTION,
  },
  summary: 'show one event: what each consumer has done with it, and the attempts that failed',
  run: (context) => {
    const id = checkUuid(context.arguments[0] ?? '', '<id>');
    return withServices(context, async (services) => {
      const found = await find(services, id, context.options.payload === true);
      if (found === undefined) throw unknownEvent(id);
      const { event, metadata, payload } = found;
      const report = await reportOf(services, event, context.options.lines === true);
      return {
        ok: true,
        data: {
          event,
          metadata,
          status: report.status,
          consumers: report.consumers,
          leftOut: report.leftOut,
          ...(payload !== undefined && { payload }),
        },
        text: [
          describeEvent(event, report.status),
          deliveries(report.consumers),
          ...whys('Why not yet:', report.consumers),
          ...whys('These consumers never get it:', report.leftOut.items),
          ...report.consumers.flatMap(attempts),
          ...(payload === undefined ? [] : [`Payload:\n${payload}`]),
        ].join('\n\n'),
      };
    });
  },
};

/**
 * The payload is read only if it is asked for. It and the metadata are texts, so that numbers have every
 * digit.
 */
async function find(
  { events }: CommandServices,
  id: string,
  withPayload: boolean,
): Promise<{ event: EventHead; metadata: string; payload?: string } | undefined> {
  const found = await events.withMetadataText(id);
  if (found === undefined || !withPayload) return found;
  const { payload } = (await events.withPayloadText(id)) ?? {};
  return { ...found, ...(payload !== undefined && { payload }) };
}

async function reportOf(
  { admin }: CommandServices,
  event: EventHead,
  withLines: boolean,
): Promise<{
  status: OutboxEventStatusReport['status'];
  consumers: DeliveryWithHistory[];
  leftOut: LeftOutConsumers;
}> {
  const service = new WhyNotYetService(admin);
  const [report] = await service.reportsOf([event]);
  const attempts = new AttemptHistoryService(admin);
  const consumers: DeliveryWithHistory[] = [];
  for (const delivery of report?.consumers ?? []) {
    const of = [event.outboxEventId, delivery.consumerName] as const;
    const history = await attempts.historyOf(...of);
    const lines = withLines ? { lines: await attempts.linesOf(...of, asKept) } : {};
    consumers.push({ ...delivery, history, ...lines });
  }
  return { status: report?.status ?? 'unrouted', consumers, leftOut: await service.leftOut(event) };
}

function describeEvent(event: EventHead, status: OutboxEventStatusReport['status']): string {
  const { metadata, payloadBytes, availableAt } = event;
  const text = (value: unknown) => (value === undefined || value === null ? null : String(value));
  return facts([
    ['Event', event.outboxEventId],
    ['Name', `${event.eventName}, version ${event.eventVersion}`],
    ['Position', String(event.position)],
    ['Status', status],
    ['Aggregate', `${event.aggregateType} ${event.aggregateId}`],
    ['Module', event.sourceModule],
    ['Written', timeText(event.timestamp)],
    ['Not before', availableAt === null ? null : timeText(availableAt)],
    ['Correlation', text(metadata.correlationId)],
    ['Cause', text(metadata.causationId)],
    ['Key', event.deduplicationKey],
    ['Payload', payloadBytes === null ? null : counted(payloadBytes, 'byte')],
  ]);
}

function deliveries(consumers: readonly DeliveryWithHistory[]): string {
  if (consumers.length === 0) return 'No consumer asks for it.';
  return table(consumers, [
    { heading: 'CONSUMER', cell: ({ consumerName }) => consumerName },
    { heading: 'STATUS', cell: ({ status }) => status },
    ATTEMPTS_COLUMN,
    { heading: 'DUE', cell: ({ availableAt }) => timeText(availableAt) },
    { heading: 'ERROR', cell: ({ lastError }) => firstLine(lastError), cut: 1 },
  ]);
}

const MOST_WHYS = 20;

/** A sentence for each consumer that has one. Of very many, the first are enough for a terminal. */
function whys(
  title: string,
  consumers: readonly { consumerName: string; why: { sentence: string } | null }[],
): string[] {
  const said = consumers.flatMap(({ consumerName, why }) =>
    why === null ? [] : [`  ${visibleLine(consumerName)}: ${visibleLine(why.sentence)}`],
  );
  if (said.length === 0) return [];
  const others = said.length - MOST_WHYS;
  const more = others > 0 ? [`  and ${others} more: see --json`] : [];
  return [[title, ...said.slice(0, MOST_WHYS), ...more].join('\n')];
}

function attempts({ consumerName, history, lines: written = [] }: DeliveryWithHistory): string[] {
  const { attempts: failed, resolution, operationId } = history;
  const lines = [
    ...(failed.length === 0
      ? []
      : [
          `Attempts of "${consumerName}" that failed, at most the last ten:`,
          attemptTable(history),
          ...logged(written, failed),
        ]),
    ...(resolution === null
      ? []
      : [
          `Last decision at "${consumerName}": ${resolution.action} by ${visibleLine(resolution.by)} at ${timeText(new Date(resolution.at))}${resolution.reason === null ? '' : `: ${visibleLine(resolution.reason)}`}`,
        ]),
    ...(operationId === null ? [] : [`By operation ${operationId}`]),
  ];
  return lines.length === 0 ? [] : [lines.join('\n')];
}

/** A command shows lines as it shows payloads: as the database has them, since no mask is known to it. */
const asKept = (text: string) => text;

/** Shows the lines of the attempts. If they were not asked for, it names the attempts that have lines. */
function logged(
  written: readonly ShownLines[],
  failed: readonly { attempt: number; linesSentence: string | null }[],
): string[] {
  if (written.length > 0) return written.flatMap(linesOfAttempt);
  return failed.flatMap(({ attempt, linesSentence }) =>
    linesSentence === null ? [] : [`Attempt ${attempt}: ${linesSentence}: see --lines`],
  );
}

function linesOfAttempt({ attempt, sentence, lines }: ShownLines): string[] {
  if (sentence === null) return [];
  return [
    `Attempt ${attempt}: ${sentence}:`,
    ...lines.map(({ at, level, text }) => `  ${at} ${level.padEnd(7)} ${visibleLine(text)}`),
  ];
}

/** Attempts that failed alike are one row, with the facts of the last one. */
function attemptTable({ attempts, folds }: ShownHistory): string {
  const rows = folds.flatMap(({ first, last, sentence }) => {
    const attempt = attempts[last - 1];
    return attempt === undefined
      ? []
      : [{ ...attempt, which: first === last ? String(attempt.attempt) : sentence }];
  });
  return table(rows, [
    { heading: 'ATTEMPT', cell: ({ which }) => which },
    { heading: 'BEGAN', cell: ({ at }) => timeText(new Date(at)) },
    { heading: 'TOOK', cell: ({ ms }) => (ms === null ? '-' : `${Math.round(ms)} ms`) },
    {
      heading: 'PROCESS',
      cell: ({ host, pid, process }) => (host === null ? (process ?? '-') : `${host}:${pid}`),
      cut: 2,
    },
    { heading: 'ERROR', cell: ({ error }) => firstLine(error), cut: 1 },
  ]);
}

/** Shows two attempts of an event at one consumer beside each other. */
const eventsCompareCommand: Command = {
  name: 'events compare',
  parameters: ['id', 'consumer', 'first', 'second'],
  options: {},
  summary: 'compare two attempts that failed, by their places in the history: the oldest is 1',
  run: (context) => {
    const [id = '', consumer = '', ...given] = context.arguments;
    checkUuid(id, '<id>');
    const [first = 0, second = 0] = given.map(placeOf);
    return withServices(context, async ({ admin }) => {
      const found = await new AttemptHistoryService(admin).compare(id, consumer, [first, second], asKept);
      if (found === undefined)
        throw new IntegrationError(
          'INTEGRATION_INBOX_UNKNOWN',
          `"${consumer}" has no attempts ${first} and ${second} of event ${id} that failed and are kept`,
          { id, consumer, first, second },
        );
      return { ok: true, data: { ...found }, text: describeCompared(found) };
    });
  },
};

function placeOf(text: string): number {
  const place = Number(text);
  if (Number.isInteger(place) && place >= 1 && place <= ATTEMPTS_KEPT) return place;
  throw new UsageError(
    `<first> and <second> must be places from 1 to ${ATTEMPTS_KEPT}, not ${JSON.stringify(text)}`,
  );
}

const SIGNS = { both: ' ', first: '-', second: '+' } as const;

/** Only what differs has its lines, as a diff writes them. */
function describeCompared({ sentence, parts }: ComparedAttempts): string {
  const said = parts.map(({ name, differs, lines }) =>
    differs
      ? [`${name}:`, ...lines.map((line) => `  ${SIGNS[line.in]} ${visibleLine(line.text)}`)].join('\n')
      : `${name}: the same`,
  );
  return [sentence, ...said].join('\n\n');
}

/** Shows the events that belong together with one. */
const eventsChainCommand: Command = {
  name: 'events chain',
  parameters: ['id'],
  options: WATCH_OPTION,
  summary: 'show the events of the same correlation as this one, the oldest first',
  run: (context) => {
    const id = checkUuid(context.arguments[0] ?? '', '<id>');
    return withServices(context, async ({ events }) => {
      const chain = await events.chainOf(id);
      if (chain === undefined) throw unknownEvent(id);
      return { ok: true, data: { ...chain }, text: describeChain(chain) };
    });
  },
};

function describeChain({ correlationId, items, scannedFrom, scannedTo, hasMore }: EventChain): string {
  return [
    `Correlation ${visibleLine(correlationId)}`,
    '',
    eventTable(items),
    '',
    `Positions ${scannedFrom} to ${scannedTo} were looked at.${hasMore ? ` There are more than these ${items.length}.` : ''}`,
  ].join('\n');
}

/** Events of the log, one a line. */
function eventTable(events: readonly EventHead[]): string {
  return table(events, [
    POSITION_COLUMN,
    EVENT_COLUMN,
    AGGREGATE_COLUMN,
    { heading: 'WRITTEN', cell: ({ timestamp }) => timeText(timestamp) },
    { heading: 'ID', cell: ({ outboxEventId }) => outboxEventId },
  ]);
}

/** The commands of events, in the order of the usage. */
export const eventsCommands: readonly Command[] = [
  eventsListCommand,
  eventsShowCommand,
  eventsCompareCommand,
  eventsChainCommand,
  eventsJourneyCommand,
];
