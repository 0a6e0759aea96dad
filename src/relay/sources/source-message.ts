import type { DomainEventInput, EventMetadata } from '../../events/domain-event.js';
import type { ReceivedMessage } from '../cloud-events/read.js';

/** A message as a source pulls it. */
export interface SourceMessage extends ReceivedMessage {
  /**
   * Where the message stands at its broker, such as a stream and a sequence. It identifies messages that have
   * no id. Two messages never have the same place, and a message that comes again has its first place.
   */
  readonly place?: string | undefined;
  /**
   * What the sender called the message at its broker. A rejected message without a place is known by it and
   * its contents.
   */
  readonly messageId?: string | undefined;
}

/** What `map` makes of a message that is no CloudEvent. */
export interface MappedEvent extends Pick<DomainEventInput, 'aggregateType' | 'aggregateId'> {
  readonly eventName: string;
  readonly payload?: unknown;
  readonly eventVersion?: number | undefined;
  readonly metadata?: EventMetadata | undefined;
  /** The id that the sender gave the message. A message of the same id is stored once. */
  readonly id?: string | undefined;
}

/** The way to a broker. */
export interface SourceClient<Message extends SourceMessage = SourceMessage> {
  /**
   * Whether `pull` may be called while the messages of the pull before are not acknowledged yet. It then
   * brings those that follow them. The default is false.
   */
  readonly pullsAhead?: boolean | undefined;
  /** Resolves to the next messages, at most `max`, in the order of the broker. It may resolve to none. */
  pull(max: number, signal: AbortSignal): Promise<readonly Message[]>;
  /** These messages are stored. The broker need not send them again. */
  ack(messages: readonly Message[]): Promise<void>;
  /** These messages were pulled and not stored. The broker may send them to another process at once. */
  giveBack?(messages: readonly Message[]): Promise<void>;
  /** The lease has ended, and nothing is pulled until it is taken again. What pulling needs may be closed. */
  rest?(): Promise<void>;
}
