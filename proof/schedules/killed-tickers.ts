import type { ProofProcess } from '../harness/child-process.js';
import type { ProofDatabase } from '../harness/proof-server.js';
import { sleep, until } from '../harness/wait.js';
import type { ProofSchedule } from '../processes/ticking-protocol.js';
import type { Scenario, Sizes, Stage } from '../scenarios/scenario.js';
import { CREATE_TICKS, DAY_PASSES, DUE, TICKER, TICKS_HANDLED, TIMES } from './evidence.store.js';

const PROCESSES = 3;
const HOUR_MS = 3_600_000;

interface Times {
  readonly name: string;
  readonly published: number;
  readonly times: number;
  readonly seconds: number;
  readonly handled: number;
  readonly effects: number;
}

function planOf({ long }: Sizes) {
  return long ? { schedules: 100, ticks: 100, kills: 10 } : { schedules: 40, ticks: 25, kills: 3 };
}

const longestMs = ({ long }: Sizes) => (long ? 600_000 : 180_000);

/** Three processes. The one that ticks is killed again and again, and the clock of another is an hour behind. */
export const killedTickers: Scenario = {
  name: 'schedules-killed',
  shows:
    'three processes, and the ticker killed again and again: each time of each schedule once, none left out',
  run: killed,
};

/** A day without a process, under each way of `missed`. */
export const downtime: Scenario = {
  name: 'schedules-downtime',
  shows: 'a day without a process: one event, none, or each, as the schedule says',
  run: missed,
};

async function killed({ database, processes, random, sizes, report }: Stage): Promise<void> {
  await database.query(CREATE_TICKS);
  const { schedules, ticks, kills } = planOf(sizes);
  const start = (shiftMs?: number) =>
    processes.ticking({ databaseUrl: database.url }, shiftMs === undefined ? {} : { shiftMs });
  const running = [start(), start(-HOUR_MS), start()];
  await Promise.all(running.map((each) => each.ready()));
  const all: ProofSchedule[] = Array.from({ length: schedules }, (_, i) => ({
    name: `proof.${i}`,
    every: 1_000,
    limit: ticks,
    missed: 'all',
    overlap: 'queue',
  }));
  await running[0]?.ask({ kind: 'schedule', schedules: all });
  for (let kill = 1; kill <= kills; kill++) {
    await sleep(1_000 + random.int(2_000));
    const ticker = await tickerOf(database, running);
    // At any moment: before, within and behind a transaction.
    await sleep(random.int(1_000));
    await ticker.kill();
    running.splice(running.indexOf(ticker), 1, start());
  }
  await untilHandled(database, schedules * ticks, sizes);
  const rows = await database.query<Times>(TIMES);
  const sum = (of: (row: Times) => number) => rows.reduce((total, row) => total + of(row), 0);
  report.figure(
    'schedules-ticks',
    sum(({ published }) => published),
  );
  report.exactly(
    'schedules-tickers-killed',
    processes.all.filter(({ end }) => end === 'SIGKILL').length,
    kills,
  );
  report.exactly('schedules-with-all-times', rows.filter((row) => isRight(row, ticks)).length, schedules);
  report.exactly(
    'schedules-times-published-twice',
    sum(({ published, times }) => published - times),
    0,
  );
  report.exactly(
    'schedules-times-handled-twice',
    sum(({ handled, effects }) => handled - effects),
    0,
  );
  report.detail(
    'schedules-wrong',
    rows.filter((row) => !isRight(row, ticks)),
  );
}

/** The times are one second apart, so as many of them as there are seconds leave none out. */
function isRight({ published, times, seconds, effects }: Times, ticks: number): boolean {
  return published === ticks && times === ticks && seconds === ticks - 1 && effects === ticks;
}

async function tickerOf(database: ProofDatabase, running: readonly ProofProcess[]): Promise<ProofProcess> {
  let found: ProofProcess | undefined;
  await until(
    'some process ticks',
    async () => {
      const [row] = await database.query<{ pid: number }>(TICKER);
      found = running.find(({ pid }) => pid === row?.pid);
      return found !== undefined;
    },
    { everyMs: 50, withinMs: 60_000 },
  );
  return found as ProofProcess;
}

async function untilHandled(database: ProofDatabase, count: number, sizes: Sizes): Promise<void> {
  await until(
    `${count} times are handled`,
    async () => ((await database.query<{ count: number }>(TICKS_HANDLED))[0]?.count ?? 0) >= count,
    { everyMs: 100, withinMs: longestMs(sizes) },
  );
}

const WAYS = ['once', 'skip', 'all'] as const;
/** The half hour before the last one is an hour old, so none of a day's 24 is on time. */
const EXPECTED = { once: 1, skip: 0, all: 24 } as const;

async function missed({ database, processes, sizes, report }: Stage): Promise<void> {
  await database.query(CREATE_TICKS);
  const start = () => processes.ticking({ databaseUrl: database.url });
  const first = await start().ready();
  const minute = (new Date().getUTCMinutes() + 30) % 60;
  await first.ask({
    kind: 'schedule',
    schedules: WAYS.map((way) => ({ name: `proof.${way}`, cron: `${minute} * * * *`, missed: way })),
  });
  await first.kill();
  await database.query(DAY_PASSES);
  await Promise.all(Array.from({ length: PROCESSES }, () => start().ready()));
  await until(
    'nothing is due any more',
    async () => (await database.query<{ count: number }>(DUE))[0]?.count === 0,
    { everyMs: 50, withinMs: longestMs(sizes) },
  );
  await untilHandled(database, EXPECTED.once + EXPECTED.skip + EXPECTED.all, sizes);
  const rows = await database.query<Times>(TIMES);
  for (const way of WAYS) {
    const { published = 0 } = rows.find(({ name }) => name === `proof.${way}`) ?? {};
    report.exactly(`schedules-missed-${way}`, published, EXPECTED[way]);
  }
}
