import type { StoredFilter } from '../changes/chosen/operation-filter.js';
import {
  OPERATION_ORDERS,
  OPERATION_STATES,
  type Operation,
  type OperationVerdict,
} from '../changes/operations/operation.js';
import { notCancellable } from '../changes/operations/operation-checks.js';
import type { OperationOutlook } from '../changes/operations/outlook.js';
import { durationText } from '../words/duration-text.js';
import { authorOf, CHANGE_OPTIONS } from './author.js';
import type { Command, CommandContext, CommandResult } from './command.js';
import { saidFirst } from './dry-run.js';
import { facts } from './facts.js';
import { nextPage } from './next-page.js';
import { leftOutLines, partsTable, placeText, progressText } from './operation-texts.js';
import { checkUuid, choiceOption, countOption, pageOption, textOption } from './options.js';
import { type CommandServices, withServices } from './services.js';
import { table } from './table.js';
import { counted, timeText } from './texts.js';
import { WATCH_OPTION } from './watch.js';

/** Shows stored operations. */
const operationsListCommand: Command = {
  name: 'operations list',
  parameters: [],
  options: {
    state: { type: 'string', summary: `only those that are ${OPERATION_STATES.join(', ')}` },
    order: { type: 'string', summary: `which come first: ${OPERATION_ORDERS.join(', ')}; default latest` },
    limit: { type: 'string', summary: 'how many, default 50' },
    after: { type: 'string', summary: 'where the next page begins: the last line of a page prints it' },
    ...WATCH_OPTION,
  },
  summary: 'show redrives, discards and replays of many events',
  run: (context) => {
    const { options } = context;
    const page = {
      state: choiceOption(options, 'state', OPERATION_STATES),
      order: choiceOption(options, 'order', OPERATION_ORDERS),
      limit: pageOption(options),
      after: textOption(options, 'after'),
    };
    return withServices(context, async (services) => {
      const { operations, next } = await services.operations.list(page);
      const more = next === null ? [] : [`More: ${nextPage(context, 'operations list', { after: next })}`];
      return { ok: true, data: { operations, next }, text: [describePage(operations), ...more].join('\n') };
    });
  },
};

function describePage(operations: readonly Operation[]): string {
  if (operations.length === 0) return 'There is no such operation.';
  return table(operations, [
    { heading: 'ID', cell: ({ id }) => id },
    { heading: 'KIND', cell: ({ kind }) => kind },
    { heading: 'STATE', cell: ({ state }) => state },
    { heading: 'EVENTS', cell: progressText },
    { heading: 'CREATED', cell: ({ createdAt }) => timeText(createdAt) },
    { heading: 'BY', cell: ({ requestedBy }) => requestedBy, cut: 1 },
  ]);
}

/** Shows how far an operation has come, and what became of its events. */
const operationsShowCommand: Command = {
  name: 'operations show',
  parameters: ['id'],
  options: WATCH_OPTION,
  summary: 'show how far an operation has come, and what became of its events',
  run: (context) => {
    const id = checkUuid(context.arguments[0] ?? '', '<id>');
    return withServices(context, async ({ operations }) => {
      const operation = await operations.get(id);
      const verdict = await operations.verdict(id);
      const outlook = operations.outlook(operation, verdict);
      return {
        ok: true,
        data: { operation, verdict, ...outlook },
        text: describeOne(operation, verdict, outlook),
        isLast: operation.finishedAt !== null && verdict.pending === 0,
      };
    });
  },
};

function describeOne(
  operation: Operation,
  verdict: OperationVerdict,
  { sentence, secondsLeft }: OperationOutlook,
): string {
  const { rate, stopAfter, stopAbovePercent, maxEvents, cancelledBy } = operation;
  const about = facts([
    ['Operation', operation.id],
    ['Kind', operation.kind],
    ['State', cancelledBy === null ? operation.state : `${operation.state} by ${cancelledBy}`],
    ['Error', operation.error],
    ['Events', `${progressText(operation)}${placeText(operation)}`],
    ['Chosen by', filterText(operation)],
    ['At most', maxEvents === null ? null : String(maxEvents)],
    ['Rate', rate === null ? null : `${rate} a second`],
    [
      'Stops after',
      stopAfter === null
        ? null
        : `${stopAfter} that ${operation.kind === 'replay' ? 'failed' : 'failed again'}`,
    ],
    ['Stops above', stopAbovePercent === null ? null : `${stopAbovePercent} percent that failed again`],
    ['Time left', secondsLeft === null ? null : `about ${durationText(secondsLeft * 1_000)}`],
    ['By', operation.requestedBy],
    ['Reason', operation.reason],
    ['Created', timeText(operation.createdAt)],
    ['Started', operation.startedAt && timeText(operation.startedAt)],
    ['Progressed', operation.progressedAt && timeText(operation.progressedAt)],
    ['Finished', operation.finishedAt && timeText(operation.finishedAt)],
  ]);
  const leftOut = leftOutLines(operation.leftOut);
  return [
    about,
    ...partsTable(operation.parts),
    ...(leftOut.length === 0 ? [] : [leftOut.join('\n')]),
    ...(operation.kind !== 'discard' ? [verdictText(operation, verdict)] : []),
    ...(sentence === null ? [] : [sentence]),
  ].join('\n\n');
}

const FILTER_WORDS: Readonly<Record<keyof StoredFilter, string>> = {
  consumerName: 'consumer',
  eventName: 'event',
  eventNames: 'events',
  aggregateType: 'aggregate type',
  aggregateId: 'aggregate id',
  outboxEventId: 'event id',
  outboxEventIds: 'events that were named',
  position: 'position',
  errorFingerprint: 'fingerprint',
  since: 'since',
  until: 'until',
  from: 'from position',
  to: 'to position',
};

