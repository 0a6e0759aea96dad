import { setTimeout as sleep } from 'node:timers/promises';
import { BenchServer } from '../harness/bench-server.js';
import { SystemProcess } from '../harness/system-process.js';
import { PLAIN_OPTIONS } from '../systems/measured-system.js';
import { BEST_PEERS, type SystemName, systemEntry } from '../systems/systems.js';
import { FORGET_STATEMENTS_OF, STATEMENTS_OF, TRACK_STATEMENTS } from './idle-cost.store.js';
import type { Bench, Scenario } from './scenario.js';

/** Until start-up is over, V8 has given back what it took (it collects from 8 to 17 seconds after it), and polling has slowed down to its idle interval. */
const QUIET_MS = 45_000;
const QUIET_PEERS_MS = 15_000;

interface IdleCost {
  statements: { query: string; calls: number }[];
  perMinute: number;
  cpuShare: number;
}

export const idleCost: Scenario = {
  name: 'idle-cost',
  idle: true,
  promise: 'statements and CPU of a process with nothing to do',
  run: async (bench: Bench) => {
    const seconds = bench.sizes.quick ? 10 : 60;
    // A server of its own: counting statements costs something, and autovacuum would be counted.
    const server = await BenchServer.start({
      shared_preload_libraries: 'pg_stat_statements',
      autovacuum: 'off',
    });
    try {
      await server.query(TRACK_STATEMENTS);
      const ours = await oursInTurn(server, seconds, bench.sizes.quick ? 1 : bench.sizes.rounds);
      const costs = new Map<SystemName, IdleCost>([['integration', ours]]);
      if (!bench.sizes.quick)
        for (const [peer, cost] of await peersAtOnce(server, seconds)) costs.set(peer, cost);
      bench.report.table(
        `Idle for ${seconds} s, 3 consumers`,
        ['system', 'statements a minute', 'CPU, % of a core'],
        [...costs].map(([system, cost]) => [systemEntry(system).label, cost.perMinute, cost.cpuShare * 100]),
      );
      bench.report.detail('idle-cost', Object.fromEntries(costs));
      bench.report.atMost('idle-statements-per-minute', ours.perMinute, allowedPerMinute(seconds));
      bench.report.atMost('idle-cpu-percent-of-a-core', ours.cpuShare * 100, 0.5);
    } finally {
      await server.stop();
    }
  },
};

/** One statement every two seconds and one read per idle interval (30 s), and one of each that the window's edges may add. */
function allowedPerMinute(seconds: number): number {
  const inWindow = (everySeconds: number) => Math.floor(seconds / everySeconds) + 1;
  return ((inWindow(2) + inWindow(30)) * 60) / seconds;
}

/**
 * One process after another, each alone on the machine: beside others that wake, a wake-up costs less. The one of middling CPU
 * counts.
 */
async function oursInTurn(server: BenchServer, seconds: number, rounds: number): Promise<IdleCost> {
  const costs: IdleCost[] = [];
  for (let round = 0; round < rounds; round++)
    costs.push(await measureIdle(server, 'integration', seconds, QUIET_MS));
  return costs.sort((a, b) => a.cpuShare - b.cpuShare)[Math.floor(rounds / 2)] as IdleCost;
}

/** Nothing is promised of them: measured at once they are shown at their best. */
function peersAtOnce(server: BenchServer, seconds: number): Promise<[SystemName, IdleCost][]> {
  return Promise.all(
    BEST_PEERS.map(
      async (peer): Promise<[SystemName, IdleCost]> => [
        peer,
        await measureIdle(server, peer, seconds, QUIET_PEERS_MS),
      ],
    ),
  );
}

async function measureIdle(
  server: BenchServer,
  system: SystemName,
  seconds: number,
  quietMs: number,
): Promise<IdleCost> {
  return server.withDatabase((database) =>
    SystemProcess.with(system, { ...PLAIN_OPTIONS, consumers: 3, url: database.url }, async (process) => {
      await process.call('install');
      await process.call('startConsuming');
      await sleep(quietMs);
      await server.query(FORGET_STATEMENTS_OF, [database.name]);
      const before = await process.call('usage');
      await sleep(seconds * 1e3);
      const after = await process.call('usage');
      const { rows } = await server.query(STATEMENTS_OF, [database.name]);
      const statements = rows as IdleCost['statements'];
      const calls = statements.reduce((sum, statement) => sum + statement.calls, 0);
      return {
        statements,
        perMinute: (calls * 60) / seconds,
        cpuShare: (after.cpuMs - before.cpuMs) / (seconds * 1e3),
      };
    }),
  );
}
