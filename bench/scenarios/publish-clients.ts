import type { CompareResult } from '../harness/child-protocol.js';
import { median } from '../harness/statistics.js';
import { LIBRARIES } from '../systems/libraries/libraries.js';
import { LIBRARY_NAMES, type LibraryName } from '../systems/libraries/library-name.js';
import { PLAIN_OPTIONS } from '../systems/measured-system.js';
import { withFreshSystem } from './fresh-system.js';
import type { Bench, Scenario } from './scenario.js';

type Client = LibraryName | 'prisma';

const CLIENTS: readonly Client[] = [...LIBRARY_NAMES, 'prisma'];

export const publishClients: Scenario = {
  name: 'publish-clients',
  promise:
    'what publishing adds to a transaction of each library: against a bare INSERT through the same library',
  slow: true,
  run: async (bench: Bench) => {
    const results = new Map<Client, CompareResult[]>(CLIENTS.map((client) => [client, []]));
    const { processes, rounds } = sizesFor(bench);
    for (let turn = 0; turn < processes; turn++)
      for (const client of CLIENTS) results.get(client)?.push(...(await compare(bench, client)));

    bench.report.table(
      `Publishing through each library, one event a transaction, × a bare INSERT (${processes * rounds} rounds)`,
      ['library', 'bare ms', 'publish ms', '× bare', 'lowest', 'highest'],
      CLIENTS.map((client) => rowOf(client, results.get(client) ?? [])),
    );
    bench.report.detail('publish-clients', Object.fromEntries(results));
  },
};

/** A report and no promise: how dear a transaction is, is the library's doing. */
function rowOf(client: Client, results: readonly CompareResult[]): (string | number)[] {
  const ratios = results.map(({ ratio }) => ratio);
  return [
    client === 'prisma' ? 'Prisma, without an adapter' : LIBRARIES[client].label,
    median(results.map(({ bareMs }) => bareMs)),
    median(results.map(({ systemMs }) => systemMs)),
    median(ratios),
    Math.min(...ratios),
    Math.max(...ratios),
  ];
}

/** A process for each turn of each library, whose code is warm when it is measured. */
function sizesFor({ sizes }: Bench) {
  return sizes.quick
    ? { processes: 1, rounds: 3, transactions: 200, warmUp: 3_000, warmUpSeconds: 1.5 }
    : { processes: sizes.rounds, rounds: 4, transactions: 200, warmUp: 4_000, warmUpSeconds: 6 };
}

async function compare(bench: Bench, client: Client): Promise<CompareResult[]> {
  const { rounds, transactions, warmUp, warmUpSeconds } = sizesFor(bench);
  const options = { ...PLAIN_OPTIONS, hostClient: client === 'prisma' ? ('pg' as const) : client };
  return withFreshSystem(bench, 'integration', options, async (process) => {
    await process.call('install');
    const results = await process.call('comparePublish', {
      route: client,
      rounds,
      transactions,
      warmUp,
      warmUpSeconds,
    });
    if (results === undefined) throw new Error(`nothing is published by ${client}`);
    return results;
  });
}
