import type { ProofProcess } from '../harness/child-process.js';
import { type ProofDatabase, ProofServer } from '../harness/proof-server.js';
import { sleep, until } from '../harness/wait.js';
import { JOURNAL_TABLE } from '../processes/conversing.store.js';
import type { Scenario, Sizes, Stage } from '../scenarios/scenario.js';
import { judgeWalks } from './evidence.js';
import { TO_COME, WALKS_ENDED } from './evidence.store.js';
import { eventsOfWalks, type WalkPayload, walksOf } from './walks.js';

const PROCESSES = 2;
/** A process is killed at any moment of this time after its share is there. */
const MOMENT_MS = 100;

/** How many walks, how often something is killed, and how often the server is restarted meanwhile. */
function planOf({ long, events }: Sizes) {
  return { walks: events ?? (long ? 10_000 : 450), kills: long ? 30 : 3, undoKills: long ? 10 : 1 };
}

/** After this time something is not getting on at all. */
const longestStepMs = ({ long }: Sizes) => (long ? 900_000 : 120_000);

/** Many walks at once, while processes are killed, also in the midst of an undo, and Postgres is restarted. */
export const killedWalks: Scenario = {
  name: 'sagas-killed',
  shows: 'sagas whose processes are killed, and whose server is restarted: each step once, none stuck',
  run: async (stage) => {
    const server = await ProofServer.start();
    try {
      const database = await server.createDatabase('walks');
      await database.query(JOURNAL_TABLE);
      await walk({ ...stage, server, database });
      await stage.processes.closeAll();
      await database.drop();
    } finally {
      await server.stop();
    }
  },
};

async function walk(stage: Stage): Promise<void> {
  const { database, processes, random, sizes } = stage;
  const { walks: count, kills, undoKills } = planOf(sizes);
  const walks = walksOf(count);
  const setup = { databaseUrl: database.url };
  const start = () => processes.conversing(setup);
  const publisher = await start().ready();
  const running = Array.from({ length: PROCESSES }, start);
  const dying = Array.from({ length: undoKills }, () => processes.conversing({ ...setup, diesInUndo: true }));
  await Promise.all(dying.map((each) => each.ready()));
  const publishing = publisher.ask({ kind: 'publish', events: eventsOfWalks(walks, random) });
  await killAndRestart(stage, running, start, { count, kills });
  await publishing;
  await Promise.all(dying.map((each) => each.whenEnded()));
  // What was handled is delivered once more, while the rest goes on.
  await publisher.ask({ kind: 'replay' });
  await untilNothingComes(database, count, longestStepMs(sizes));
  await judge(stage, walks, { kills, undoKills });
}

/** Kills one process after another, and restarts the server twice, each when a further share has ended. */
async function killAndRestart(
  { database, server, random, sizes }: Stage,
  running: ProofProcess[],
  start: () => ProofProcess,
  { count, kills }: { readonly count: number; readonly kills: number },
): Promise<void> {
  const restarts = new Map([
    [Math.floor(kills / 3), 'fast'],
    [Math.floor((2 * kills) / 3), 'immediate'],
  ] as const);
  for (let kill = 1; kill <= kills; kill++) {
    const share = Math.floor((count * (kill - random.next())) / (kills + 1));
    await until(`${share} of ${count} walks have ended`, async () => (await ended(database)) >= share, {
      everyMs: 20,
      withinMs: longestStepMs(sizes),
    });
    await sleep(random.int(MOMENT_MS));
    await running.shift()?.kill();
    running.push(start());
    const mode = restarts.get(kill);
    if (mode !== undefined) await server.restart(mode);
  }
}

async function judge(
  { database, processes, report }: Stage,
  walks: readonly WalkPayload[],
  { kills, undoKills }: { readonly kills: number; readonly undoKills: number },
): Promise<void> {
  const verdict = await judgeWalks(database, walks);
  report.figure('sagas', walks.length);
  const killed = processes.all.filter(({ end }) => end === 'SIGKILL').length;
  report.exactly('sagas-processes-killed', killed, kills + undoKills);
  report.exactly('sagas-killed-within-an-undo', processes.deaths.length, undoKills);
  report.exactly('sagas-stuck', verdict.stuck, 0);
  report.exactly('sagas-with-another-journal-than-the-log', verdict.wrongJournals.length, 0);
  report.exactly('sagas-with-another-history', verdict.wrongHistories.length, 0);
  report.exactly('sagas-with-other-events-or-half-an-undo', verdict.wrongEvents.length, 0);
  report.exactly('sagas-events-that-still-wait', verdict.waiting, 0);
  report.exactly('sagas-dead-letters', verdict.dead, 0);
  report.figure('sagas-paid-before-the-timeout', verdict.races.paid);
  report.figure('sagas-timeout-before-the-payment', verdict.races.late);
  report.detail('sagas-wrong', verdict);
}

async function ended(database: ProofDatabase): Promise<number> {
  // The server may be restarting.
  const rows = await database.query<{ ended: number }>(WALKS_ENDED).catch(() => []);
  return rows[0]?.ended ?? 0;
}

async function untilNothingComes(database: ProofDatabase, count: number, withinMs: number): Promise<void> {
  await until(
    'all walks have ended, and nothing is to come',
    async () => {
      const rows = await database.query<{ toCome: number }>(TO_COME).catch(() => []);
      return rows[0]?.toCome === 0 && (await ended(database)) >= count;
    },
    { everyMs: 250, withinMs },
  );
}
