import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type LineChart, renderLineChart } from '../harness/line-chart.js';
import { median } from '../harness/statistics.js';
import { SystemProcess } from '../harness/system-process.js';
import { PLAIN_OPTIONS } from '../systems/measured-system.js';
import { type SystemName, systemEntry } from '../systems/systems.js';
import { type BacklogDrain, backlogFor, drainInRounds, MANY_EVENTS } from './backlog-drain.js';
import type { Bench, Scenario } from './scenario.js';

const SYSTEMS: SystemName[] = ['integration', 'row-queue', 'graphile-worker-best', 'pg-boss-best'];

/** Beyond that many, filling the job queues would take most of the run: the strongest rival stands for them. */
const MANY_JOBS = 1_000_000;
const BEYOND_MANY_JOBS: SystemName[] = ['integration', 'row-queue'];

/** Until every process has registered and, in this project, taken its share of the partitions. */
const SPREAD_MS = 8_000;
const START_MS = 2_000;
const PARTITIONS = 4;
const LARGE_BYTES = 200e6;
const SEVERAL_BATCHES = 5_000;

interface Axis {
  name: string;
  what: string;
  values: number[];
  quickValues: number[];
  drain(value: number, bench: Bench): Omit<BacklogDrain, 'system'>;
}

const AXES: Axis[] = [
  {
    name: 'chart-backlog',
    what: 'events waiting',
    values: [10_000, 100_000, 1_000_000, 3_000_000],
    quickValues: [5_000, 50_000],
    drain: (events) => ({ events }),
  },
  {
    name: 'chart-consumers',
    what: 'consumers',
    values: [1, 2, 3, 5, 10, 20],
    quickValues: [1, 5],
    drain: (consumers, bench) => ({
      events: Math.ceil(bench.sizes.backlog / (consumers > 3 ? 5 : 1)),
      options: { consumers },
    }),
  },
  {
    name: 'chart-payload',
    what: 'bytes of payload',
    values: [100, 400, 1_000, 10_000, 100_000],
    quickValues: [400, 10_000],
    drain: (payloadBytes, bench) => ({
      payloadBytes,
      // Several of the largest batches: a queue that claims all of them at once has fetched them before the clock starts.
      events: Math.min(bench.sizes.backlog, Math.max(LARGE_BYTES / payloadBytes, SEVERAL_BATCHES)),
    }),
  },
];

/** One chart each: throughput of this project and of the strongest others, against what grows. */
export const growth: Scenario[] = [
  ...AXES.map(
    (axis): Scenario => ({
      name: axis.name,
      slow: true,
      promise: `chart of throughput against ${axis.what}`,
      run: (bench) => chartDrains(bench, axis),
    }),
  ),
  {
    name: 'chart-processes',
    slow: true,
    promise: `chart of throughput against processes, ${PARTITIONS} partitions`,
    run: chartProcesses,
  },
];

async function chartDrains(bench: Bench, axis: Axis): Promise<void> {
  const values = bench.sizes.quick ? axis.quickValues : axis.values;
  const systems = bench.sizes.quick ? SYSTEMS.slice(0, 2) : SYSTEMS;
  const found = new Map<SystemName, Map<number, number>>(systems.map((system) => [system, new Map()]));
  for (const value of values) {
    const drain = axis.drain(value, bench);
    const drains = systems
      .filter((system) => drain.events <= MANY_JOBS || BEYOND_MANY_JOBS.includes(system))
      .map((system) => drainOf(bench, system, drain));
    for (const [{ system }, rates] of await drainInRounds(bench, drains, roundsFor(bench, drains)))
      found.get(system)?.set(value, median(rates));
    await bench.server.dropTemplates();
  }
  await present(bench, axis.name, `Throughput against ${axis.what}`, axis.what, values, found);
}

function drainOf(bench: Bench, system: SystemName, drain: Omit<BacklogDrain, 'system'>): BacklogDrain {
  const events = backlogFor(bench, system, drain.options?.consumers, drain.events);
  return { ...drain, system, events, inPlace: events >= MANY_EVENTS };
}

/** No promise rests on a chart: the rivals' points are measured once, and so are all that take long to prepare. */
function roundsFor({ sizes }: Bench, drains: BacklogDrain[]) {
  const once = sizes.quick || drains.some(({ events }) => events >= MANY_EVENTS);
  return {
    rounds: once ? 1 : sizes.rounds,
    repeated: () => drains.filter(({ system }) => system === 'integration'),
  };
}

async function chartProcesses(bench: Bench): Promise<void> {
  const values = bench.sizes.quick ? [1, 2] : [1, 2, 3, 4];
  const systems: SystemName[] = bench.sizes.quick
    ? ['integration']
    : ['integration', 'row-queue-notify', 'graphile-worker-best'];
  const found = new Map<SystemName, Map<number, number>>(systems.map((system) => [system, new Map()]));
  for (const system of systems)
    for (const processes of values) {
      found.get(system)?.set(processes, await rateOfProcesses(bench, system, processes));
    }
  await present(
    bench,
    'chart-processes',
    `Throughput against processes, ${PARTITIONS} partitions`,
    'processes',
    values,
    found,
  );
}

/** All processes are up and idle when the backlog is committed at once; from the first handler call to the last. */
async function rateOfProcesses(bench: Bench, system: SystemName, count: number): Promise<number> {
  const events = bench.sizes.backlog;
  return bench.server.withDatabase(async (database) => {
    const options = { ...PLAIN_OPTIONS, url: database.url, processes: PARTITIONS };
    const workers: SystemProcess[] = [];
    try {
      await SystemProcess.with(system, options, (process) => process.call('install'));
      for (let i = 0; i < count; i++) workers.push(await SystemProcess.start(system, options));
      await Promise.all(workers.map((worker) => worker.call('startConsuming')));
      await sleep(system === 'integration' ? SPREAD_MS : START_MS);
      await SystemProcess.with(system, options, (process) =>
        process.call('fill', { from: 1, count: events }),
      );
      await workers[0]?.call('untilSettled', { limitMs: bench.sizes.drainLimitMs * 5 });
      const logs = await Promise.all(
        workers.map((worker) => worker.call('handledUntil', { expected: 0, limitMs: 0 })),
      );
      return ratePerSecond(logs);
    } finally {
      await Promise.all(workers.map((worker) => worker.end()));
    }
  });
}

function ratePerSecond(logs: Float64Array[]): number {
  const times = logs.flatMap((log) => Array.from(log.filter((_, i) => i % 2 === 1)));
  const first = times.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  const last = times.reduce((a, b) => Math.max(a, b), 0);
  return times.length / ((last - first) / 1e3);
}

async function present(
  bench: Bench,
  name: string,
  title: string,
  what: string,
  values: number[],
  found: Map<SystemName, Map<number, number>>,
): Promise<void> {
  bench.report.table(
    title,
    [what, ...[...found.keys()].map((system) => systemEntry(system).label)],
    values.map((value) => [
      value.toLocaleString('en-US'),
      ...[...found.values()].map((rates) => rates.get(value) ?? '–'),
    ]),
  );
  bench.report.detail(
    name,
    Object.fromEntries([...found].map(([system, rates]) => [system, Object.fromEntries(rates)])),
  );
  const chart: LineChart = {
    title,
    xLabel: what,
    yLabel: 'events per second',
    series: [...found].map(([system, rates]) => ({
      label: systemEntry(system).label,
      points: [...rates].map(([x, y]) => ({ x, y })),
    })),
  };
  await bench.report.chart(title, join(bench.resultsFolder, `${name}.svg`), renderLineChart(chart));
}
