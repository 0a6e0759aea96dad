import { AUTHOR_FIELDS, type ChangeAuthor } from '../../audit/change-author.js';
import { IntegrationError } from '../../errors.js';
import {
  checkCount,
  checkNames,
  checkUuid,
  invalidArgument as invalid,
} from '../../events/argument-checks.js';
import { checkFilter } from '../../inbox/filter-checks.js';
import { checkReason, checkStatesOfMany } from '../admin-checks.js';
import {
  OPERATION_KINDS,
  OPERATION_STATES,
  type Operation,
  type OperationRequest,
  type OperationState,
} from './operation.js';
import { checkReplayRequest } from './operation-replay.js';

const MOST_EVENTS_A_SECOND = 100_000;
/** Milliseconds. Someone who looks at a plan for longer looks at an old picture. */
const PLAN_HOLDS_MS = 10 * 60_000;
/** A plan may grow by a tenth before somebody has to look at it again. */
export const PLAN_GROWTH = 1.1;

export function checkRequest(request: OperationRequest): void {
  checkNames('a field of an operation', request, [
    'kind',
    'filter',
    'states',
    'replay',
    'maxEvents',
    'rate',
    'stopAfter',
    ...AUTHOR_FIELDS,
  ]);
  const { kind, filter, states, maxEvents, rate, stopAfter, reason } = request;
  if (!OPERATION_KINDS.includes(kind))
    throw invalid(`kind must be one of ${OPERATION_KINDS.join(', ')}`, { field: 'kind' });
  if (typeof filter !== 'object' || filter === null)
    throw invalid('filter must be an object that says which events', { field: 'filter' });
  checkFilter(filter);
  if (kind === 'replay') checkReplayRequest(request);
  else if (request.replay !== undefined)
    throw invalid('replay is only for the kind "replay": other kinds choose events by filter', {
      field: 'replay',
    });
  const isBounded = kind === 'redrive' && maxEvents !== undefined;
  if (!isBounded && Object.values(filter).every((value) => value === undefined))
    throw invalid('Say which events: a consumer, an event name, an aggregate, or an error fingerprint', {
      field: 'filter',
    });
  // Somebody who only wants to know the counts need not say why yet.
  if (kind === 'discard' && reason !== undefined) checkReason(filter, reason);
  if (states !== undefined && kind !== 'discard')
    throw invalid(
      'states is only for the kind "discard": a redrive takes dead letters and events that failed for good',
      {
        field: 'states',
      },
    );
  checkStatesOfMany(states ?? []);
  if (states?.length === 0)
    throw invalid('states is empty: leave it out for all of them', { field: 'states' });
  if (maxEvents !== undefined) checkCount('maxEvents', maxEvents);
  if (rate !== undefined) checkCount('rate', rate, MOST_EVENTS_A_SECOND);
  if (stopAfter !== undefined) checkCount('stopAfter', stopAfter, 1_000_000);
  if (stopAfter !== undefined && kind === 'discard')
    throw invalid('stopAfter is of a redrive or a replay: a discarded event cannot fail', {
      field: 'stopAfter',
    });
}

/** A discard needs a reason, of its plan or of its run. */
export function checkReasonOfRun({ kind, filter, reason }: Operation, author: ChangeAuthor): void {
  if (kind === 'discard' && reason === null) checkReason(filter, author.reason ?? '');
}

export function checkState(state: unknown): void {
  if (state === undefined || OPERATION_STATES.includes(state as OperationState)) return;
  throw invalid(`state must be one of ${OPERATION_STATES.join(', ')}`, { field: 'state' });
}

export function checkId(id: unknown): void {
  if (id === undefined) throw invalid('Give the id of an operation', { field: 'id' });
  checkUuid('id', id);
}

export function unknownOperation(id: string): IntegrationError {
  return new IntegrationError(
    'INTEGRATION_OPERATION_UNKNOWN',
    `There is no operation ${id}: OperationService.list() shows those there are`,
    { id },
  );
}

/** Refuses to run an operation that is not planned, or whose plan shows another picture than today's. */
export function checkPlanHolds(operation: Operation, now: { ageMs: number; events: number }): void {
  if (operation.state !== 'planned')
    throw refused(operation, `it is ${operation.state}: plan another one to do the same again`);
  if (now.ageMs > PLAN_HOLDS_MS)
    throw refused(operation, 'its plan is older than ten minutes: plan it again and look at the counts');
  if (!operation.plannedAtLeast && now.events > operation.plannedEvents * PLAN_GROWTH)
    throw refused(
      operation,
      `the plan had ${operation.plannedEvents} events, and there are ${now.events} now: plan it again and look at the counts`,
    );
}

/** Refuses a plan with kinds of failures that the counts which somebody looked at did not have. */
export function checkKindsWereSeen(operation: Operation, seen: readonly (string | null)[] | undefined): void {
  const unseen = operation.parts.find(({ fingerprint }) => seen !== undefined && !seen.includes(fingerprint));
  if (unseen !== undefined)
    throw refused(
      operation,
      'another kind of failure has come since the events were counted: look at the counts again',
    );
}

export function notCancellable(operation: Operation): IntegrationError {
  return refused(operation, `it has ended already: it is ${operation.state}`);
}

function refused({ id, state }: Operation, why: string): IntegrationError {
  return new IntegrationError('INTEGRATION_OPERATION_REFUSED', `Operation ${id}: ${why}`, { id, state });
}
