import type { PersistenceClient } from '../database/clients/sql-client.js';
import type { DomainEventInput, EventName } from '../events/domain-event.js';

/** Where an event is published. */
export interface PublishOptions {
  /**
   * The client of the caller's open transaction. The event commits or rolls back together with the caller's
   * data. Without it, the event is written at once, in a statement of its own.
   */
  persistenceClient?: PersistenceClient | undefined;
  /**
   * Allows publishing without `persistenceClient` although a transaction of `integrationApi.transaction` or
   * of a transactional handler is open. The event stays even if that transaction rolls back.
   */
  outsideTransaction?: boolean | undefined;
}

/** The names of `PublishOptions`. */
export const OPTIONS_OF_PUBLISHING: ReadonlySet<string> = new Set<keyof PublishOptions>([
  'persistenceClient',
  'outsideTransaction',
]);

/**
 * The last argument of the form with separate arguments: where to publish, and the optional fields of the
 * event.
 */
export type PublishEventOptions = PublishOptions &
  Pick<
    DomainEventInput<EventName>,
    'metadata' | 'eventVersion' | 'availableAt' | 'delayMs' | 'deduplicationKey' | 'id'
  >;

/** The names of `PublishEventOptions`. */
export const OPTIONS_OF_SEPARATE_ARGUMENTS: ReadonlySet<string> = new Set<keyof PublishEventOptions>([
  'persistenceClient',
  'outsideTransaction',
  'metadata',
  'eventVersion',
  'availableAt',
  'delayMs',
  'deduplicationKey',
  'id',
]);
