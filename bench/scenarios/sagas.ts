import { type BenchDatabase, withClient } from '../harness/bench-server.js';
import { median } from '../harness/statistics.js';
import { AskedProcess } from '../outgoing/asked-process.js';
import type { Work } from '../outgoing/protocol.js';
import { eventNameOf, type SagaCommands, TURNS, type Turn, WAYS, type Way } from '../sagas/protocol.js';
import { COUNT_DONE, CREATE_TABLES, EMPTY, FILL_LOG } from '../sagas/sagas.store.js';
import type { Bench, Scenario } from './scenario.js';

const ROUNDS = 5;
const CONVERSATIONS = 8_000;
const QUICK_CONVERSATIONS = 2_000;
/** In these, code is compiled. */
const UNCOUNTED = 2_000;
const SAGA_OF_HAND = 0.8;

type Round = Readonly<Record<Turn, Readonly<Record<Way, Work>>>>;
type Process = AskedProcess<SagaCommands>;

export const sagas: Scenario = {
  name: 'sagas',
  promise: 'a saga that begins and takes a step, beside a transactional subscriber that writes the same rows',
  run: async (bench) => {
    const database = await bench.server.createDatabase();
    const process = AskedProcess.start<SagaCommands>('../sagas/saga-process', {
      SAGA_DATABASE_URL: database.url,
    });
    try {
      // It answers when its tables are there.
      await process.ask('drain', {});
      await withClient(database, (client) => client.query(CREATE_TABLES));
      const count = bench.sizes.quick ? QUICK_CONVERSATIONS : CONVERSATIONS;
      tell(bench, await measure(process, database, count), count);
    } finally {
      await process.end();
      await database.drop();
    }
  },
};

async function measure(process: Process, database: BenchDatabase, count: number): Promise<Round[]> {
  await round(process, database, UNCOUNTED, 0);
  const rounds: Round[] = [];
  for (let n = 1; n <= ROUNDS; n++) rounds.push(await round(process, database, count, n));
  return rounds;
}

/** Both ways do each turn. Every other round goes the other way round. */
async function round(
  process: Process,
  database: BenchDatabase,
  count: number,
  number: number,
): Promise<Round> {
  const found = { start: {}, step: {} } as Record<Turn, Record<Way, Work>>;
  await withClient(database, (client) => client.query(EMPTY));
  for (const [n, turn] of TURNS.entries())
    for (const way of number % 2 === 0 ? WAYS : [...WAYS].reverse()) {
      await withClient(database, (client) =>
        client.query(FILL_LOG, [count, eventNameOf(way, turn), `r${number}`]),
      );
      found[turn][way] = await process.ask('drain', {});
      const { rows } = await withClient(database, (client) => client.query(COUNT_DONE[way], [n + 1]));
      if (rows[0].done !== count)
        throw new Error(`${way}: ${rows[0].done} of ${count} have done the ${turn}`);
    }
  return found;
}

function tell({ report }: Bench, rounds: readonly Round[], count: number): void {
  const rate = (turn: Turn, way: Way) =>
    Math.round(median(rounds.map((each) => (count / each[turn][way].ms) * 1000)));
  const ratio = (turn: Turn) => median(rounds.map(({ [turn]: { saga, hand } }) => hand.ms / saga.ms));
  const cpu = (turn: Turn, way: Way) =>
    Math.round(median(rounds.map((each) => (each[turn][way].cpuMs / count) * 1000)));
  report.table(
    `${count} conversations of two events (${rounds.length} rounds in turn, medians)`,
    ['', 'a second', '× by hand', 'processor µs each'],
    TURNS.flatMap((turn) => [
      [`${turn}, a transactional subscriber by hand`, rate(turn, 'hand'), 1, cpu(turn, 'hand')],
      [`${turn}, a saga`, rate(turn, 'saga'), ratio(turn), cpu(turn, 'saga')],
    ]),
  );
  report.detail('sagas', rounds);
  for (const turn of TURNS) report.atLeast(`saga-${turn}-vs-by-hand`, ratio(turn), SAGA_OF_HAND);
}
