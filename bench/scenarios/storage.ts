import { median } from '../harness/statistics.js';
import { PLAIN_OPTIONS } from '../systems/measured-system.js';
import { type SystemName, systemEntry } from '../systems/systems.js';
import { withFreshSystem } from './fresh-system.js';
import type { Bench, Scenario } from './scenario.js';

const CONSUMERS = 3;
const WRITERS = 8;
const LIMIT_MS = 120_000;

/** The others write a multiple of what these do: a full run asks them once, a quick one only the leanest of all. */
const LEANEST: SystemName[] = ['row-queue', 'graphile-worker-best'];
const LAVISH: SystemName[] = ['pg-boss-best', 'sequential', 'bullmq-best'];

export const storage: Scenario = {
  name: 'storage',
  promise: `bytes of WAL per event, published in a transaction of its own and delivered to ${CONSUMERS} consumers`,
  run: async (bench: Bench) => {
    const others = bench.sizes.quick ? LEANEST.slice(0, 1) : [...LEANEST, ...LAVISH];
    const systems: SystemName[] = ['integration', ...others];
    const found = new Map<SystemName, number[]>();
    for (const system of systems) found.set(system, await walPerEvent(bench, system));

    const middle = (system: SystemName) => median(found.get(system) ?? []);
    const ours = middle('integration');
    bench.report.table(
      `WAL, bytes per event published and delivered to ${CONSUMERS} consumers`,
      ['system', 'bytes', '× this project'],
      systems.map((system) => [systemEntry(system).label, middle(system), middle(system) / ours]),
    );
    bench.report.detail('storage', Object.fromEntries(found));
    bench.report.atLeast('storage-lowest-peer-vs-project', Math.min(...others.map(middle)) / ours, 2);
  },
};

/**
 * Published first and delivered then, so that every system writes its rows and its progress on the same number of events; a value per
 * round, all in one process, for bytes do not depend on how warm it is.
 */
function walPerEvent(bench: Bench, system: SystemName): Promise<number[]> {
  const events = bench.sizes.quick ? 600 : 5_000;
  return withFreshSystem(bench, system, { ...PLAIN_OPTIONS, consumers: CONSUMERS }, async (process) => {
    await process.call('install');
    const found: number[] = [];
    const rounds = LAVISH.includes(system) ? 1 : bench.sizes.rounds;
    for (let round = 0; round < rounds; round++) {
      const bytes = await bench.server.walBytesDuring(async () => {
        const from = round * events + 1;
        await process.call('publishAll', { route: 'pg', from, count: events, writers: WRITERS });
        await process.call('startConsuming');
        await process.call('handledUntil', { expected: events * CONSUMERS, limitMs: LIMIT_MS });
        if (!(await process.call('untilSettled', { limitMs: LIMIT_MS })))
          throw new Error(`${system} did not deliver ${events} events in time`);
      });
      found.push(bytes / events);
      await process.call('stopConsuming');
    }
    return found;
  });
}
