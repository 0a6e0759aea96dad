import { median } from '../harness/statistics.js';
import { PLAIN_OPTIONS } from '../systems/measured-system.js';
import { prepareBacklog } from './backlog-drain.js';
import { withFreshSystem } from './fresh-system.js';
import type { Bench, Scenario } from './scenario.js';

const MIB = 1024 * 1024;
const DRAIN_LIMIT_MS = 120_000;

/** What the engine reads at once at most; written down in its page loop. */
const PAGE_MIB = 4;

export const memory: Scenario = {
  name: 'memory',
  promise: 'memory while draining a million events, and while draining 500 events of 1 MiB each',
  run: async (bench: Bench) => {
    const many = bench.sizes.quick ? 30_000 : 1_000_000;
    const large = bench.sizes.quick ? 24 : 500;
    const small: Case = { events: many, watch: 'resident' };
    const resident: Case = { events: large, payloadBytes: MIB - 64, watch: 'resident' };
    const live: Case = { events: large, payloadBytes: MIB - 64, watch: 'live' };
    const growth = new Map<Case, number>();
    // Both bounds are more than twice what a quick run finds: it does with one round.
    const rounds = bench.sizes.quick ? 1 : bench.sizes.rounds;
    growth.set(small, await medianGrowth(bench, small, rounds));
    if (!bench.sizes.quick) growth.set(resident, await medianGrowth(bench, resident, 1));
    growth.set(live, await medianGrowth(bench, live, rounds));

    const of = (one: Case) => growth.get(one) ?? Number.NaN;
    bench.report.table(
      'Memory while draining, MiB above an idle process',
      ['backlog', 'what', 'highest'],
      [
        [`${many.toLocaleString('en-US')} events of 400 bytes`, 'resident', of(small)],
        ...(growth.has(resident) ? [[`${large} events of 1 MiB`, 'resident', of(resident)]] : []),
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

async function medianGrowth(
  bench: Bench,
  { events, payloadBytes, watch }: Case,
  rounds: number,
): Promise<number> {
  const template = await prepareBacklog(bench, { system: 'integration', events, payloadBytes });
  const found: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const { complete, memory } = await withFreshSystem(
      bench,
      'integration',
      PLAIN_OPTIONS,
      (process) => process.call('drain', { expected: events, limitMs: DRAIN_LIMIT_MS, watchMemory: watch }),
      template,
    );
    if (!complete || memory === undefined) throw new Error(`${events} events were not drained in time`);
    found.push((memory.peak - memory.before) / MIB);
  }
  return median(found);
}
