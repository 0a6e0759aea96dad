import { consumersOfEveryKind } from '../harness/child-process.js';
import { monotonicMs } from '../harness/clock.js';
import { judge, readEvents } from '../harness/evidence.js';
import { Flow, mean, percentile, thirds } from '../harness/flow.js';
import { readRuns, readWrites } from '../harness/journal.js';
import { CONNECTIONS, TABLES } from '../harness/proof-database.store.js';
import { untilLeased, untilSettled } from '../harness/settled.js';
import { sleep } from '../harness/wait.js';
import type { Scenario, Stage } from './scenario.js';

const CONSUMERS = consumersOfEveryKind();
const WARM_UP_MS = 5_000;
const SAMPLES = 30;
/** Tables that hold what is, not what was: their size must not follow the number of events. */
const STATE = ['inbox_cursor', 'inbox_event', 'integration_process'];
/** State of so much is flat, whatever its first third was: a few hundred pages between two vacuums. */
const STATE_BYTES = 4 * 1024 * 1024;
/** Memory may still settle by a fifth. */
const MEMORY_FACTOR = 1.2;

/** Two workers and a publisher. */
const PROCESSES = 3;
/** The engine's pool, which opens its connections as they are needed, the heartbeat and LISTEN. */
const CONNECTIONS_OF_A_PROCESS = 4 + 2;

/** Nothing happens, for a long time. */
export const soak: Scenario = {
  name: 'soak',
  shows: 'a steady rate: dead rows, tables and indexes, memory, connections and latency stay flat',
  run: async (stage) => {
    const { database, processes, sizes } = stage;
    const seconds = sizes.seconds ?? (sizes.long ? 600 : 60);
    const rate = sizes.rate ?? (sizes.long ? 200 : 80);
    const setup = { databaseUrl: database.url, consumers: CONSUMERS, workMs: 1 };
    const workers = [processes.worker(setup), processes.worker(setup)];
    const publisher = processes.publisher({ databaseUrl: database.url, seed: stage.seed });
    await Promise.all([...workers, publisher].map((one) => one.ready()));
    await untilLeased(database);
    await publisher.ask({ kind: 'run', rate });
    await sleep(WARM_UP_MS);
    const from = monotonicMs();
    const samples: Sample[] = [];
    for (let taken = 0; taken < SAMPLES; taken++) {
      samples.push(await takeSample(stage));
      await sleep((seconds * 1e3) / SAMPLES);
    }
    const to = monotonicMs();
    await publisher.ask({ kind: 'halt' });
    await untilSettled(database, 60_000);
    await processes.closeAll();
    reportState(stage, samples);
    reportLatency(stage, from, to);
    await reportDelivery(stage);
    stage.report.exactly('soak-processes-ended-by-themselves', processes.deaths.length, 0);
  },
};

interface Table {
  readonly name: string;
  readonly live: number;
  readonly dead: number;
  readonly tableBytes: number;
  readonly indexBytes: number;
}

interface Sample {
  readonly tables: readonly Table[];
  readonly connections: number;
  /** Of the largest process. */
  readonly residentBytes: number;
}

async function takeSample({ database, processes }: Stage): Promise<Sample> {
  const [connections] = await database.query<{ connections: number }>(CONNECTIONS);
  const usage = await Promise.all(processes.all.map((one) => one.usage()));
  return {
    tables: await database.query<Table>(TABLES),
    connections: connections?.connections ?? 0,
    residentBytes: Math.max(...usage.map((one) => one.residentBytes)),
  };
}

function reportState({ report }: Stage, samples: readonly Sample[]): void {
  const [first, last] = thirds(samples);
  const bytes = (part: readonly Sample[], names: readonly string[]) =>
    Math.max(...part.map(({ tables }) => sum(tables, names, (table) => table.tableBytes + table.indexBytes)));
  for (const name of STATE) {
    const before = bytes(first, [name]);
    report.atMost(
      `soak-bytes-${name.replaceAll('_', '-')}`,
      bytes(last, [name]),
      Math.max(before * 1.5, STATE_BYTES),
    );
  }
  const dead = (part: readonly Sample[]) =>
    mean(part.map(({ tables }) => sum(tables, ['outbox_event'], (table) => table.dead)));
  // What is dead in the log are the inserts that were rolled back.
  report.figure('soak-dead-rows-of-the-log', dead(last));
  const perRow = (part: readonly Sample[]) => {
    const log = part.at(-1)?.tables.find(({ name }) => name === 'outbox_event');
    return log === undefined ? Number.NaN : (log.tableBytes + log.indexBytes) / log.live;
  };
  report.atMost('soak-log-bytes-per-event', perRow(last), perRow(first) * 1.2);
  report.figure('soak-memory-mib', Math.max(...last.map((one) => one.residentBytes)) / 2 ** 20);
  report.atMost(
    'soak-memory-growth',
    mean(last.map((one) => one.residentBytes)) / mean(first.map((one) => one.residentBytes)),
    MEMORY_FACTOR,
  );
  report.atMost(
    'soak-connections',
    Math.max(...last.map((one) => one.connections)),
    PROCESSES * CONNECTIONS_OF_A_PROCESS,
  );
  report.detail('soak-samples', samples);
}

function sum(tables: readonly Table[], names: readonly string[], value: (table: Table) => number): number {
  return tables.filter(({ name }) => names.includes(name)).reduce((total, table) => total + value(table), 0);
}

function reportLatency({ folder, report }: Stage, from: number, to: number): void {
  const writes = readWrites(folder);
  const runs = readRuns(folder);
  const third = (to - from) / 3;
  for (const { name } of CONSUMERS) {
    const flow = new Flow(writes, runs, name);
    const first = flow.latencies(from, from + third);
    const last = flow.latencies(to - third, to);
    report.figure(`soak-p50-ms-first-${name}`, percentile(first, 0.5));
    report.figure(`soak-p99-ms-last-${name}`, percentile(last, 0.99));
    // The machine's own ups and downs are part of both.
    report.atMost(
      `soak-p50-ms-last-${name}`,
      percentile(last, 0.5),
      Math.max(percentile(first, 0.9), percentile(first, 0.5) * 2) + 50,
    );
  }
}

async function reportDelivery({ database, folder, report }: Stage): Promise<void> {
  const events = await readEvents(database);
  for (const consumer of CONSUMERS) {
    const verdict = await judge(database, folder, consumer, events);
    report.exactly(`soak-lost-${consumer.name}`, verdict.lost, 0);
    report.exactly(`soak-duplicates-${consumer.name}`, verdict.duplicates, 0);
    report.exactly(`soak-order-violations-${consumer.name}`, verdict.orderViolations, 0);
  }
}
