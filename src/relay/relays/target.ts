import { NonRetryableError } from '../../errors.js';
import type { DomainEvent } from '../../events/domain-event.js';
import type { RelayMessage } from './relay-message.js';

/** Where a message goes: the same place for all events, or a function of the event. */
export type Target = string | ((event: DomainEvent) => string);

/** What is wrong with a place at this broker. Undefined if nothing is. */
type ProblemOf = (place: unknown) => string | undefined;

/** The place of all messages. None if it depends on the event. */
export function addressesOf(target: unknown): readonly string[] {
  return typeof target === 'string' ? [target] : [];
}

/** What is wrong with a place that is the same for all events, or with its type. */
export function problemsOfTarget(option: string, target: unknown, problemOf: ProblemOf): string[] {
  if (typeof target === 'function') return [];
  if (target === undefined) return [`${option} is missing`];
  const problem = problemOf(target);
  return problem === undefined ? [] : [`${option} ${problem}`];
}

/** @throws NonRetryableError for a place that this broker does not have; what the function throws */
export function placeOf(
  option: string,
  target: Target,
  message: Pick<RelayMessage, 'event'>,
  problemOf: ProblemOf,
): string {
  if (typeof target === 'string') return target;
  const place: unknown = target(message.event);
  const problem = problemOf(place);
  if (problem !== undefined)
    throw new NonRetryableError(`${option} returned a place that cannot be: it ${problem}`);
  return place as string;
}
