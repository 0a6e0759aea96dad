import type { DomainEvent } from '../../../events/domain-event.js';
import { asksFor } from '../public/event-types.js';
import type { PublicEvent, PublicEvents } from '../public/public-events.js';
import { dataOf, entityOf, type TextEvent, tenantOfEvent } from '../public/rendered-event.js';
import type { Candidate, Message } from './routing.store.js';

/** The aggregate of the events about a destination. Its id is that of the destination. */
export const DESTINATION_AGGREGATE = 'webhook_destination';

/** What is known of a process's public events. */
export interface EventRules {
  readonly events: () => PublicEvents;
  readonly tenantOf: ((event: DomainEvent) => string) | undefined;
  /** Bytes of a body. */
  readonly limits: { readonly maxPayloadBytes: number };
}

/** A public event of the log, and whose it is. */
export interface LeavingEvent {
  readonly event: TextEvent;
  readonly of: PublicEvent;
  readonly tenantId: string;
}

/** An event for which a function of the application has failed. */
export interface FailedEvent {
  readonly event: TextEvent;
  readonly error: unknown;
}

/** Of these events, those that are public here. What `tenantOf` fails for is in `failed`. */
export function leavingOf(
  given: readonly TextEvent[],
  { events, tenantOf }: EventRules,
): { readonly leaving: LeavingEvent[]; readonly failed: FailedEvent[] } {
  const leaving: LeavingEvent[] = [];
  const failed: FailedEvent[] = [];
  const known = events();
  for (const event of given) {
    const of = known.ofName(event.eventName);
    if (of === undefined) continue;
    try {
      leaving.push({ event, of, tenantId: tenantOfEvent(event, tenantOf) });
    } catch (error) {
      failed.push({ event, error });
    }
  }
  return { leaving, failed };
}

/**
 * Whether a destination asks for an event. One never gets the events about itself, because the failure of
 * such a delivery would be the next of them.
 */
export function isFor({ event, of, tenantId }: LeavingEvent, candidate: Candidate): boolean {
  if (candidate.tenantId !== tenantId || !asksFor(candidate.eventTypes, of.type)) return false;
  return event.aggregateType !== DESTINATION_AGGREGATE || event.aggregateId !== candidate.id;
}

/** @throws what `webhook.data` throws, or the error for what it returns and nobody can send */
export function messageOf({ event, of, tenantId }: LeavingEvent, { limits }: EventRules): Message {
  return {
    position: event.position,
    tenantId,
    outboxEventId: event.outboxEventId,
    eventName: event.eventName,
    type: of.type,
    data: dataOf(event, of, limits),
    eventAt: event.timestamp,
    entity: entityOf(event),
  };
}
