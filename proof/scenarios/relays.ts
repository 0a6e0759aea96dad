import { BROKER_PROGRAMS, type BrokerName, missingBrokers } from '../harness/brokers.js';
import type { BrokerAtHand } from '../relays/broker-client.js';
import { withBroker } from '../relays/brokers-at-hand.js';
import { flatHeap } from '../relays/flat-heap.js';
import { killedRelays } from '../relays/killed-relays.js';
import { killedSources, restartedPostgres } from '../relays/killed-sources.js';
import { brokerAway, brokerSilent } from '../relays/outages.js';
import { slowNeighbour } from '../relays/slow-neighbour.js';
import { twoApplications } from '../relays/two-applications.js';
import { play } from './play.js';
import type { Scenario, Sizes, Stage } from './scenario.js';

type Part = (one: BrokerAtHand) => Scenario;

/** A broker, and what is played there, one part after another. */
interface Lane {
  readonly broker: BrokerName;
  readonly parts: readonly Part[];
}

/** The lanes run side by side, each at a broker of its own. Those with a broker that is away mostly wait. */
function lanesOf({ long }: Sizes): readonly Lane[] {
  return [
    { broker: 'nats', parts: [killedRelays, killedSources] },
    { broker: 'nats', parts: [restartedPostgres, twoApplications] },
    { broker: 'nats', parts: [brokerAway, brokerSilent] },
    { broker: 'rabbitmq', parts: long ? [killedRelays, killedSources, brokerAway] : [killedRelays] },
    { broker: 'kafka', parts: long ? [killedRelays, killedSources] : [killedRelays] },
  ];
}

/** Their figures are of time and memory, so nothing runs beside them. */
const MEASURED: Lane = { broker: 'nats', parts: [flatHeap, slowNeighbour] };

/** Relays and sources, with processes that are killed and brokers that are away. */
export const relays: Scenario = {
  name: 'relays',
  shows:
    'relays and sources killed, brokers away or silent: nothing lost, nothing handled twice, order kept; and relays-measured',
  run: async (stage) => {
    const missing = missingBrokers(Object.keys(BROKER_PROGRAMS) as BrokerName[]);
    for (const broker of missing)
      stage.report.skip(`relays at ${broker}`, `${BROKER_PROGRAMS[broker]} is not installed`);
    const lanes = lanesOf(stage.sizes).filter(({ broker }) => !missing.includes(broker));
    await Promise.all(lanes.map((lane) => playLane(lane, stage)));
    const { broker, parts } = MEASURED;
    // A comparison of speeds takes its time.
    const measured = stage.sizes.long ? parts : [flatHeap];
    if (!missing.includes(broker)) await playLane({ broker, parts: measured }, stage);
  },
};

/** A part of `relays`, for who wants its figures alone. */
export const relaysMeasured: Scenario = {
  name: 'relays-measured',
  shows:
    'relays that send for long, or beside one whose broker is slow: heap flat, none slower for the other',
  onlyByName: true,
  run: async (stage) => {
    const { broker } = MEASURED;
    if (missingBrokers([broker]).length === 0) await playLane(MEASURED, stage);
    else stage.report.skip('relays-measured', `${BROKER_PROGRAMS[broker]} is not installed`);
  },
};

/** Each part has a database and processes of its own. */
function playLane({ broker, parts }: Lane, stage: Stage): Promise<void> {
  return withBroker(broker, async (one) => {
    for (const part of parts) await play(part(one), stage);
  });
}
