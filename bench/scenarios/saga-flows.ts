import { type BenchDatabase, withClient } from '../harness/bench-server.js';
import { median } from '../harness/statistics.js';
import { AskedProcess } from '../outgoing/asked-process.js';
import type { Work } from '../outgoing/protocol.js';
import { FLOW_STEPS, type FlowCommands } from '../sagas/protocol.js';
import { COUNT_WHOLE, CREATE_JOURNAL } from '../sagas/sagas.store.js';
import type { Bench, Scenario } from './scenario.js';

const ROUNDS = 5;
const FLOWS = 2_000;
const QUICK_FLOWS = 400;
const SAGA_OF_DBOS = 2;

const WAYS = ['saga', 'dbos'] as const;
type Way = (typeof WAYS)[number];
const PROGRAMS: Readonly<Record<Way, string>> = {
  saga: '../sagas/flow-process',
  dbos: '../sagas/dbos-process',
};
const LABELS: Readonly<Record<Way, string>> = { saga: 'a saga', dbos: 'a workflow of DBOS' };

interface Side {
  readonly process: AskedProcess<FlowCommands>;
  readonly database: BenchDatabase;
}

export const sagaFlows: Scenario = {
  name: 'saga-flows',
  promise: 'whole conversations of four steps and one signal, beside DBOS',
  run: async (bench) => {
    const count = bench.sizes.quick ? QUICK_FLOWS : FLOWS;
    const sides = {} as Record<Way, Side>;
    try {
      for (const way of WAYS) sides[way] = await begin(bench, way);
      const found: Record<Way, Work[]> = { saga: [], dbos: [] };
      for (let round = 0; round <= ROUNDS; round++)
        for (const way of round % 2 === 0 ? WAYS : [...WAYS].reverse()) {
          const work = await sides[way].process.ask('flows', { from: round * count, count });
          // In the first round, code is compiled.
          if (round > 0) found[way].push(work);
        }
      for (const way of WAYS) await requireWhole(sides[way], (ROUNDS + 1) * count);
      tell(bench, found, count);
    } finally {
      for (const { process, database } of Object.values(sides)) {
        await process.end();
        await database.drop();
      }
    }
  },
};

async function begin({ server }: Bench, way: Way): Promise<Side> {
  const database = await server.createDatabase();
  await withClient(database, (client) => client.query(CREATE_JOURNAL));
  const process = AskedProcess.start<FlowCommands>(PROGRAMS[way], { FLOW_DATABASE_URL: database.url });
  return { process, database };
}

/** Each conversation has done each step once, in order. */
async function requireWhole({ database }: Side, count: number): Promise<void> {
  const { rows } = await withClient(database, (client) => client.query(COUNT_WHOLE, [FLOW_STEPS]));
  if (rows[0].whole !== count) throw new Error(`${rows[0].whole} of ${count} conversations are whole`);
}

function tell({ report }: Bench, found: Readonly<Record<Way, readonly Work[]>>, count: number): void {
  const rate = (way: Way) => Math.round(median(found[way].map(({ ms }) => (count / ms) * 1000)));
  const cpu = (way: Way) => Math.round(median(found[way].map(({ cpuMs }) => (cpuMs / count) * 1000)));
  const ratio = median(found.dbos.map(({ ms }, round) => ms / (found.saga[round]?.ms ?? Number.NaN)));
  report.table(
    `${count} conversations of four steps and one signal, 100 at once (${ROUNDS} rounds in turn, medians)`,
    ['', 'a second', '× DBOS', 'processor µs each'],
    [
      [LABELS.dbos, rate('dbos'), 1, cpu('dbos')],
      [LABELS.saga, rate('saga'), ratio, cpu('saga')],
    ],
  );
  report.detail('saga-flows', found);
  report.atLeast('saga-flows-vs-dbos', ratio, SAGA_OF_DBOS);
}
