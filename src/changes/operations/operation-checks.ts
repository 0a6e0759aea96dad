import { AUTHOR_FIELDS, type ChangeAuthor } from '../../audit/change-author.js';
import { IntegrationError } from '../../errors.js';
import {
  checkChoice,
  checkCount,
  checkNames,
  checkUuid,
  invalidArgument as invalid,
} from '../../words/argument-checks.js';
import { checkReason } from '../chosen/row-checks.js';
import type { Operation, OperationRequest } from './operation.js';

const MOST_EVENTS_A_SECOND = 100_000;
/** Milliseconds. Someone who looks at a plan for longer looks at an old picture. */
const PLAN_HOLDS_MS = 10 * 60_000;
/** A plan may grow by a tenth before somebody has to look at it again. */
export const PLAN_GROWTH = 1.1;

/** Checks what is common to all kinds. The kind checks the rest. */
export function checkRequest(request: OperationRequest, kinds: readonly string[]): void {
  checkNames('a field of an operation', request, [
    'kind',
    'filter',
    'states',
    'maxEvents',
    'rate',
    'stopAfter',
    'stopAbovePercent',
    ...AUTHOR_FIELDS,
  ]);
  const { kind, filter, maxEvents, rate, stopAfter, stopAbovePercent } = request;
  checkChoice('kind', kind, kinds);
  if (typeof filter !== 'object' || filter === null)
    throw invalid('filter must be an object that says which events', { field: 'filter' });
  if (maxEvents !== undefined) checkCount('maxEvents', maxEvents);
  if (rate !== undefined) checkRate(rate);
  if (stopAfter !== undefined) checkCount('stopAfter', stopAfter, 1_000_000);
  if (stopAbovePercent !== undefined) checkCount('stopAbovePercent', stopAbovePercent, 99);
}

export function checkRate(rate: number): void {
  checkCount('rate', rate, MOST_EVENTS_A_SECOND);
}

/** A discard needs a reason, of its plan or of its run. */
export function checkReasonOfRun({ kind, filter, reason }: Operation, author: ChangeAuthor): void {
  if (kind === 'discard' && reason === null) checkReason(filter, author.reason ?? '');
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

/** Says why an operation cannot be paused, resumed, or worked off at another rate. */
export function notPossible(operation: Operation, what: 'pause' | 'resume' | 'rate'): IntegrationError {
  const words = {
    pause: 'only one that runs is paused',
    resume: 'only one that is paused is resumed',
    rate: 'it has ended',
  };
  return refused(operation, `${words[what]}: it is ${operation.state}`);
}

function refused({ id, state }: Operation, why: string): IntegrationError {
  return new IntegrationError('INTEGRATION_OPERATION_REFUSED', `Operation ${id}: ${why}`, { id, state });
}
