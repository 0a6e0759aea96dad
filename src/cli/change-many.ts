import type { OneEventFilter } from '../changes/chosen/inbox-admin.store.js';
import type { OperationFilter } from '../changes/chosen/operation-filter.js';
import type { Operation, OperationRequest, PartOperationRequest } from '../changes/operations/operation.js';
import { checkKindsWereSeen, checkPlanHolds } from '../changes/operations/operation-checks.js';
import type { PlannedEvents } from '../changes/operations/operation-plan.store.js';
import { authorOf } from './author.js';
import type { CommandContext, CommandOption, CommandResult } from './command.js';
import { isDryRun, wouldDo } from './dry-run.js';
import {
  type FollowEnd,
  followOperation,
  hindranceOf,
  hindranceText,
  type OperationServices,
} from './follow-operation.js';
import { leftOutLines, partsTable } from './operation-texts.js';
import { countOption } from './options.js';
import { countedAtLeast, hint } from './texts.js';

/** Options of commands that start a stored operation. */
export const OPERATION_OPTIONS: Readonly<Record<string, CommandOption>> = {
  rate: { type: 'string', summary: 'the largest number of events a second' },
  detach: { type: 'boolean', summary: 'do not wait until all is done' },
};

/** A change of events that the options choose. */
export interface ManyChanged {
  readonly request:
    | Pick<OperationRequest, 'kind' | 'filter' | 'states' | 'maxEvents' | 'stopAfter' | 'stopAbovePercent'>
    | Pick<PartOperationRequest, 'kind' | 'filter' | 'maxEvents'>;
  /** The field of the result that has the number of events. */
  readonly field: 'redriven' | 'discarded' | 'replayed';
  /** More of the result. */
  readonly data?: Record<string, unknown>;
  /** What would happen to this number of events, or to more if that is where counting has stopped. */
  would(events: number, isAtLeast: boolean): string;
  /** What has happened to this number of events. */
  done(events: number): string;
  /** What is said when an operation is done and has not changed this number of the counted events. */
  lacking?(events: number): string;
  /** Changes one event of one consumer at once. A replay is always an operation. */
  one?(event: OneEventFilter): Promise<boolean>;
}

/**
 * Changes an event that is named at once, and more as a stored operation: it counts, asks, starts the
 * operation and shows how far it is.
 */
export async function changeMany(
  context: CommandContext,
  services: OperationServices,
  change: ManyChanged,
): Promise<CommandResult> {
  const { request, field } = change;
  const rate = countOption(context.options, 'rate');
  // The kind and the filter of the request belong together, which a spread of several kinds does not show.
  const asked = { ...request, rate, ...authorOf(context) } as OperationRequest | PartOperationRequest;
  const counted = await services.operations.count(asked);
  // A replay is for one consumer, and has no kinds of failures.
  const found = request.kind === 'replay' ? { ...counted, parts: [] } : counted;
  const would = change.would(found.events, found.isAtLeast);
  if (isDryRun(context))
    return wouldDo([would, ...partsTable(found.parts), ...leftOutLines(found.leftOut)].join('\n'), {
      ...change.data,
      ...found,
    });
  for (const line of leftOutLines(found.leftOut)) context.remark(line);
  if (found.parts.length > 1) for (const part of partsTable(found.parts)) context.progress(part);
  const countedAt = performance.now();
  const isNothing = found.events === 0 && !found.isAtLeast;
  await context.confirm(async () => (isNothing ? undefined : would));
  const named = change.one && namedEvent(request.filter as OperationFilter, found);
  if (change.one !== undefined && named !== undefined) {
    const changed = (await change.one(named)) ? 1 : 0;
    return { ok: true, data: { ...change.data, [field]: changed }, text: change.done(changed) };
  }
  if (isNothing) return { ok: true, data: { ...change.data, [field]: 0 }, text: change.done(0) };
  const plan = await services.operations.plan(asked);
  checkIsWhatWasSaid(plan, found, performance.now() - countedAt);
  const start = () => services.operations.run(plan.id, authorOf(context));
  if (context.options.detach === true) return detached(context, services, change, await start());
  // Who is interrupted while the operation starts is told as well that it goes on.
  return context.interruptible(async (signal) =>
    carriedOut(context, services, change, await start(), signal),
  );
}

