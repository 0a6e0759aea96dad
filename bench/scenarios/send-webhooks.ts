import { type BenchDatabase, runIn, withClient } from '../harness/bench-server.js';
import { median } from '../harness/statistics.js';
import { AskedProcess } from '../outgoing/asked-process.js';
import { DATA } from '../outgoing/clients.js';
import {
  COUNT_PENDING,
  FILL_DELIVERIES,
  FILL_MESSAGES,
  MAKE_READY,
  SETTLE,
} from '../outgoing/outgoing.store.js';
import type { BossCommands, SenderCommands, TargetCommands, Work } from '../outgoing/protocol.js';
import type { Bench, Scenario } from './scenario.js';

const DESTINATIONS = 100;
const TENANT = 'many';
/** As many as are in flight at most by the shipped settings. */
const IN_FLIGHT = 200;
const OF_PG_BOSS = 1.5;
const OF_CLIENT = 0.7;
const ROUNDS = 12;
const QUICK_ROUNDS = 4;
const SYSTEMS = ['bare', 'client', 'ours', 'pg-boss'] as const;

type System = (typeof SYSTEMS)[number];
/** Deliveries a second of each. */
type Round = Readonly<Record<System, Work>>;

interface Processes {
  readonly sender: AskedProcess<SenderCommands>;
  readonly boss: AskedProcess<BossCommands>;
  readonly database: BenchDatabase;
  readonly url: string;
  readonly ids: readonly string[];
}

export const sendWebhooks: Scenario = {
  name: 'send-webhooks',
  promise:
    'sending webhooks to a hundred destinations beside pg-boss, and beside the same client without a database',
  run: async (bench: Bench) => {
    const deliveries = bench.sizes.quick ? 3_000 : 6_000;
    const rounds: Round[] = [];
    await withProcesses(bench, async (processes) => {
      // Code is compiled first.
      await round(processes, deliveries, 0);
      await round(processes, deliveries, 1);
      for (let n = 0; n < (bench.sizes.quick ? QUICK_ROUNDS : ROUNDS); n++)
        rounds.push(await round(processes, deliveries, n));
    });
    tell(bench, rounds, deliveries);
  },
};

function tell({ report }: Bench, rounds: readonly Round[], deliveries: number): void {
  const rate = ({ ms }: Work) => (deliveries / ms) * 1000;
  const ratio = (of: System, to: System) => median(rounds.map((each) => each[to].ms / each[of].ms));
  report.table(
    `Sending ${deliveries} webhooks to ${DESTINATIONS} destinations on this machine (${rounds.length} rounds in turn, medians)`,
    ['', 'a second', '× bare', '× pg-boss', 'processor µs each'],
    SYSTEMS.map((system) => [
      NAMES[system],
      Math.round(median(rounds.map((each) => rate(each[system])))),
      ratio(system, 'bare'),
      ratio(system, 'pg-boss'),
      Math.round(median(rounds.map((each) => (each[system].cpuMs / deliveries) * 1000))),
    ]),
  );
  report.detail('send-webhooks', rounds);
  report.atLeast('send-webhooks-vs-pg-boss', ratio('ours', 'pg-boss'), OF_PG_BOSS);
  report.atLeast('send-webhooks-vs-client-alone', ratio('ours', 'client'), OF_CLIENT);
}

const NAMES: Readonly<Record<System, string>> = {
  bare: 'node:http, without a database',
  client: 'the client of the package, without a database',
  ours: 'nestjs-integration',
  'pg-boss': 'pg-boss (batches of 200, two workers), with node:http',
};

async function withProcesses({ server }: Bench, use: (processes: Processes) => Promise<void>): Promise<void> {
  const [database, ofBoss] = [await server.createDatabase(), await server.createDatabase()];
  const target = AskedProcess.start<TargetCommands>('target-process');
  const sender = AskedProcess.start<SenderCommands>('sender-process', { SENDER_DATABASE_URL: database.url });
  const boss = AskedProcess.start<BossCommands>('boss-process', { BOSS_DATABASE_URL: ofBoss.url });
  try {
    const url = await target.ask('url', {});
    const ids = await sender.ask('destinations', {
      count: DESTINATIONS,
      url,
      tenant: TENANT,
      perTenant: DESTINATIONS,
    });
    await use({ sender, boss, database, url, ids });
  } finally {
    await Promise.all([sender.end(), boss.end(), target.end()]);
    await Promise.all([database.drop(), ofBoss.drop()]);
  }
}

/** Each system once. Every other round goes the other way round. */
async function round(processes: Processes, deliveries: number, number: number): Promise<Round> {
  const { sender, boss, url } = processes;
  const requests = { url, count: deliveries, inFlight: IN_FLIGHT };
  const each: Readonly<Record<System, () => Promise<Work>>> = {
    bare: () => sender.ask('bare', requests),
    client: () => sender.ask('client', requests),
    ours: () => ours(processes, deliveries),
    'pg-boss': () => boss.ask('send', { url, count: deliveries }),
  };
  const order = number % 2 === 0 ? SYSTEMS : SYSTEMS.toReversed();
  const found: Partial<Record<System, Work>> = {};
  for (const system of order) found[system] = await each[system]();
  return found as Round;
}

/** From the moment that everything is due until everything is saved. */
async function ours({ database, sender, ids }: Processes, deliveries: number): Promise<Work> {
  const each = deliveries / DESTINATIONS;
  await withClient(database, async (client) => {
    await client.query(FILL_MESSAGES, [each, DATA, `${TENANT}-0`]);
    await client.query(FILL_DELIVERIES, [ids, each, new Date()]);
  });
  await runIn(database, SETTLE);
  await withClient(database, (client) => client.query(MAKE_READY, [ids]));
  const work = await sender.ask('send', {});
  const { rows } = await runIn(database, COUNT_PENDING);
  if (rows[0].count !== 0) throw new Error(`${rows[0].count} deliveries were not sent`);
  return work;
}
