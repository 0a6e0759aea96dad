import type { SqlClient } from '../database/clients/sql-client.js';
import type { DomainEventInput, EventName } from '../events/domain-event.js';

/** Where an event is published. */
export interface PublishOptions {
  /**
   * The client of the caller's open transaction: the event commits or vanishes with the caller's data.
   * Without it the event is written at once, in a statement of its own.
   */
  persistenceClient?: SqlClient | undefined;
  /**
   * Says that publishing without `persistenceClient` is meant, although a transaction of
   * `integrationApi.transaction` or of a transactional handler is open: the event stays even if that one
   * rolls back.
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
