import { BROKER_PROGRAMS, type BrokerName, missingBrokers } from '../harness/brokers.js';
import type { BrokerAtHand } from '../relays/broker-client.js';
import { withBroker } from '../relays/brokers-at-hand.js';
import { killedRelays } from '../relays/killed-relays.js';
import { play } from './play.js';
import type { Scenario, Sizes, Stage } from './scenario.js';

type Part = (one: BrokerAtHand) => Scenario;

/** What is played at a broker, one after another. Brokers are played side by side. */
function partsOf(_sizes: Sizes): Readonly<Record<BrokerName, readonly Part[]>> {
  return { nats: [killedRelays], rabbitmq: [killedRelays], kafka: [killedRelays] };
}

/** Relays and sources, with processes that are killed and brokers that are away. */
export const relays: Scenario = {
  name: 'relays',
  shows: 'relays and sources killed, brokers away or silent: nothing lost, nothing handled twice, order kept',
  run: async (stage) => {
    const parts = partsOf(stage.sizes);
    const brokers = Object.keys(parts) as BrokerName[];
    const missing = missingBrokers(brokers);
    for (const broker of missing)
      stage.report.skip(`relays at ${broker}`, `${BROKER_PROGRAMS[broker]} is not installed`);
    await Promise.all(
      brokers
        .filter((broker) => !missing.includes(broker))
        .map((broker) => playAt(broker, parts[broker], stage)),
    );
  },
};

/** Each part has a database and processes of its own. They share a broker. */
function playAt(broker: BrokerName, parts: readonly Part[], stage: Stage): Promise<void> {
  return withBroker(broker, async (one) => {
    for (const part of parts) await play(part(one), stage);
  });
}
