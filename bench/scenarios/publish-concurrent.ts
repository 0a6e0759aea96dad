import { median } from '../harness/statistics.js';
import { PLAIN_OPTIONS, type PublishRoute } from '../systems/measured-system.js';
import { medianRatio } from './backlog-drain.js';
import { withFreshSystem } from './fresh-system.js';
import type { Bench, Scenario } from './scenario.js';

const WRITERS = 64;
const ROUNDS = 5;

/** Commits a second, a value per round. */
interface CommitsResult {
  bare: number[];
  system: number[];
}

interface Way {
  route: PublishRoute;
  label: string;
  bare: string;
  check: string;
}

const WAYS: readonly Way[] = [
  {
    route: 'pg',
    label: `${WRITERS} connections of node-postgres`,
    bare: 'the same',
    check: `publish-${WRITERS}-writers-vs-bare-commits`,
  },
  {
    route: 'prisma',
    label: 'one Prisma client',
    bare: 'the same',
    check: `publish-${WRITERS}-writers-prisma-vs-bare-commits`,
  },
  {
    route: 'own',
    label: 'integrationApi.transaction, without a client of the host',
    bare: `${WRITERS} connections of node-postgres`,
    check: `publish-${WRITERS}-writers-own-vs-bare-commits`,
  },
];

export const publishConcurrent: Scenario = {
  name: 'publish-concurrent',
  promise: `${WRITERS} concurrent writers with wake-up on, against the commits per second of bare INSERTs`,
  run: async (bench: Bench) => {
    const found: { way: Way; result: CommitsResult; share: number }[] = [];
    // A quick run has the time for one.
    for (const way of bench.sizes.quick ? WAYS.slice(0, 1) : WAYS) {
      const result = await countCommits(bench, way.route);
      found.push({ way, result, share: medianRatio(result.system, result.bare) });
    }
    bench.report.table(
      `${WRITERS} writers at once, one event a transaction`,
      ['through', 'bare INSERTs through', 'bare commits/s', 'publishing', 'share'],
      found.map(({ way, result, share }) => [
        way.label,
        way.bare,
        median(result.bare),
        median(result.system),
        share,
      ]),
    );
    bench.report.detail(
      'publish-concurrent',
      Object.fromEntries(found.map(({ way, result }) => [way.route, result])),
    );
    for (const { way, share } of found) bench.report.atLeast(way.check, share, 0.95);
  },
};

/**
 * A process for each round, in which short turns of one and the other alternate: each process keeps a pace of its own for as long as it
 * lives, and the machine's changes from second to second.
 */
async function countCommits(bench: Bench, route: PublishRoute): Promise<CommitsResult> {
  const { quick } = bench.sizes;
  const result: CommitsResult = { bare: [], system: [] };
  for (let round = 0; round < (quick ? 3 : ROUNDS); round++) {
    const options = { ...PLAIN_OPTIONS, consumers: 3 };
    const { bare, system } = await withFreshSystem(bench, 'integration', options, async (process) => {
      await process.call('install');
      return process.call('countCommits', {
        route,
        writers: WRITERS,
        warmUpSeconds: quick ? 0.8 : 4,
        turnSeconds: 0.25,
        turns: quick ? 5 : 32,
      });
    });
    result.bare.push(bare);
    result.system.push(system);
  }
  return result;
}
