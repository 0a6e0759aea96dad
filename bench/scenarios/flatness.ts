import { type BenchDatabase, runIn, withClient } from '../harness/bench-server.js';
import { SETTLE_FILLED_DATABASE } from '../harness/bench-server.store.js';
import { median, percentile } from '../harness/statistics.js';
import { SystemProcess } from '../harness/system-process.js';
import { delays } from '../harness/time-log.js';
import { FILLER } from '../systems/bench-event.js';
import { PLAIN_OPTIONS, type SystemOptions } from '../systems/measured-system.js';
import { medianRatio } from './backlog-drain.js';
import { OPEN_SNAPSHOT, SETTLE_EVERYTHING } from './flatness.store.js';
import { insertInChunks } from './large-log.js';
import { INSERT_BACKLOG, INSERT_DELAYED, INSERT_HOT_KEY } from './large-log.store.js';
import type { Bench, Scenario } from './scenario.js';

const HOT_KEY = 'inv-hot';
const SETTLE_LIMIT_MS = 600_000;
const DRAIN_LIMIT_MS = 120_000;

/** The slowest hundredth is ten events in a full run. */
const PROBES = { warmUp: 150, measured: 1_000 };
const QUICK_PROBES = { warmUp: 10, measured: 30 };

interface Burden {
  history: number;
  delayed: number;
  hot: number;
}

const BURDEN: Burden = { history: 5_000_000, delayed: 1_000_000, hot: 12_001 };
const QUICK_BURDEN: Burden = { history: 50_000, delayed: 10_000, hot: 1_001 };

interface Round {
  eventsPerSecond: number;
  p50: number;
  p99: number;
}

export const flatness: Scenario = {
  name: 'flatness',
  promise:
    'drain and latency with 5 million settled events, a million delayed ones, a hot key with 12,000 waiting and a snapshot held open, against an empty database',
  run: async (bench: Bench) => {
    const burden = bench.sizes.quick ? QUICK_BURDEN : BURDEN;
    const rounds = await bench.server.withDatabase(async (empty) =>
      bench.server.withDatabase(async (burdened) => {
        await install(empty);
        await install(burdened);
        await load(bench, burdened, burden);
        return holdingSnapshot(burdened, () => measureInTurn(bench, empty, burdened));
      }),
    );
    report(bench, burden, rounds);
  },
};

async function measureInTurn(bench: Bench, empty: BenchDatabase, burdened: BenchDatabase) {
  const found: { empty: Round[]; burdened: Round[] } = { empty: [], burdened: [] };
  for (let round = 0; round < bench.sizes.rounds; round++) {
    found.empty.push(await measure(bench, empty));
    found.burdened.push(await measure(bench, burdened));
  }
  return found;
}

async function measure(bench: Bench, database: BenchDatabase): Promise<Round> {
  const count = bench.sizes.backlog;
  await insertInChunks(database, INSERT_BACKLOG, count);
  const [drained, latency] = await SystemProcess.with(
    'integration',
    optionsFor(database),
    async (process) => [
      await process.call('drain', { expected: count, limitMs: DRAIN_LIMIT_MS }),
      await probe(process, bench.sizes.quick ? QUICK_PROBES : PROBES),
    ],
  );
  if (!drained.complete) throw new Error(`${count} events were not drained in time`);
  return {
    eventsPerSecond: drained.handled / drained.seconds,
    p50: percentile(latency, 0.5),
    p99: percentile(latency, 0.99),
  };
}

async function probe(process: SystemProcess, { warmUp, measured }: typeof PROBES): Promise<number[]> {
  const paced = { route: 'own', rate: 50, writers: 1 } as const;
  await process.call('startConsuming');
  await process.call('publishPaced', { ...paced, from: 1, count: warmUp });
  const published = await process.call('publishPaced', { ...paced, from: warmUp + 1, count: measured });
  const handled = await process.call('handledUntil', {
    expected: warmUp + measured,
    limitMs: DRAIN_LIMIT_MS,
  });
  return delays(published, handled);
}

async function install(database: BenchDatabase): Promise<void> {
  await SystemProcess.with('integration', optionsFor(database), (process) => process.call('install'));
}

/** History is put in place settled; what is delayed and what waits is set aside by the engine itself. */
async function load(bench: Bench, database: BenchDatabase, { history, delayed, hot }: Burden): Promise<void> {
  const clock = new PhaseClock(bench);
  await insertInChunks(database, INSERT_BACKLOG, history);
  await runIn(database, SETTLE_EVERYTHING);
  clock.done(`${history} settled events`);
  await insertInChunks(database, INSERT_DELAYED, delayed);
  await withClient(database, (client) => client.query(INSERT_HOT_KEY, [1, hot, FILLER, HOT_KEY]));
  clock.done(`${delayed} delayed events and ${hot} of one aggregate inserted`);
  await SystemProcess.with('integration', optionsFor(database), async (process) => {
    await process.call('startConsuming');
    if (!(await process.call('untilSettled', { limitMs: SETTLE_LIMIT_MS })))
      throw new Error('the delayed and waiting events were not set aside in time');
  });
  clock.done('these set aside by the engine');
  await runIn(database, SETTLE_FILLED_DATABASE);
  clock.done('vacuumed');
}

/** Says how long each step of the preparation took. */
class PhaseClock {
  private from = performance.now();

  constructor(private readonly bench: Bench) {}

  done(phase: string): void {
    const now = performance.now();
    this.bench.report.note(`${phase}: ${((now - this.from) / 1e3).toFixed(1)} s`);
    this.from = now;
  }
}

function holdingSnapshot<R>(database: BenchDatabase, work: () => Promise<R>): Promise<R> {
  return withClient(database, async (client) => {
    for (const statement of OPEN_SNAPSHOT) await client.query(statement);
    return work();
  });
}

function optionsFor(database: BenchDatabase): SystemOptions {
  return { ...PLAIN_OPTIONS, url: database.url, failingAggregate: HOT_KEY };
}

function report(
  bench: Bench,
  burden: Burden,
  { empty, burdened }: { empty: Round[]; burdened: Round[] },
): void {
  const of = (rounds: Round[], key: keyof Round) => rounds.map((round) => round[key]);
  const row = (label: string, rounds: Round[]) => [
    label,
    ...(['eventsPerSecond', 'p50', 'p99'] as const).map((key) => median(of(rounds, key))),
  ];
  bench.report.table(
    'Drain and latency, empty and burdened',
    ['database', 'events/s', 'p50 ms', 'p99 ms'],
    [row('empty', empty), row('burdened', burdened)],
  );
  bench.report.detail('flatness', { burden, empty, burdened });
  bench.report.atMost(
    'flatness-drain',
    medianRatio(of(empty, 'eventsPerSecond'), of(burdened, 'eventsPerSecond')),
    1.25,
  );
  bench.report.atMost('flatness-latency-p50', medianRatio(of(burdened, 'p50'), of(empty, 'p50')), 1.25);
  // Of the few events of a quick run the slowest is one that was held up, or not.
  if (!bench.sizes.quick)
    bench.report.atMost('flatness-latency-p99', medianRatio(of(burdened, 'p99'), of(empty, 'p99')), 1.25);
}
