import type { Logger } from '@nestjs/common';
import type { Publish } from './relay-message.js';
import type { RelayOptions } from './relay-options.js';

/** For how long, in milliseconds, a boot waits for the answer of a broker. */
export const LOOK_MS = 5_000;

/** What a relay may ask for when the application boots. */
export interface RelayBoot {
  /**
   * The client of the host: the object that was given, what the function returns, or what the token names.
   */
  readonly find: (client: unknown) => Promise<unknown>;
  /** Notes what is wrong. The boot fails with all of it. */
  readonly problem: (problem: string) => void;
  /** Says something that should be looked at. */
  readonly warn: Logger['warn'];
}

/** A relay, as `relay`, `natsRelay` and the others return it. */
export interface RelayDefinition {
  /** What it sends to, in one word. */
  readonly broker: string;
  /** Where its messages go: a topic, subject or exchange. None if that depends on the event. */
  readonly addresses?: readonly string[] | undefined;
  readonly options: RelayOptions;
  /** What is wrong with its own options. */
  readonly problems: readonly string[];
  /** Looks at the client, and returns the way to the broker. Undefined after a problem. */
  readonly open: (boot: RelayBoot) => Promise<Publish | undefined>;
}
