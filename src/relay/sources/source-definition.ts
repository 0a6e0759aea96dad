import type { RelayBoot } from '../relays/relay-definition.js';
import type { MappedEvent, SourceClient, SourceMessage } from './source-message.js';

export const DEFAULT_PULL = 200;
/** How the names of their leases begin. */
export const SOURCE_LEASES = 'relay.source.';

/** What all sources have. */
export interface SourceOptions<Message extends SourceMessage = SourceMessage> {
  /** The same in all processes. Its lease is `relay.source.<name>`. */
  readonly name: string;
  /** How many messages are pulled and stored at once. The default is 200. */
  readonly batch?: number | undefined;
  /** Makes an event of a message that is no CloudEvent. Without it such a message is rejected. */
  readonly map?: ((message: Message) => MappedEvent | Promise<MappedEvent>) | undefined;
}

/**
 * A source, which receives messages and stores them as events, as `source`, `natsSource` and others return
 * it.
 */
export interface SourceDefinition {
  /** What it receives from, in one word. */
  readonly broker: string;
  /** Where its messages come from: topics, or a queue. None if its client alone knows that. */
  readonly addresses?: readonly string[] | undefined;
  readonly options: SourceOptions;
  /** What is wrong with its own options. */
  readonly problems: readonly string[];
  /** Looks at the client, and returns the way to the broker. Undefined after a problem. */
  readonly open: (boot: RelayBoot) => Promise<SourceClient | undefined>;
}
