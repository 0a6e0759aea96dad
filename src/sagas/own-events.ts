import type { DomainEvent, DomainEventInput } from '../events/domain-event.js';
import type { Waiting } from './saga.store.js';

/** The events that a saga publishes for itself. */
export const OWN_EVENTS = ['again', 'expired', 'timeout'] as const;
export type OwnEvent = (typeof OWN_EVENTS)[number];

/** `integration.saga.order-fulfilment.again` */
export function ownName(saga: string, kind: OwnEvent): string {
  return `integration.saga.${saga}.${kind}`;
}

/** Whom an own event is for, and what is known of it. A saga that has not begun has no id. */
export interface OwnEventOf {
  readonly saga: string;
  readonly key: string;
  readonly id?: string | undefined;
  readonly tenantId?: string | undefined;
}

/** `again` and `expired` are about an event that waits. */
export interface AboutWaiting extends Waiting {
  readonly key: string;
}

export interface AboutTimeout {
  readonly key: string;
  readonly timeout: string;
  readonly token: string;
}

type When = Pick<DomainEventInput, 'delayMs' | 'availableAt'>;

/** The event of a step that was reached, for an event that has waited. */
export function againEvent(of: OwnEventOf, { position, token }: Waiting): DomainEventInput {
  return ownEvent('again', of, { key: of.key, position, token } satisfies AboutWaiting);
}

/** The event that is due when an event has waited for too long. */
export function expiredEvent(
  of: OwnEventOf,
  { position, token }: Waiting,
  delayMs: number,
): DomainEventInput {
  return ownEvent('expired', of, { key: of.key, position, token } satisfies AboutWaiting, { delayMs });
}

export function timeoutEvent(of: OwnEventOf, timeout: string, token: string, when: When): DomainEventInput {
  return ownEvent('timeout', of, { key: of.key, timeout, token } satisfies AboutTimeout, when);
}

/** What an event of these says. Somebody else may have published it, so its form is looked at. */
export function aboutOf(event: DomainEvent): Partial<AboutWaiting & AboutTimeout> {
  return Object(event.payload) as Partial<AboutWaiting & AboutTimeout>;
}

function ownEvent(kind: OwnEvent, of: OwnEventOf, payload: object, when: When = {}): DomainEventInput {
  return {
    eventName: ownName(of.saga, kind),
    sourceModule: 'sagas',
    aggregateType: `saga.${of.saga}`,
    aggregateId: of.key,
    payload,
    metadata: metadataOf(of),
    ...when,
  };
}

/** Events of one saga have its id as their correlation, so one look shows all. */
export function metadataOf({ id, tenantId }: Pick<OwnEventOf, 'id' | 'tenantId'>) {
  return {
    ...(id === undefined ? {} : { correlationId: id }),
    ...(tenantId === undefined || tenantId === '' ? {} : { tenantId }),
  };
}
