import type {
  RelayDefinition,
  RelayOptions,
  SourceDefinition,
  SourceOptions,
} from 'nestjs-integration/relay';
import type { BrokerName } from '../harness/brokers.js';

/** How many messages a source takes at once. Each broker is set to have no more of them on their way. */
export const SOURCE_BATCH = 200;

/** A relay to a broker and a source of it, with a client of the host. */
interface Ways {
  relay(options: RelayOptions, to: string): RelayDefinition;
  source(options: SourceOptions, from: string): SourceDefinition;
}

/** Connects the client of a process that is under test. */
export type WaysOf = (address: string) => Promise<Ways>;

/** What is not used is not loaded. */
export async function waysOf(broker: BrokerName, address: string): Promise<Ways> {
  switch (broker) {
    case 'nats':
      return (await import('./nats.js')).natsWays(address);
    case 'rabbitmq':
      return (await import('./rabbitmq.js')).rabbitWays(address);
    case 'kafka':
      return (await import('./kafka.js')).kafkaWays(address);
  }
}
