import { median } from '../harness/statistics.js';
import { type SystemName, systemEntry } from '../systems/systems.js';
import { type Latency, type LatencyProbe, probeLatency } from './latency-probe.js';
import type { Bench, Scenario } from './scenario.js';

interface Way {
  /** Part of the check's name. */
  key: string;
  label: string;
  probe: Pick<LatencyProbe, 'system' | 'route' | 'from' | 'hostClient'>;
  bounds?: { p50: number; p99: number };
}

const OURS: Way[] = [
  {
    key: 'integration-transaction',
    label: 'integrationApi.transaction',
    probe: { system: 'integration', route: 'own', from: 'same process', hostClient: 'prisma' },
    bounds: { p50: 2, p99: 6 },
  },
  {
    key: 'foreign-prisma',
    label: "the host's own Prisma transaction",
    probe: { system: 'integration', route: 'prisma', from: 'same process', hostClient: 'prisma' },
    bounds: { p50: 5, p99: 12 },
  },
  {
    key: 'other-process',
    label: 'published in another process',
    probe: { system: 'integration', route: 'own', from: 'another process', hostClient: 'prisma' },
    bounds: { p50: 5, p99: 15 },
  },
];

/** As the others publish: through node-postgres, which a host without a client of its own has from us. */
const oursLikeOthers = (bench: Bench): Way[] =>
  placesIn(bench).map((from) => ({
    key: from.replace(' ', '-'),
    label: `${from}, without Prisma`,
    probe: { system: 'integration', route: 'own', from, hostClient: 'pg' },
  }));

/** Where what is compared was published: in a quick run, in the same process. */
function placesIn({ sizes }: Bench): readonly LatencyProbe['from'][] {
  return sizes.quick ? ['same process'] : ['same process', 'another process'];
}

/** Those whose wake-up takes a round trip or two, the quickest first; the others are behind by a multiple. */
const QUICKEST: SystemName[] = ['row-queue-notify', 'graphile-worker-best'];

function othersIn(bench: Bench): Way[] {
  const systems: SystemName[] = bench.sizes.quick
    ? QUICKEST.slice(0, 1)
    : [...QUICKEST, 'pg-boss-best', 'bullmq-best'];
  return systems.flatMap((system) =>
    placesIn(bench).map((from) => ({
      key: `${system}, ${from}`,
      label: from,
      probe: { system, route: 'pg' as const, from },
    })),
  );
}

const PACE = { rate: 50, writers: 1 };

/**
 * Compiling goes on for thousands of events, on one of the machine's cores, and whoever waits behind it is among the slowest
 * hundredth: ours came to rest after some 4,000. Events 16 ms apart go the way of those that are measured; closer together they would be
 * a stream, which goes another.
 */
const WARM_UP = { events: 4_500, rate: 62.5 };

function sizesFor({ sizes }: Bench) {
  return sizes.quick
    ? { events: 40, warmUp: { events: 10, rate: PACE.rate } }
    : { events: 400, warmUp: WARM_UP };
}

export const latencyIdle: Scenario = {
  name: 'latency-idle',
  promise: 'milliseconds from commit to handler on an idle system, an event every 20 ms',
  run: async (bench: Bench) => {
    const others = othersIn(bench);
    const compared = oursLikeOthers(bench);
    const ways = [...OURS, ...compared, ...others];
    const found = new Map<Way, Latency[]>();
    // The rounds of a system follow each other in one process: to warm it takes longer than they do. What cannot be the best of a
    // comparison is measured once.
    const repeated = (way: Way) => way.probe.system === 'integration' || QUICKEST.includes(way.probe.system);
    for (const way of ways) {
      const rounds = repeated(way) ? bench.sizes.rounds : 1;
      found.set(way, await probeLatency(bench, { ...way.probe, ...PACE, ...sizesFor(bench), rounds }));
    }

    const middle = (way: Way, of: 'p50' | 'p99') =>
      median((found.get(way) ?? []).map((latency) => latency[of]));
    bench.report.table(
      'Commit to handler, idle, ms',
      ['system', 'published', 'p50', 'p99'],
      ways.map((way) => [
        systemEntry(way.probe.system).label,
        way.label,
        middle(way, 'p50'),
        middle(way, 'p99'),
      ]),
    );
    bench.report.detail('latency-idle', Object.fromEntries(ways.map((way) => [way.key, found.get(way)])));

    for (const way of OURS) {
      if (way.bounds === undefined) continue;
      bench.report.atMost(`latency-${way.key}-p50-ms`, middle(way, 'p50'), way.bounds.p50);
      bench.report.atMost(`latency-${way.key}-p99-ms`, middle(way, 'p99'), way.bounds.p99);
    }
    for (const of of ['p50', 'p99'] as const)
      for (const own of compared) {
        const rivals = others.filter((way) => way.probe.from === own.probe.from);
        const best = Math.min(...rivals.map((way) => middle(way, of)));
        bench.report.atMost(`latency-${own.key}-${of}-vs-best-peer`, middle(own, of) / best, 1.5);
      }
  },
};
