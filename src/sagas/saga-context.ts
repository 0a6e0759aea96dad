import type { Logger } from '@nestjs/common';
import type { Tx } from '../database/clients/sql-client.js';
import type { DomainEventInput, EventName, PublishedEvent } from '../events/domain-event.js';
import type { CallClass, CreatedCall, NewExternalCall, RequestOf } from '../module/call-maker.js';
import { DECORATED_TYPE } from '../words/decorated-type.js';

/** When a timeout is due. */
export type TimeoutAt = { afterMs: number; at?: undefined } | { at: Date; afterMs?: undefined };

/**
 * A saga, for one of its handlers. Everything that is done here is committed together with the state, the
 * history and the handler's event, or not at all. After the handler has returned, it takes nothing more.
 * `Transaction` is the type of the transaction, where the application has more than one library.
 */
export interface SagaContext<S = unknown, Transaction = Tx> {
  /** The id of this saga. Its events have it as their correlation id. */
  readonly id: string;
  readonly key: string;
  /** Where the saga stands. */
  readonly step: string;
  /** JSON of at most 64 KiB. It is stored when the handler returns, also if it was changed in place. */
  state: S;
  /**
   * Goes on to a step. Events that wait for it are handled next.
   *
   * @throws IntegrationError INTEGRATION_SAGA_INVALID for a step that the saga does not have
   */
  become(step: string): void;
  /** Publishes an event in the transaction of the handler. */
  publish<N extends EventName>(event: DomainEventInput<N>): Promise<PublishedEvent>;
  /**
   * Makes a call to another system in the transaction of the handler, with `CallsModule` of
   * `nestjs-integration/calls`. Its events have this saga as their `caller`, so a step of them needs no key.
   *
   * @throws IntegrationError INTEGRATION_SAGA_INVALID without `CallsModule`; and what
   * `ExternalCallsService.create` throws
   */
  call<Class extends CallClass>(type: Class, given: NewExternalCall<RequestOf<Class>>): Promise<CreatedCall>;
  call(type: string, given: NewExternalCall): Promise<CreatedCall>;
  /**
   * Calls the method with `@SagaTimeout(name)` later, unless the timeout is cleared or set again, or the saga
   * ends.
   *
   * @throws IntegrationError INTEGRATION_SAGA_INVALID for a name without such a method, and for no time
   */
  timeout(name: string, when: TimeoutAt): Promise<void>;
  /** Forgets a timeout. It may be due already. */
  clearTimeout(name: string): Promise<void>;
  /**
   * Remembers an event that `undo` is to publish.
   *
   * @throws IntegrationError INTEGRATION_EVENT_INVALID or another error of publishing, when the handler ends
   */
  onUndo<N extends EventName>(event: DomainEventInput<N>): void;
  /** Publishes what `onUndo` has remembered, the last one first, and ends the saga as `undone`. */
  undo(reason: string): Promise<void>;
  /** Ends the saga as `completed`. */
  complete(): void;
  /** The transaction of the handler. */
  readonly transaction: Transaction;
  /** Aborted when the handler's timeout has passed, or when the process gives the event up. */
  readonly signal: AbortSignal;
  readonly logger: Logger;
}
export const SagaContext: unknown = DECORATED_TYPE;
