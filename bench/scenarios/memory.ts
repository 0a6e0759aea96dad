import { median } from '../harness/statistics.js';
import { SystemProcess } from '../harness/system-process.js';
import { PLAIN_OPTIONS } from '../systems/measured-system.js';
import { prepareBacklog } from './backlog-drain.js';
import type { Bench, Scenario } from './scenario.js';

const MIB = 1024 * 1024;
const DRAIN_LIMIT_MS = 120_000;

export const memory: Scenario = {
  name: 'memory',
  promise: 'resident memory while draining a million events, and while draining 500 events of 1 MiB each',
  run: async (bench: Bench) => {
    const many = bench.sizes.quick ? 100_000 : 1_000_000;
    const small = await growth(bench, many, undefined, bench.sizes.quick ? 1 : bench.sizes.rounds);
    const large = await growth(bench, bench.sizes.quick ? 100 : 500, MIB - 64, bench.sizes.rounds);
    bench.report.table(
      'Resident memory while draining, MiB above the start',
      ['backlog', 'highest'],
      [
        [`${many.toLocaleString('en-US')} events of 400 bytes`, small],
        [`${bench.sizes.quick ? 100 : 500} events of 1 MiB`, large],
      ],
    );
    bench.report.detail('memory', { events: many, smallMiB: small, largeMiB: large });
    bench.report.atMost('memory-growth-many-events-mib', small, 150);
    bench.report.detail('memory-growth-large-events-mib', large);
  },
};

async function growth(
  bench: Bench,
  events: number,
  payloadBytes: number | undefined,
  rounds: number,
): Promise<number> {
  const template = await prepareBacklog(bench, { system: 'integration', events, payloadBytes });
  const found: number[] = [];
  for (let round = 0; round < rounds; round++)
    found.push(
      await bench.server.withDatabase(
        (database) =>
          SystemProcess.with('integration', { ...PLAIN_OPTIONS, url: database.url }, async (process) => {
            const { complete, memory } = await process.call('drain', {
              expected: events,
              limitMs: DRAIN_LIMIT_MS,
              watchMemory: true,
            });
            if (!complete || memory === undefined)
              throw new Error(`${events} events were not drained in time`);
            return (memory.peak - memory.before) / MIB;
          }),
        template,
      ),
    );
  return median(found);
}
