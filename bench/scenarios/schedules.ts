import { setTimeout as sleep } from 'node:timers/promises';
import { BenchServer, withClient } from '../harness/bench-server.js';
import { median } from '../harness/statistics.js';
import { AskedProcess } from '../outgoing/asked-process.js';
import { type ScheduleCommands, WAYS, type Way } from '../schedules/protocol.js';
import { ASKED_OF, DELAYS, HOURLY_SCHEDULES, SCHEDULES_OF } from '../schedules/schedules.store.js';
import { FORGET_STATEMENTS_OF, TRACK_STATEMENTS } from './idle-cost.store.js';
import type { Bench, Scenario } from './scenario.js';

const DUE = 1_000;
const HOURLY = 10_000;
const LATEST_MS = 1_000;
const CPU_OF_NEST = 1.2;
/** A job that does something takes the processor for some 20 ms. */
const WORK = 60_000;
/** Code is compiled, and polling has come to its idle pace. */
const QUIET_MS = 45_000;

type Process = AskedProcess<ScheduleCommands>;

export const schedules: Scenario = {
  name: 'schedules',
  promise: 'times of schedules are published in time, and an idle minute costs nothing',
  run: async (bench) => {
    await inTime(bench);
    await idle(bench);
  },
};

export const schedulesCpu: Scenario = {
  name: 'schedules-cpu',
  promise: 'jobs in one process, by schedules and by timers of @nestjs/schedule',
  run: besideNest,
};

const start = (url: string, env: Readonly<Record<string, string>> = {}): Process =>
  AskedProcess.start<ScheduleCommands>('../schedules/schedule-process', { BENCH_DATABASE_URL: url, ...env });

/** A thousand schedules that are due within a minute, and a thousand that are due at the same moment. */
async function inTime({ server, sizes, report }: Bench): Promise<void> {
  for (const [name, seconds] of [
    ['spread', sizes.quick ? 20 : 60],
    ['at-once', 0],
  ] as const) {
    const database = await server.createDatabase();
    const process = start(database.url);
    try {
      await process.ask('use', { seconds: 5 });
      await withClient(database, (client) => client.query(SCHEDULES_OF, [DUE, seconds]));
      await process.ask('wake', {});
      await sleep((seconds + 10) * 1_000);
      const { rows } = await withClient(database, (client) => client.query(DELAYS));
      const delays = (rows as { ms: number }[]).map(({ ms }) => ms).sort((a, b) => a - b);
      if (delays.length !== DUE) throw new Error(`${delays.length} of ${DUE} times are published`);
      report.detail(`schedules-${name}-p50-ms`, delays[DUE / 2] ?? 0);
      report.atMost(`schedules-${name}-p99-ms`, delays[Math.ceil(DUE * 0.99) - 1] ?? 0, LATEST_MS);
    } finally {
      await process.end();
      await database.drop();
    }
  }
}

/** What an idle minute asks of the server, with and without schedules that are due once an hour. */
async function idle({ sizes, report }: Bench): Promise<void> {
  const server = await BenchServer.start({
    shared_preload_libraries: 'pg_stat_statements',
    autovacuum: 'off',
  });
  try {
    await server.query(TRACK_STATEMENTS);
    const asked = {
      without: await idleMinute(server, 0, sizes),
      with: await idleMinute(server, HOURLY, sizes),
    };
    report.detail('schedules-idle', asked);
    report.table(
      `A process that is idle for a minute`,
      ['schedules', 'statements', 'rows'],
      [
        ['none', asked.without.statements, asked.without.rows],
        [`${HOURLY}, due once an hour`, asked.with.statements, asked.with.rows],
      ],
    );
    // The edges of a window may add one of the statements that come every two seconds.
    report.atMost('schedules-idle-statements-more', asked.with.statements - asked.without.statements, 2);
    report.atMost('schedules-idle-rows-more', asked.with.rows - asked.without.rows, 4);
  } finally {
    await server.stop();
  }
}

async function idleMinute(
  server: BenchServer,
  count: number,
  { quick }: Bench['sizes'],
): Promise<{ statements: number; rows: number }> {
  const database = await server.createDatabase();
  const process = start(database.url);
  try {
    await process.ask('use', { seconds: 2 });
    await withClient(database, (client) => client.query(HOURLY_SCHEDULES, [count]));
    await process.ask('wake', {});
    await sleep(quick ? 10_000 : QUIET_MS);
    await server.query(FORGET_STATEMENTS_OF, [database.name]);
    await sleep(60_000);
    const { rows } = await server.query(ASKED_OF, [database.name]);
    return rows[0] as { statements: number; rows: number };
  } finally {
    await process.end();
    await database.drop();
  }
}

/** The same jobs in one process, with schedules and with timers, in turn. */
async function besideNest({ server, sizes, report }: Bench): Promise<void> {
  const seconds = sizes.quick ? 25 : 60;
  for (const [name, work] of [
    ['with-work', WORK],
    ['empty', 0],
  ] as const) {
    const rounds = sizes.quick ? (work > 0 ? 2 : 1) : 3;
    const cpu: Record<Way, number[]> = { schedules: [], nest: [] };
    for (let round = 0; round < rounds; round++)
      for (const way of WAYS) {
        const database = await server.createDatabase();
        const process = start(database.url, { BENCH_WAY: way, BENCH_WORK: String(work) });
        try {
          await process.ask('use', { seconds: sizes.quick ? 8 : QUIET_MS / 1_000 });
          const { cpuMs, runs } = await process.ask('use', { seconds });
          if (runs === 0) throw new Error(`${way}: no job ran`);
          cpu[way].push(cpuMs / runs);
        } finally {
          await process.end();
          await database.drop();
        }
      }
    const each = { schedules: median(cpu.schedules), nest: median(cpu.nest) };
    report.table(
      `Jobs ${name}, milliseconds of the processor for each run (${rounds} rounds in turn, medians)`,
      ['', 'ms'],
      [
        ['schedules', each.schedules],
        ['@nestjs/schedule', each.nest],
      ],
    );
    if (work > 0) report.atMost('schedules-cpu-vs-nest-schedule', each.schedules / each.nest, CPU_OF_NEST);
  }
}
