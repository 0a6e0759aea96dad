import pg from 'pg';
import { judge, readEvents } from '../harness/evidence.js';
import { untilLeased, untilSettled } from '../harness/settled.js';
import { sleep, until } from '../harness/wait.js';
import type { ConsumerSpec } from '../processes/protocol.js';
import { CONSUMERS_WITH_HOLES, CURSORS, DRAW_IN_VAIN, PUBLISH_AND_STAY } from './many-holes.store.js';
import type { Scenario, Stage } from './scenario.js';

const HOLES = 100_000;
const LONG_HOLES = 1_000_000;
const CONSUMERS: readonly ConsumerSpec[] = ['first', 'second'].map((name) => ({
  name,
  kind: 'plain',
  eventNames: ['thing.*'],
}));
const STAYS_MS = 3_000;
const GONE_WITHIN_MS = 60_000;
/** Of a cursor without holes. */
const FEW_BYTES = 500;
/** Of both processes, from their start on: most of it is starting them. */
const CPU_MS = 8_000;

interface Cursor {
  readonly name: string;
  readonly owner: string | null;
  readonly token: string | null;
  readonly unclean: number;
  readonly bytes: number;
}

/** What very many rolled-back positions leave behind, once the transaction that they had to wait for has ended. */
export const manyHoles: Scenario = {
  name: 'many-holes',
  shows:
    'a hundred thousand holes in each of two cursors: both processes keep their leases and are rid of them',
  run: async (stage) => {
    const { database, processes, report, sizes } = stage;
    const holes = sizes.events ?? (sizes.long ? LONG_HOLES : HOLES);
    await database.query(DRAW_IN_VAIN, [holes]);
    await database.query(CONSUMERS_WITH_HOLES, [holes, CONSUMERS.map(({ name }) => name)]);
    const writer = new pg.Client({ connectionString: database.url, application_name: 'proof writer' });
    await writer.connect();
    await writer.query('BEGIN');
    await writer.query(PUBLISH_AND_STAY);
    const setup = { databaseUrl: database.url, consumers: CONSUMERS, workMs: 0 };
    const workers = [processes.worker(setup), processes.worker(setup)];
    await Promise.all(workers.map((worker) => worker.ready()));
    await untilLeased(database);
    const owners = async () => new Set((await cursorsOf(stage)).map(({ owner }) => owner ?? ''));
    await until('each process has a consumer', async () => (await owners()).size === CONSUMERS.length);
    await sleep(STAYS_MS);
    const before = await cursorsOf(stage);
    await writer.query('COMMIT');
    await writer.end();
    const areSmall = async () => (await cursorsOf(stage)).every(({ bytes }) => bytes < FEW_BYTES);
    await until('the holes are gone', areSmall, { withinMs: GONE_WITHIN_MS });
    const after = await cursorsOf(stage);
    await untilSettled(database, GONE_WITHIN_MS);
    const used = await Promise.all(workers.map((worker) => worker.usage()));
    await processes.closeAll();

    const token = (cursors: readonly Cursor[], name: string) =>
      cursors.find((cursor) => cursor.name === name)?.token;
    const moved = CONSUMERS.filter(({ name }) => token(before, name) !== token(after, name));
    report.exactly('many-holes-leases-that-changed-hands', moved.length, 0);
    report.exactly('many-holes-unclean-takeovers', Math.max(...after.map(({ unclean }) => unclean)), 0);
    report.atMost(
      'many-holes-cpu-ms',
      used.reduce((sum, { cpuMs }) => sum + cpuMs, 0),
      CPU_MS,
    );
    const events = await readEvents(database);
    for (const consumer of CONSUMERS) {
      const { lost } = await judge(database, stage.folder, consumer, events);
      report.exactly(`many-holes-lost-${consumer.name}`, lost, 0);
    }
  },
};

function cursorsOf({ database }: Stage): Promise<Cursor[]> {
  return database.query<Cursor>(CURSORS);
}
