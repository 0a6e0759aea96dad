import { fileURLToPath } from 'node:url';
import type { BrokerName } from './protocol.js';

/** A broker of a run's own, on a free port of 127.0.0.1. */
export interface Broker {
  readonly address: string;
  stop(): Promise<void>;
}

type Starters = Readonly<Record<'startNats' | 'startRabbit' | 'startKafka', () => Promise<Broker>>>;

/** Those of the proof kit, which `npm run bench` compiles before. */
const STARTERS = fileURLToPath(new URL('../../../proof/dist/harness/brokers.js', import.meta.url));

export async function startBroker(name: BrokerName): Promise<Broker> {
  const { startNats, startRabbit, startKafka } = (await import(STARTERS)) as Starters;
  return { nats: startNats, rabbitmq: startRabbit, kafka: startKafka }[name]();
}
