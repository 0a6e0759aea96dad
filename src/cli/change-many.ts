import type { Choice } from '../consumers/inbox-admin.store.js';
import type { Operation, OperationRequest } from '../consumers/operations/operation.js';
import { checkPlanHolds } from '../consumers/operations/operation-checks.js';
import { OperationPlanStore, type PlannedEvents } from '../consumers/operations/operation-plan.store.js';
import { authorOf } from './author.js';
import type { CommandContext, CommandOption, CommandResult } from './command.js';
import { isDryRun, wouldDo } from './dry-run.js';
import { followOperation, isSomebodyThere } from './follow-operation.js';
import { partsTable } from './operation-texts.js';
import { countOption } from './options.js';
import type { CommandServices } from './services.js';
import { hint } from './texts.js';

const NOBODY =
  'No process runs consumers at the moment, so nothing takes the operation up. The next one that starts does.';

/** Options of commands that start a stored operation. */
export const OPERATION_OPTIONS: Readonly<Record<string, CommandOption>> = {
  rate: { type: 'string', summary: 'at most so many events a second' },
  detach: { type: 'boolean', summary: 'do not wait until all is done' },
};

/** A change of events that the options choose. */
export interface ManyChanged {
  readonly request: Pick<OperationRequest, 'kind' | 'filter' | 'states' | 'maxEvents' | 'stopAfter'>;
  readonly choice: Choice;
  /** The field of the result that has the number of events. */
  readonly field: 'redriven' | 'discarded';
  /** More of the result. */
  readonly data?: Record<string, unknown>;
  /** What would happen to this number of events. */
  would(events: number): string;
  /** Whether somebody has to be asked about this number of events. */
  isAsked(events: number): boolean;
  /** What has happened to this number of events. */
  done(events: number): string;
  /** Changes what there is at once. It is for a single event. */
  atOnce(): Promise<number>;
}

/**
 * Changes one event at once, and more as a stored operation: it counts, asks, starts the operation and shows
 * how far it is.
 */
export async function changeMany(
  context: CommandContext,
  services: CommandServices,
  change: ManyChanged,
): Promise<CommandResult> {
  const { request, field } = change;
  const rate = countOption(context.options, 'rate');
  const found = await new OperationPlanStore(services.admin).count(
    request.filter,
    change.choice,
    request.maxEvents,
  );
  if (isDryRun(context))
    return wouldDo([change.would(found.events), ...partsTable(found.parts)].join('\n'), {
      ...change.data,
      ...found,
    });
  if (found.parts.length > 1) for (const part of partsTable(found.parts)) context.progress(part);
  const countedAt = performance.now();
  await context.confirm(async () => (change.isAsked(found.events) ? change.would(found.events) : undefined));
  if (found.events <= 1 || isAsBefore(context)) {
    const changed = await change.atOnce();
    return { ok: true, data: { ...change.data, [field]: changed }, text: change.done(changed) };
  }
  const plan = await services.operations.plan({ ...request, rate, ...authorOf(context) });
  checkIsWhatWasSaid(plan, found, performance.now() - countedAt);
  const begun = await services.operations.run(plan.id, authorOf(context));
  return context.options.detach === true
    ? detached(context, services, change, begun)
    : carriedOut(context, services, change, begun);
}

/**
 * Words of earlier versions change everything before they end, as they always did: scripts rely on that. It
 * is not so if options are given that only operations have.
 */
function isAsBefore({ isFormerCall, options }: CommandContext): boolean {
  return isFormerCall && ['rate', 'stop-after', 'detach'].every((name) => options[name] === undefined);
}

/** The answer to the question was about these counts. */
function checkIsWhatWasSaid(plan: Operation, found: PlannedEvents, ageMs: number): void {
  checkPlanHolds(
    { ...plan, plannedEvents: found.events, plannedAtLeast: found.isAtLeast },
    { ageMs, events: plan.plannedEvents },
  );
}

async function detached(
  context: CommandContext,
  services: CommandServices,
  { data, field }: ManyChanged,
  operation: Operation,
): Promise<CommandResult> {
  return {
    ok: true,
    data: { ...data, [field]: operation.changed, operation },
    text: [
      `Operation ${operation.id} is started with ${operation.plannedEvents} events.`,
      ...((await isSomebodyThere(services)) ? [] : [NOBODY]),
      ...waysOn(context, operation),
    ].join('\n'),
  };
}

async function carriedOut(
  context: CommandContext,
  services: CommandServices,
  change: ManyChanged,
  begun: Operation,
): Promise<CommandResult> {
  const { end, operation } = await followOperation(context, services, begun);
  const { id, state, changed, error, cancelledBy } = operation;
  const data = { ...change.data, [change.field]: changed, operation };
  const notYet = (why: string): CommandResult => ({
    ok: false,
    data: { ...data, left: end },
    text: [why, ...waysOn(context, operation)].join('\n'),
  });
  switch (end) {
    case 'interrupted':
      return notYet(`Operation ${id} goes on without this command. So far: ${change.done(changed)}`);
    case 'nobody':
      return notYet(`${NOBODY} So far: ${change.done(changed)}`);
    case 'ended':
      return {
        ok: state === 'done',
        data,
        text: [
          change.done(changed),
          ...(state === 'cancelled' ? [`Operation ${id} was cancelled by ${cancelledBy}.`] : []),
          ...(state === 'failed' ? [`${error}.`] : []),
          ...outcomesOf(context, operation),
        ].join('\n'),
      };
  }
}

function waysOn(context: CommandContext, { id }: Operation): string[] {
  return [
    `Look at it: ${hint(context, 'operations show', [id])} --watch`,
    `Stop it:    ${hint(context, 'operations cancel', [id])}`,
  ];
}

function outcomesOf(context: CommandContext, { kind, id }: Operation): string[] {
  return kind === 'redrive' ? [`What becomes of them: ${hint(context, 'operations show', [id])}`] : [];
}
