import { median } from '../harness/statistics.js';
import { type SystemName, systemEntry } from '../systems/systems.js';
import { medianRatio } from './backlog-drain.js';
import { type Latency, type LatencyProbe, probeInTurn } from './latency-probe.js';
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

const QUICKEST: SystemName[] = ['row-queue-notify'];
/** Behind it by half and more in every run. */
const SLOWER: SystemName[] = ['graphile-worker-best', 'pg-boss-best', 'bullmq-best'];

function waysOf(bench: Bench, systems: readonly SystemName[]): Way[] {
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
    ? { rounds: sizes.rounds, events: 30, comparedEvents: 30, warmUp: { events: 10, rate: PACE.rate } }
    : {
        rounds: 5,
        events: 400,
        // Some of everyone's are held up by a collection or by the machine for several times as long as an event takes otherwise, now fewer
        // and now more than one in a hundred. So where the slowest hundredth is four events, chance decides whether it is one of those.
        comparedEvents: 1_500,
        warmUp: WARM_UP,
      };
}

export const latencyIdle: Scenario = {
  name: 'latency-idle',
  promise: 'milliseconds from commit to handler on an idle system, an event every 20 ms',
  run: async (bench: Bench) => {
    const { rounds, events, comparedEvents, warmUp } = sizesFor(bench);
    const compared = oursLikeOthers(bench);
    const rivals = waysOf(bench, QUICKEST);
    const slower = bench.sizes.quick ? [] : waysOf(bench, SLOWER);
    const found = new Map<Way, Latency[]>();
    const probe = async (ways: readonly Way[], rounds: number, events: number) => {
      const probes = ways.map((way) => ({ ...way.probe, ...PACE, warmUp, events }));
      for (const [i, latencies] of (await probeInTurn(bench, probes, rounds)).entries())
        found.set(ways[i] as Way, latencies);
    };
    await probe(OURS, rounds, events);
    for (const own of compared) await probe([own, ...rivals.filter(isLike(own))], rounds, comparedEvents);
    // They cannot be the best of a comparison, and ask the server often enough to be felt by others.
    for (const way of slower) await probe([way], 1, events);

    const each = (way: Way, of: 'p50' | 'p99') => (found.get(way) ?? []).map((latency) => latency[of]);
    const middle = (way: Way, of: 'p50' | 'p99') => median(each(way, of));
    const others = [...rivals, ...slower];
    const ways = [...OURS, ...compared, ...others];
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
    // Of the few events of a quick run the slowest is one that was held up, or not.
    for (const of of bench.sizes.quick ? (['p50'] as const) : (['p50', 'p99'] as const))
      for (const own of compared) {
        const best = others.filter(isLike(own)).reduce((a, b) => (middle(b, of) < middle(a, of) ? b : a));
        const ratio = medianRatio(each(own, of), each(best, of));
        bench.report.atMost(`latency-${own.key}-${of}-vs-best-peer`, ratio, 1.5);
      }
  },
};

function isLike(own: Way): (other: Way) => boolean {
  return ({ probe }) => probe.from === own.probe.from;
}
