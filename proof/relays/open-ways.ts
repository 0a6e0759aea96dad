import type { BrokerName } from '../harness/brokers.js';
import type { Ways } from './ways.js';

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
