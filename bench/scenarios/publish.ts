import type { CompareResult } from '../harness/child-protocol.js';
import { median } from '../harness/statistics.js';
import { SystemProcess } from '../harness/system-process.js';
import { PLAIN_OPTIONS, type PublishRoute } from '../systems/measured-system.js';
import { type SystemName, systemEntry } from '../systems/systems.js';
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
    for (let round = 0; round < bench.sizes.rounds; round++)
      for (const one of cases)
        if (one.system === 'integration' || round < bench.sizes.reportedRounds)
          results.get(one)?.push(await compare(bench, one));

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

function casesFor(bench: Bench): Case[] {
  const consumers = bench.sizes.quick ? [1, 3] : [1, 3, 10];
  return [
    ...consumers.map((count): Case => ({ system: 'integration', route: 'pg', consumers: count })),
    ...consumers.map((count): Case => ({ system: 'integration', route: 'prisma', consumers: count })),
    ...OTHERS.flatMap((system) =>
      (bench.sizes.quick ? [3] : [1, 3]).map((count): Case => ({ system, route: 'pg', consumers: count })),
    ),
  ];
}

async function compare(bench: Bench, { system, route, consumers }: Case): Promise<CompareResult> {
  const template = await bench.server.template(`installed ${system} ${consumers}`, (url) =>
    SystemProcess.with(system, { ...PLAIN_OPTIONS, consumers, url }, (process) => process.call('install')),
  );
  return bench.server.withDatabase(
    (database) =>
      SystemProcess.with(system, { ...PLAIN_OPTIONS, consumers, url: database.url }, async (process) => {
        const result = await process.call('comparePublish', {
          route,
          transactions: bench.sizes.quick ? 400 : 3_000,
        });
        if (result === undefined) throw new Error(`${system} cannot publish by ${route}`);
        return result;
      }),
    template,
  );
}
