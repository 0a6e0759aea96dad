import { setTimeout as sleep } from 'node:timers/promises';
import { COUNT_KEPT, FILL_CALLS, FILL_TIMEOUTS, SETTLE } from '../calls/calls.store.js';
import type { CallCommands } from '../calls/protocol.js';
import { type BenchDatabase, BenchServer, runIn, withClient } from '../harness/bench-server.js';
import { untilTrue } from '../harness/until-true.js';
import { AskedProcess } from '../outgoing/asked-process.js';
import { FORGET_STATEMENTS_OF, STATEMENTS_OF, TRACK_STATEMENTS } from './idle-cost.store.js';
import type { Bench, Scenario } from './scenario.js';

/** Until start-up is over, and polling has slowed down to its idle interval. */
const QUIET_MS = 45_000;
const KEPT_WITHIN_MS = 900_000;
/** How many pages more a statement may read, because indexes are deeper. */
const PAGES_MORE_EACH = 3;

interface Statement {
  readonly query: string;
  readonly calls: number;
  readonly rows: number;
  readonly pages: number;
}

type Sum = Readonly<Record<'calls' | 'rows' | 'pages', number>>;

export const idleWaiting: Scenario = {
  name: 'idle-waiting',
  slow: true,
  promise: 'statements, rows and pages a minute, without and with very many calls and timeouts that wait',
  run: async (bench: Bench) => {
    const { quick } = bench.sizes;
    const count = quick ? 50_000 : 1_000_000;
    const seconds = quick ? 20 : 60;
    const server = await BenchServer.start({
      shared_preload_libraries: 'pg_stat_statements',
      autovacuum: 'off',
    });
    try {
      await server.query(TRACK_STATEMENTS);
      const found = await server.withDatabase((database) => measure(server, database, count, seconds));
      const row = (name: keyof typeof found) => {
        const { calls, rows, pages } = sumOf(found[name]);
        return [calls, rows, pages].map((figure) => (figure * 60) / seconds);
      };
      bench.report.table(
        `Idle for ${seconds} s, a process with calls and a saga`,
        ['', 'statements a minute', 'rows', 'pages'],
        [
          ['nothing waits', ...row('without')],
          [`${count} calls and ${count} timeouts wait`, ...row('with')],
        ],
      );
      bench.report.detail('idle-waiting', found);
      const [without, waiting] = [sumOf(found.without), sumOf(found.with)];
      // One of each of the statements that come every thirty seconds may fall over the edge of a window.
      const edges = 4;
      bench.report.atMost('idle-waiting-more-statements', waiting.calls - without.calls, edges);
      bench.report.atMost('idle-waiting-more-rows', waiting.rows - without.rows, edges);
      bench.report.atMost(
        'idle-waiting-more-pages-a-statement',
        waiting.pages / waiting.calls - without.pages / without.calls,
        PAGES_MORE_EACH,
      );
    } finally {
      await server.stop();
    }
  },
};

async function measure(server: BenchServer, database: BenchDatabase, count: number, seconds: number) {
  const calls = AskedProcess.start<CallCommands>('../calls/call-process', {
    CALLS_DATABASE_URL: database.url,
  });
  try {
    // Calls of both kinds were made, so every lane knows targets.
    await calls.ask('begin', { from: 0, count: 20 });
    const without = await minute(server, database, seconds);
    await withClient(database, async (client) => {
      await client.query(FILL_CALLS, [count]);
      await client.query(FILL_TIMEOUTS, [count]);
    });
    const areKept = async () => {
      const { rows } = await withClient(database, (client) => client.query(COUNT_KEPT));
      return rows[0].kept >= count;
    };
    if (!(await untilTrue(areKept, KEPT_WITHIN_MS))) throw new Error('the timeouts were not read');
    await runIn(database, SETTLE);
    return { without, with: await minute(server, database, seconds) };
  } finally {
    await calls.end();
  }
}

async function minute(server: BenchServer, database: BenchDatabase, seconds: number): Promise<Statement[]> {
  await sleep(QUIET_MS);
  await server.query(FORGET_STATEMENTS_OF, [database.name]);
  await sleep(seconds * 1e3);
  return (await server.query(STATEMENTS_OF, [database.name])).rows as Statement[];
}

function sumOf(statements: readonly Statement[]): Sum {
  const sum = { calls: 0, rows: 0, pages: 0 };
  for (const { calls, rows, pages } of statements) {
    sum.calls += calls;
    sum.rows += rows;
    sum.pages += pages;
  }
  return sum;
}
