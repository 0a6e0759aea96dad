import type { CompareResult } from '../harness/child-protocol.js';
import { median } from '../harness/statistics.js';
import { PLAIN_OPTIONS, type PublishRoute } from '../systems/measured-system.js';
import { type SystemName, systemEntry } from '../systems/systems.js';
import { withFreshSystem } from './fresh-system.js';
import type { Bench, Scenario } from './scenario.js';

const ALLOWED = 1.1;

const OTHERS: SystemName[] = [
  'row-queue',
  'row-queue-notify',
  'graphile-worker-best',
  'pg-boss-best',
  'bullmq-best',
];

interface Case {
  system: SystemName;
  route: PublishRoute;
  consumers: number;
}

export const publish: Scenario = {
  name: 'publish',
  promise:
    'what publishing adds to a transaction: against a bare INSERT of the same columns through the same client',
  run: async (bench: Bench) => {
    const cases = casesFor(bench);
    const results = new Map<Case, CompareResult[]>(cases.map((one) => [one, []]));
    const { processes } = sizesFor(bench);
    for (let turn = 0; turn < processes; turn++)
      for (const one of cases)
        if (one.system === 'integration' || turn === 0)
          results.get(one)?.push(...(await compare(bench, one)));

    const ratio = (one: Case) => median((results.get(one) ?? []).map((result) => result.ratio));
    bench.report.table(
      'Publishing, one event a transaction, × a bare INSERT',
      ['system', 'client', 'consumers', 'bare ms', 'publish ms', '× bare'],
      cases.map((one) => [
        systemEntry(one.system).label,
        one.system === 'bullmq-best' ? 'its own, not in the transaction' : one.route,
        one.consumers,
        median((results.get(one) ?? []).map((result) => result.bareMs)),
        median((results.get(one) ?? []).map((result) => result.systemMs)),
        ratio(one),
      ]),
    );
    bench.report.detail(
      'publish',
      cases.map((one) => ({ ...one, results: results.get(one) })),
    );
    for (const one of cases.filter(({ system }) => system === 'integration'))
      bench.report.atMost(`publish-${one.route}-${one.consumers}-vs-bare-insert`, ratio(one), ALLOWED);
  },
};

/**
 * A full run takes each of its rounds in another process; a quick run takes all of them in one. Either side is warm when it is measured:
 * from one thousand events to the next a process publishes them in less, until all of the engine's code is compiled after some three thousand.
 */
function sizesFor({ sizes }: Bench) {
  return sizes.quick
    ? { processes: 1, rounds: sizes.rounds, transactions: 200, warmUp: 4_000, warmUpSeconds: 1.5 }
    : { processes: sizes.rounds, rounds: 1, transactions: 1_000, warmUp: 4_000, warmUpSeconds: 60 };
}

/** One rival is enough to see beside, in a quick run. */
function casesFor(bench: Bench): Case[] {
  const { quick } = bench.sizes;
  const consumers = quick ? [3] : [1, 3, 10];
  const others: SystemName[] = quick ? ['row-queue'] : OTHERS;
  return [
    ...consumers.map((count): Case => ({ system: 'integration', route: 'pg', consumers: count })),
    ...consumers.map((count): Case => ({ system: 'integration', route: 'prisma', consumers: count })),
    ...others.flatMap((system) =>
      (quick ? [3] : [1, 3]).map((count): Case => ({ system, route: 'pg', consumers: count })),
    ),
  ];
}

async function compare(bench: Bench, { system, route, consumers }: Case): Promise<CompareResult[]> {
  const own = system === 'integration';
  const { rounds, transactions, warmUp, warmUpSeconds } = sizesFor(bench);
  return withFreshSystem(bench, system, { ...PLAIN_OPTIONS, consumers }, async (process) => {
    await process.call('install');
    const results = await process.call('comparePublish', {
      route,
      rounds: own ? rounds : 1,
      transactions: own ? transactions : transactions / 2,
      warmUp,
      warmUpSeconds,
    });
    if (results === undefined) throw new Error(`${system} cannot publish by ${route}`);
    return results;
  });
}
