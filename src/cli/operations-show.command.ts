import type { Operation, OperationVerdict } from '../changes/operations/operation.js';
import type { Command } from './command.js';
import { facts } from './facts.js';
import { filterText, leftOutLines, partsTable, progressText } from './operation-texts.js';
import { checkUuid } from './options.js';
import { placeText } from './replay-texts.js';
import { withServices } from './services.js';
import { timeText } from './texts.js';
import { WATCH_OPTION } from './watch.js';

/** Shows how far an operation has come, and what became of its events. */
export const operationsShowCommand: Command = {
  name: 'operations show',
  parameters: ['id'],
  options: WATCH_OPTION,
  summary: 'show how far an operation has come, and what became of its events',
  run: (context) => {
    const id = checkUuid(context.arguments[0] ?? '', '<id>');
    return withServices(context, async ({ operations }) => {
      const operation = await operations.get(id);
      const verdict = await operations.verdict(id);
      return {
        ok: true,
        data: { operation, verdict },
        text: describe(operation, verdict),
        isLast: operation.finishedAt !== null && verdict.pending === 0,
      };
    });
  },
};

function describe(operation: Operation, verdict: OperationVerdict): string {
  const { rate, stopAfter, maxEvents, cancelledBy } = operation;
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
  ].join('\n\n');
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

/** Most events of a replay have not failed before, so there is no way to compare theirs with. */
function failuresOf(kind: Operation['kind'], theSameWay: number, otherwise: number): [string, string][] {
  if (kind === 'replay') return [['  failed', String(theSameWay + otherwise)]];
  return [
    ['  failed in the same way', String(theSameWay)],
    ['  failed otherwise', String(otherwise)],
  ];
}