function filterText({
  filter,
  states,
  chosenEvents,
}: Pick<Operation, 'filter' | 'states' | 'chosenEvents'>): string {
  const parts = Object.entries(FILTER_WORDS).flatMap(([field, word]) => {
    const value = filter[field as keyof StoredFilter];
    return value === undefined || field === 'outboxEventIds'
      ? []
      : [`${word} ${Array.isArray(value) ? value.join(', ') : value}`];
  });
  if (chosenEvents !== null) parts.push(`${counted(chosenEvents, 'event')} named one by one`);
  if (states !== null) parts.push(`state ${states.join(' or ')}`);
  return parts.length === 0 ? 'everything' : parts.join(', ');
}

function verdictText({ kind }: Operation, verdict: OperationVerdict): string {
  const { succeeded, failedTheSameWay, failedOtherwise, pending, isPartial } = verdict;
  return [
    `What became of them${isPartial ? ' (of the first 10,000)' : ''}:`,
    facts([
      ['  succeeded', String(succeeded)],
      ...failuresOf(kind, failedTheSameWay, failedOtherwise),
      ['  not known yet', String(pending)],
    ]),
  ].join('\n');
}

/** Only a redrive knows how each event had failed before. */
function failuresOf(kind: Operation['kind'], theSameWay: number, otherwise: number): [string, string][] {
  if (kind !== 'redrive') return [['  failed', String(theSameWay + otherwise)]];
  return [
    ['  failed in the same way', String(theSameWay)],
    ['  failed otherwise', String(otherwise)],
  ];
}

/** What a cancellation does not take back. */
const stays = (kind: string) =>
  kind === 'replay'
    ? 'What it has sent again would be delivered.'
    : 'What it has changed would stay changed.';

/** Stops an operation. What it has changed stays changed. */
const operationsCancelCommand: Command = {
  name: 'operations cancel',
  parameters: ['id'],
  options: CHANGE_OPTIONS,
  summary: 'stop an operation; what it has changed stays changed',
  run: (context) => {
    const id = checkUuid(context.arguments[0] ?? '', '<id>');
    return withServices(context, async ({ operations }) => {
      const dry = await saidFirst(context, async () => {
        const operation = await operations.get(id);
        if (operation.finishedAt !== null) throw notCancellable(operation);
        return {
          what: `Operation ${id} (${operation.kind}, ${progressText(operation)} events) would be cancelled. ${stays(operation.kind)}`,
          data: { operation },
        };
      });
      if (dry !== undefined) return dry;
      const operation = await operations.cancel(id, authorOf(context));
      return {
        ok: true,
        data: { operation },
        text:
          operation.kind === 'replay'
            ? `Operation ${id} is cancelled. It has sent ${progressText(operation)} events again, and they are delivered.`
            : `Operation ${id} is cancelled. It has changed ${progressText(operation)} events, and they stay changed.`,
      };
    });
  },
};

/** Holds an operation. What it has sent is delivered. */
const operationsPauseCommand: Command = {
  name: 'operations pause',
  parameters: ['id'],
  options: CHANGE_OPTIONS,
  summary: 'hold an operation until it is resumed',
  run: (context) =>
    changeRunning(context, {
      would: 'would be paused',
      done: 'is paused',
      change: ({ operations }, id) => operations.pause(id, authorOf(context)),
    }),
};

/** Goes on with an operation that is paused. */
const operationsResumeCommand: Command = {
  name: 'operations resume',
  parameters: ['id'],
  options: CHANGE_OPTIONS,
  summary: 'go on with an operation that is paused',
  run: (context) =>
    changeRunning(context, {
      would: 'would go on',
      done: 'goes on',
      change: ({ operations }, id) => operations.resume(id, authorOf(context)),
    }),
};

/** Changes the rate of an operation, also while it runs. */
const operationsRateCommand: Command = {
  name: 'operations rate',
  parameters: ['id'],
  options: {
    rate: { type: 'string', summary: 'the largest number of events a second; without it there is no limit' },
    ...CHANGE_OPTIONS,
  },
  summary: 'change how many events a second an operation sends, also while it runs',
  run: (context) => {
    const rate = countOption(context.options, 'rate') ?? null;
    const words = rate === null ? 'without a limit' : `at most ${rate} a second`;
    return changeRunning(context, {
      would: `would send ${words}`,
      done: `sends ${words}`,
      change: ({ operations }, id) => operations.changeRate(id, rate, authorOf(context)),
    });
  },
};

/** Changes an operation that goes on, or says what would change. */
function changeRunning(
  context: CommandContext,
  {
    would,
    done,
    change,
  }: {
    readonly would: string;
    readonly done: string;
    change(services: CommandServices, id: string): Promise<Operation>;
  },
): Promise<CommandResult> {
  const id = checkUuid(context.arguments[0] ?? '', '<id>');
  return withServices(context, async (services) => {
    const dry = await saidFirst(context, async () => {
      const operation = await services.operations.get(id);
      if (operation.finishedAt !== null) throw notCancellable(operation);
      const what = `Operation ${id} (${operation.kind}, ${progressText(operation)} events) ${would}.`;
      return { what, data: { operation } };
    });
    if (dry !== undefined) return dry;
    const operation = await change(services, id);
    return {
      ok: true,
      data: { operation },
      text: `Operation ${id} ${done}. So far: ${progressText(operation)} events.`,
    };
  });
}

/** The commands of operations, in the order of the usage. */
export const operationsCommands: readonly Command[] = [
  operationsListCommand,
  operationsShowCommand,
  operationsPauseCommand,
  operationsResumeCommand,
  operationsRateCommand,
  operationsCancelCommand,
];
