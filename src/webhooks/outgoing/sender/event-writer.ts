import { clientOf } from '../../../database/clients/session-client.js';
import type { EngineSession } from '../../../database/sql/engine-session.js';
import type { DomainEventInput } from '../../../events/domain-event.js';
import type { PartEvents } from '../../../outbox/part-events.js';

/** The aggregate of the events about a destination. Its id is that of the destination. */
const AGGREGATE = 'webhook_destination';

export interface SenderEvent {
  readonly name: string;
  readonly destinationId: string;
  readonly tenantId: string;
  readonly payload: object;
}

/** Publishes the events of the sender in a transaction of the engine. */
export class EventWriter {
  constructor(private readonly events: PartEvents) {}

  write(session: EngineSession, events: readonly SenderEvent[]): Promise<unknown> {
    return this.events.write(clientOf(session), events.map(inputOf));
  }

  /** Call it when the transaction has committed. */
  committed(events: readonly Pick<SenderEvent, 'name'>[]): void {
    this.events.committed(events.map(({ name }) => name));
  }
}

function inputOf({ name, destinationId, tenantId, payload }: SenderEvent): DomainEventInput {
  return {
    eventName: name,
    sourceModule: 'webhooks',
    aggregateType: AGGREGATE,
    aggregateId: destinationId,
    payload: { destinationId, tenantId, ...payload },
    metadata: { tenantId },
  } as DomainEventInput;
}
