import type {
  RelayDefinition,
  RelayOptions,
  SourceDefinition,
  SourceOptions,
} from 'nestjs-integration/relay';

/** How many messages a source takes at once. Each broker is set to have no more of them on their way. */
export const SOURCE_BATCH = 200;

/** A relay to a broker and a source of it, with a client of the host. */
export interface Ways {
  relay(options: RelayOptions, to: string): RelayDefinition;
  source(options: SourceOptions, from: string): SourceDefinition;
}

/** Connects the client of a process that is under test. */
export type WaysOf = (address: string) => Promise<Ways>;
