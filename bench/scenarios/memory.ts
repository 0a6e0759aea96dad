import { median } from '../harness/statistics.js';
import { SystemProcess } from '../harness/system-process.js';
import { PLAIN_OPTIONS } from '../systems/measured-system.js';
import { prepareBacklog } from './backlog-drain.js';
import type { Bench, Scenario } from './scenario.js';

const MIB = 1024 * 1024;
const DRAIN_LIMIT_MS = 120_000;

/** What the engine reads at once at most; written down in its page loop. */
const PAGE_MIB = 4;

export const memory: Scenario = {
  name: 'memory',
  promise: 'memory while draining a million events, and while draining 500 events of 1 MiB each',
  run: async (bench: Bench) => {
    const many = bench.sizes.quick ? 100_000 : 1_000_000;
    const large = bench.sizes.quick ? 100 : 500;
    const small: Case = { events: many, watch: 'resident' };
    const resident: Case = { events: large, payloadBytes: MIB - 64, watch: 'resident' };
    const live: Case = { events: large, payloadBytes: MIB - 64, watch: 'live' };
    const growth = new Map<Case, number>();
    for (const one of [small, resident, live]) growth.set(one, await medianGrowth(bench, one));

    const of = (one: Case) => growth.get(one) ?? Number.NaN;
    bench.report.table(
      'Memory while draining, MiB above an idle process',
      ['backlog', 'what', 'highest'],
      [
        [`${many.toLocaleString('en-US')} events of 400 bytes`, 'resident', of(small)],
        [`${large} events of 1 MiB`, 'resident', of(resident)],
        [`${large} events of 1 MiB`, 'alive after a collection', of(live)],
      ],
    );
    bench.report.detail(
      'memory',
      [...growth].map(([one, mib]) => ({ ...one, mib })),
    );
    bench.report.atMost('memory-growth-many-events-mib', of(small), 150);
    bench.report.atMost('memory-live-large-events-mib', of(live), 2 * PAGE_MIB);
  },
};

interface Case {
  events: number;
  payloadBytes?: number;
  watch: 'resident' | 'live';
}

async function medianGrowth(bench: Bench, { events, payloadBytes, watch }: Case): Promise<number> {
  const template = await prepareBacklog(bench, { system: 'integration', events, payloadBytes });
  const found: number[] = [];
  for (let round = 0; round < bench.sizes.rounds; round++) {
    found.push(
      await bench.server.withDatabase(
        (database) =>
          SystemProcess.with('integration', { ...PLAIN_OPTIONS, url: database.url }, async (process) => {
            const { complete, memory } = await process.call('drain', {
              expected: events,
              limitMs: DRAIN_LIMIT_MS,
              watchMemory: watch,
            });
            if (!complete || memory === undefined)
              throw new Error(`${events} events were not drained in time`);
            return (memory.peak - memory.before) / MIB;
          }),
        template,
      ),
    );
  }
  return median(found);
}
