import { median } from '../harness/statistics.js';
import { SystemProcess } from '../harness/system-process.js';
import { PLAIN_OPTIONS } from '../systems/measured-system.js';
import { type SystemName, systemEntry } from '../systems/systems.js';
import type { Bench, Scenario } from './scenario.js';

const CONSUMERS = 3;
const WRITERS = 8;
const LIMIT_MS = 120_000;

const OTHERS = [
  'row-queue',
  'sequential',
  'graphile-worker-best',
  'pg-boss-best',
  'bullmq-best',
] as const satisfies SystemName[];

export const storage: Scenario = {
  name: 'storage',
  promise: `bytes of WAL per event, published in a transaction of its own and delivered to ${CONSUMERS} consumers`,
  run: async (bench: Bench) => {
    const systems: SystemName[] = ['integration', ...OTHERS];
    const found = new Map<SystemName, number[]>(systems.map((system) => [system, []]));
    for (let round = 0; round < bench.sizes.reportedRounds; round++)
      for (const system of systems) found.get(system)?.push(await walPerEvent(bench, system));

    const middle = (system: SystemName) => median(found.get(system) ?? []);
    const ours = middle('integration');
    bench.report.table(
      `WAL, bytes per event published and delivered to ${CONSUMERS} consumers`,
      ['system', 'bytes', '× this project'],
      systems.map((system) => [systemEntry(system).label, middle(system), middle(system) / ours]),
    );
    bench.report.detail('storage', Object.fromEntries(found));
    bench.report.atLeast('storage-lowest-peer-vs-project', Math.min(...OTHERS.map(middle)) / ours, 2);
  },
};

/** Published first and delivered then, so that every system writes its rows and its progress on the same number of events. */
async function walPerEvent(bench: Bench, system: SystemName): Promise<number> {
  const events = bench.sizes.quick ? 1_500 : 20_000;
  return bench.server.withDatabase((database) =>
    SystemProcess.with(
      system,
      { ...PLAIN_OPTIONS, consumers: CONSUMERS, url: database.url },
      async (process) => {
        await process.call('install');
        const bytes = await bench.server.walBytesDuring(async () => {
          await process.call('publishAll', { route: 'pg', from: 1, count: events, writers: WRITERS });
          await process.call('startConsuming');
          await process.call('handledUntil', { expected: events * CONSUMERS, limitMs: LIMIT_MS });
          if (!(await process.call('untilSettled', { limitMs: LIMIT_MS })))
            throw new Error(`${system} did not deliver ${events} events in time`);
        });
        return bytes / events;
      },
    ),
  );
}
