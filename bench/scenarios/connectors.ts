import { EMPTY_GATE, FILL_ROW } from '../connectors/connectors.store.js';
import type { ConnectorCommands, Passed } from '../connectors/protocol.js';
import { type BenchDatabase, withClient } from '../harness/bench-server.js';
import { median } from '../harness/statistics.js';
import { AskedProcess } from '../outgoing/asked-process.js';
import type { TargetCommands, Work } from '../outgoing/protocol.js';
import type { Bench, Scenario } from './scenario.js';

const OF_BARE = 1.3;
const AT_ONCE = 8;
const PROCESSES = 4;
const WAITING = 100;
/** Behind the burst with which a limit begins. */
const UNCOUNTED_MS = 2_000;
const BURST = 0.1;

type Process = AskedProcess<ConnectorCommands>;

export const connectorHttp: Scenario = {
  name: 'connector-http',
  promise: 'a request through a connection, beside node:http',
  run: async (bench) => {
    await withProcesses(bench, 1, async ([process]) => {
      const target = AskedProcess.start<TargetCommands>('target-process');
      try {
        const url = await target.ask('url', {});
        if (process !== undefined) await besideBare(bench, process, `${url}/json`);
      } finally {
        await target.end();
      }
    });
  },
};

export const connectorGate: Scenario = {
  name: 'connector-gate',
  promise: 'what four processes send under one limit, beside a row for each request',
  run: (bench) =>
    withProcesses(bench, PROCESSES, async (processes, database) => {
      for (const perSecond of [50, 1_000]) await underLimit(bench, processes, database, perSecond);
    }),
};

async function besideBare({ report, sizes }: Bench, process: Process, url: string): Promise<void> {
  const [count, rounds] = sizes.quick ? [2_000, 7] : [6_000, 15];
  for (const inFlight of [1, AT_ONCE]) {
    const requests = { url, count, inFlight };
    const found = { bare: [] as Work[], connection: [] as Work[] };
    const ways = ['bare', 'connection'] as const;
    for (let round = -2; round < rounds; round++)
      for (const way of round % 2 === 0 ? ways : ways.toReversed()) {
        const work = await process.ask(way, requests);
        // Code is compiled first.
        if (round >= 0) found[way].push(work);
      }
    const each = (works: readonly Work[], of: keyof Work) =>
      (median(works.map((work) => work[of])) / count) * 1_000;
    const ratio = median(found.connection.map(({ ms }, n) => ms / (found.bare[n]?.ms ?? ms)));
    report.table(
      `POST with JSON to a server of node:http, ${inFlight} at once (${rounds} rounds of ${count} in turn, medians)`,
      ['', 'µs each', 'processor µs each', '× bare'],
      [
        ['node:http, connections kept', each(found.bare, 'ms'), each(found.bare, 'cpuMs'), 1],
        [
          'a connection: token, limit, breaker',
          each(found.connection, 'ms'),
          each(found.connection, 'cpuMs'),
          ratio,
        ],
      ],
    );
    report.detail(`connector-http-${inFlight}`, found);
    report.atMost(`connector-http-${inFlight}-vs-bare`, ratio, OF_BARE);
  }
}

async function underLimit(
  { report, sizes }: Bench,
  processes: readonly Process[],
  database: BenchDatabase,
  perSecond: number,
): Promise<void> {
  const seconds = sizes.quick ? 8 : 20;
  const found: Partial<Record<'gate' | 'row', ReturnType<typeof counted>>> = {};
  for (const way of ['row', 'gate'] as const) {
    await withClient(database, async (client) => {
      await client.query(EMPTY_GATE);
      await client.query(FILL_ROW);
    });
    const given = { perSecond, seconds, waiting: WAITING, processes: PROCESSES };
    const passed = await Promise.all(processes.map((process) => process.ask(way, given)));
    found[way] = counted(passed, perSecond, seconds);
  }
  const { gate, row } = found;
  if (gate === undefined || row === undefined) throw new Error('both ways are measured');
  const line = (name: string, { share, most, statements, cpuMs }: typeof gate) => [
    name,
    share * 100,
    most,
    statements,
    cpuMs,
  ];
  report.table(
    `${perSecond} a second in ${PROCESSES} processes with ${WAITING} requests that wait in each, for ${seconds} s`,
    ['', '% of the limit', 'most in a second', 'statements a second', 'processor ms a second'],
    [line('a row for each request', row), line('the gate', gate)],
  );
  report.detail(`connector-gate-${perSecond}`, found);
  report.atLeast(`connector-gate-${perSecond}-share`, gate.share, 0.95);
  // Any window holds at most what the limit gives in its time, and a burst.
  report.atMost(`connector-gate-${perSecond}-share-most`, gate.share, 1 + BURST / countedSeconds(seconds));
  report.atMost(`connector-gate-${perSecond}-window`, gate.most, Math.round(perSecond * (1 + BURST)));
}

/** Without the first burst, and without the end, when processes stop one after the other. */
function countedSeconds(seconds: number): number {
  return seconds - 1 - UNCOUNTED_MS / 1_000;
}

/** The share of the limit that was sent, once the burst was over, and the most that was sent within any second. */
function counted(passed: readonly Passed[], perSecond: number, seconds: number) {
  const moments = passed.flatMap((each) => each.moments).sort((a, b) => a - b);
  const from = (moments[0] ?? 0) + UNCOUNTED_MS;
  const countedMs = countedSeconds(seconds) * 1_000;
  const within = moments.filter((at) => at >= from && at < from + countedMs).length;
  let most = 0;
  let first = 0;
  for (const [i, at] of moments.entries()) {
    while (at - (moments[first] ?? at) >= 1_000) first++;
    most = Math.max(most, i - first + 1);
  }
  const sum = (of: 'statements' | 'cpuMs') => passed.reduce((all, each) => all + each[of], 0) / seconds;
  return {
    share: within / ((countedMs / 1_000) * perSecond),
    most,
    statements: Math.round(sum('statements')),
    cpuMs: Math.round(sum('cpuMs')),
  };
}

async function withProcesses(
  { server }: Bench,
  count: number,
  use: (processes: Process[], database: BenchDatabase) => Promise<void>,
): Promise<void> {
  const database = await server.createDatabase();
  const processes: Process[] = [];
  try {
    for (let n = 0; n < count; n++)
      processes.push(
        AskedProcess.start<ConnectorCommands>('../connectors/connector-process', {
          CONNECTORS_DATABASE_URL: database.url,
        }),
      );
    for (const process of processes) await process.ask('ready', {});
    await use(processes, database);
  } finally {
    await Promise.all(processes.map((process) => process.end()));
    await database.drop();
  }
}
