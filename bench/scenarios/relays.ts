import { type BenchDatabase, withClient } from '../harness/bench-server.js';
import { median } from '../harness/statistics.js';
import { AskedProcess } from '../outgoing/asked-process.js';
import { DATA } from '../outgoing/clients.js';
import type { Work } from '../outgoing/protocol.js';
import { type Broker, startBroker } from '../relays/brokers.js';
import {
  BATCH,
  BROKERS,
  type BrokerName,
  CONCURRENCY,
  PULL,
  type RelayCommands,
} from '../relays/protocol.js';
import { FILL_LOG } from '../relays/relays.store.js';
import type { Bench, Scenario } from './scenario.js';

const ROUNDS = 5;
const QUICK_ROUNDS = 3;
const MESSAGES = 40_000;
const QUICK_MESSAGES = 4_000;
const RELAY_OF_CLIENT = 0.8;
const SOURCE_OF_LOOP = 0.7;

const TITLES: Readonly<Record<BrokerName, string>> = {
  nats: 'NATS JetStream',
  rabbitmq: 'RabbitMQ',
  kafka: 'Kafka (mock cluster of librdkafka, kafkajs)',
};

type Sender = AskedProcess<RelayCommands>;

interface Round {
  readonly relay: Work;
  readonly client: Work;
  /** Milliseconds. Undefined where sources are not measured. */
  readonly source?: number;
  readonly loop?: number;
}

function relaysOf(broker: BrokerName): Scenario {
  return {
    name: `relays-${broker}`,
    promise: `a relay to ${TITLES[broker]} beside the client of the broker`,
    slow: true,
    run: (bench) =>
      withProcess(bench, broker, 'relay', (sender, database) => measure(bench, broker, sender, database)),
  };
}

async function measure(bench: Bench, broker: BrokerName, sender: Sender, database: BenchDatabase) {
  const messages = bench.sizes.quick ? QUICK_MESSAGES : MESSAGES;
  const rounds: Round[] = [];
  // The process answers when its tables are there. In the first round, code is compiled.
  await sender.ask('purge', {});
  await round(sender, database, messages, 0);
  for (let n = 0; n < (bench.sizes.quick ? QUICK_ROUNDS : ROUNDS); n++)
    rounds.push(await round(sender, database, messages, n));
  tell(bench, broker, rounds, messages);
}

/** Each once. Every other round goes the other way round. */
async function round(sender: Sender, database: BenchDatabase, count: number, number: number): Promise<Round> {
  const found: { -readonly [K in keyof Round]?: Round[K] } = {};
  const steps = [
    async () => {
      await withClient(database, (client) => client.query(FILL_LOG, [count, DATA]));
      found.relay = await sender.ask('relay', {});
    },
    async () => {
      found.client = await sender.ask('client', { count });
    },
  ];
  for (const step of number % 2 === 0 ? steps : steps.reverse()) await step();
  await sender.ask('purge', {});
  return found as Round;
}

function tell({ report }: Bench, broker: BrokerName, rounds: readonly Round[], count: number): void {
  const rate = (ms: number) => (count / ms) * 1000;
  const ratio = median(rounds.map(({ relay, client }) => client.ms / relay.ms));
  report.table(
    `Sending ${count} messages to ${TITLES[broker]} (${rounds.length} rounds in turn, medians)`,
    ['', 'a second', '× client', 'processor µs each'],
    (['client', 'relay'] as const).map((of) => [
      of === 'client' ? `its client, ${BATCH * CONCURRENCY} in flight` : 'the relay, as shipped',
      Math.round(median(rounds.map((each) => rate(each[of].ms)))),
      of === 'client' ? 1 : ratio,
      Math.round(median(rounds.map((each) => (each[of].cpuMs / count) * 1000))),
    ]),
  );
  report.detail(`relays-${broker}`, rounds);
  report.atLeast(`relay-${broker}-vs-client`, ratio, RELAY_OF_CLIENT);
}

function sourceOf(broker: BrokerName): Scenario {
  return {
    name: `source-${broker}`,
    promise: `a source of ${TITLES[broker]} beside a loop of the client with one INSERT a pull`,
    slow: true,
    run: (bench) =>
      withProcess(bench, broker, 'source', async (sender) => {
        const count = bench.sizes.quick ? QUICK_MESSAGES : MESSAGES;
        const rounds: SourceRound[] = [];
        await sourceRound(sender, count, 0);
        for (let n = 0; n < (bench.sizes.quick ? QUICK_ROUNDS : ROUNDS); n++)
          rounds.push(await sourceRound(sender, count, n));
        const ratio = median(rounds.map(({ source, loop }) => loop / source));
        // A source whose every other step cost nothing would be as fast as this.
        const bound = median(rounds.map(({ publish, loop }) => loop / publish));
        const rate = (of: keyof SourceRound) =>
          Math.round(median(rounds.map((each) => (count / each[of]) * 800)));
        bench.report.table(
          `Taking in ${count} messages of ${TITLES[broker]} (${rounds.length} rounds in turn, medians)`,
          ['', 'a second', '× loop'],
          [
            [`its client, one INSERT for each ${PULL}`, rate('loop'), 1],
            ['the source, as shipped', rate('source'), ratio],
            [`publishEvents of ${PULL} alone, without a broker`, rate('publish'), bound],
          ],
        );
        bench.report.detail(`source-${broker}`, rounds);
        bench.report.atLeast(`source-${broker}-vs-loop`, ratio, SOURCE_OF_LOOP);
      }),
  };
}

/** Milliseconds. */
interface SourceRound {
  readonly source: number;
  readonly loop: number;
  /** The engine stores as many events, and nothing is pulled. */
  readonly publish: number;
}

async function sourceRound(sender: Sender, count: number, number: number): Promise<SourceRound> {
  const one = async (how: 'source' | 'loop') => {
    await sender.ask('purge', {});
    await sender.ask('fill', { count });
    return sender.ask(how, { count });
  };
  const publish = await sender.ask('publish', { count });
  if (number % 2 === 0) return { source: await one('source'), loop: await one('loop'), publish };
  const loop = await one('loop');
  return { source: await one('source'), loop, publish };
}

async function withProcess(
  { server }: Bench,
  name: BrokerName,
  only: 'relay' | 'source',
  use: (sender: Sender, database: BenchDatabase) => Promise<void>,
): Promise<void> {
  const broker: Broker = await startBroker(name);
  const database = await server.createDatabase();
  const sender = AskedProcess.start<RelayCommands>('../relays/relay-process', {
    RELAY_DATABASE_URL: database.url,
    RELAY_BROKER: name,
    RELAY_ONLY: only,
    RELAY_ADDRESS: broker.address,
  });
  try {
    await use(sender, database);
  } finally {
    await sender.end();
    await database.drop();
    await broker.stop();
  }
}

export const relays: readonly Scenario[] = [
  ...BROKERS.map(relaysOf),
  ...(['nats', 'rabbitmq'] as const).map(sourceOf),
];