/** The one event that the filter names, of the one consumer where it was found. */
function namedEvent(
  { position, outboxEventId, outboxEventIds, errorFingerprint }: OperationFilter,
  { events, parts: [part] }: PlannedEvents,
): OneEventFilter | undefined {
  const id = outboxEventId ?? (outboxEventIds?.length === 1 ? outboxEventIds[0] : undefined);
  if (events !== 1 || part === undefined || (id === undefined && position === undefined)) return undefined;
  return { consumerName: part.consumerName, position, outboxEventId: id, errorFingerprint };
}

/** The answer to the question was about these counts. */
function checkIsWhatWasSaid(plan: Operation, found: PlannedEvents, ageMs: number): void {
  checkPlanHolds(
    { ...plan, plannedEvents: found.events, plannedAtLeast: found.isAtLeast },
    { ageMs, events: plan.plannedEvents },
  );
  checkKindsWereSeen(plan, found.kinds);
}

async function detached(
  context: CommandContext,
  services: OperationServices,
  { data, field }: ManyChanged,
  operation: Operation,
): Promise<CommandResult> {
  const hindered = await hindranceOf(services, operation);
  const hindrance = hindered === undefined ? [] : [hindranceText(operation, hindered)];
  return {
    ok: true,
    data: { ...data, [field]: operation.changed, operation },
    text: [
      `Operation ${operation.id} is started with ${countedAtLeast(operation.plannedEvents, operation.plannedAtLeast, 'event')}.`,
      ...hindrance,
      ...waysOn(context, operation, hindered),
    ].join('\n'),
  };
}

async function carriedOut(
  context: CommandContext,
  services: OperationServices,
  change: ManyChanged,
  begun: Operation,
  signal: AbortSignal,
): Promise<CommandResult> {
  const { end, operation } = await followOperation(context, services, begun, signal);
  const { id, state, changed, error, cancelledBy } = operation;
  const data = { ...change.data, [change.field]: changed, operation };
  const notYet = (why: string): CommandResult => ({
    ok: false,
    data: { ...data, left: end },
    text: [why, ...waysOn(context, operation, end)].join('\n'),
  });
  switch (end) {
    case 'interrupted':
      return notYet(`Operation ${id} goes on without this command. So far: ${change.done(changed)}`);
    case 'nobody':
    case 'paused':
      return notYet(`${hindranceText(operation, end)} So far: ${change.done(changed)}`);
    case 'ended':
      return {
        ok: state === 'done',
        data,
        text: [
          change.done(changed),
          ...lackingOf(change, operation),
          ...(state === 'cancelled' ? [`Operation ${id} was cancelled by ${cancelledBy}.`] : []),
          ...(state === 'failed' ? [`${error}.`] : []),
          ...outcomesOf(context, operation),
        ].join('\n'),
      };
  }
}

function lackingOf(
  { lacking }: ManyChanged,
  { state, changed, plannedEvents, plannedAtLeast }: Operation,
): string[] {
  const events = plannedEvents - changed;
  return lacking === undefined || state !== 'done' || plannedAtLeast || events <= 0 ? [] : [lacking(events)];
}

function waysOn(context: CommandContext, { id, filter }: Operation, end?: FollowEnd): string[] {
  const { consumerName = '' } = filter;
  return [
    ...(end === 'paused'
      ? [`Resume the consumer: ${hint(context, 'consumers resume', [consumerName])}`]
      : []),
    `Look at it: ${hint(context, 'operations show', [id])} --watch`,
    `Stop it:    ${hint(context, 'operations cancel', [id])}`,
  ];
}

function outcomesOf(context: CommandContext, { kind, id }: Operation): string[] {
  return kind !== 'discard' ? [`What becomes of them: ${hint(context, 'operations show', [id])}`] : [];
}
