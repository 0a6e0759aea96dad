import type { DomainEvent } from '../../events/domain-event.js';
import type { CloudEvent } from '../cloud-events/cloud-event.js';

/** An event that is to be sent. */
export interface RelayMessage {
  /** The event, as `transform` returned it. */
  readonly event: DomainEvent;
  /** The same as CloudEvents describes it. */
  readonly cloudEvent: CloudEvent;
  /**
   * Identifies the message for a broker that drops what it knows already. It is the same for all attempts,
   * and another one after each replay and redrive.
   */
  readonly id: string;
  /** The aggregate as one text. Messages with the same key keep their order. */
  readonly key: string;
  /**
   * Whether the message says that its aggregate is gone: the payload is null, and `metadata.tombstone` true.
   */
  readonly isTombstone: boolean;
}

/** What became of a message. */
export type RelayOutcome =
  /**
   * The broker has it. `isDuplicate` if the broker had it before. `tookMs` is how long the broker took to
   * accept it. Without that, the time of the whole call counts.
   */
  | {
      readonly is: 'accepted';
      readonly isDuplicate?: boolean | undefined;
      readonly tookMs?: number | undefined;
    }
  /** The broker does not want this message. With `isFinal` it is a dead letter at once. */
  | { readonly is: 'refused'; readonly error: unknown; readonly isFinal?: boolean | undefined }
  /** The broker cannot be reached. No attempt is counted. */
  | { readonly is: 'unavailable'; readonly error: unknown; readonly retryAfterMs?: number | undefined };

export interface PublishContext {
  /** Aborted when the time for this call is over, or the process gives the batch up. */
  readonly signal: AbortSignal;
  /** The option of the relay. */
  readonly timeoutMs: number;
}

/**
 * Sends all these messages at once. Each has another key. Returns one outcome for each of them, in
 * their order.
 */
export type Publish = (
  messages: readonly RelayMessage[],
  context: PublishContext,
) => Promise<readonly RelayOutcome[]>;
