import type { DomainEvent } from '../../events/domain-event.js';
import type { EventGate } from '../../events/event-gate.js';
import type { Attempt } from '../partition/attempt.js';

/** What the handler of an attempt gets: its event, or the events of its batch. */
export function inputOf(attempt: Attempt, { delivering }: EventGate): DomainEvent | DomainEvent[] {
  const { delivery } = attempt;
  const input = attempt.isBatch ? attempt.toEvents() : delivery.toEvent();
  if (delivering === undefined) return input;
  const isText = delivery.subscription.payload === 'text';
  return Array.isArray(input) ? input.map((event) => delivering(event, isText)) : delivering(input, isText);
}
