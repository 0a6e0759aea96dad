import { consumersOfEveryKind, type ProofProcess } from '../harness/child-process.js';
import { monotonicMs } from '../harness/clock.js';
import { judge, readEvents } from '../harness/evidence.js';
import { readRuns, readWrites } from '../harness/journal.js';
import { INBOX, TERMINATE_BACKENDS, TERMINATE_HOST, WAL_WRITER } from '../harness/proof-database.store.js';
import { unsettled, untilLeased, untilSettled } from '../harness/settled.js';
import { sleep, until } from '../harness/wait.js';
import type { Scenario, Stage } from './scenario.js';

const CONSUMERS = consumersOfEveryKind({ partitions: 2 });
/** Events to find out what this machine can do, the share of it that is then asked for, and its limits, in events a second. */
const CALIBRATION = 400;
const SHARE = 0.3;
const MOST_A_SECOND = 150;
const FEWEST_A_SECOND = 10;
const TERMINATIONS = 10;
/** Of the host's sessions alone: handlers lose theirs while they do something else, and the engine would hear of no loss. */
const HOST_TERMINATIONS = 20;
const HOST_TERMINATION_EVERY_MS = 150;
const POOL_EXHAUSTED_MS = 3_000;
/** For so long before its crash the server keeps commits in memory. */
const UNWRITTEN_MS = 1_500;

/** The database goes away in every way it has. */
export const restarts: Scenario = {
  name: 'restarts',
  shows:
    'Postgres restarted three times, backends ended ten times, the host’s alone twenty times, pool exhausted: it resumes, no attempt counted',
  run: async (stage) => {
    const { database, processes, sizes } = stage;
    const setup = { databaseUrl: database.url, consumers: CONSUMERS, hostConnections: 24 };
    const workers = [processes.worker(setup), processes.worker(setup)];
    const publisher = processes.publisher({ databaseUrl: database.url, seed: stage.seed });
    await Promise.all([...workers, publisher].map((one) => one.ready()));
    await untilLeased(database);
    const window = sizes.long ? 30_000 : 6_000;
    const rate = await calibrate(stage, publisher);
    await publisher.ask({ kind: 'run', rate });
    await sleep(2_000);

    const before = await measure(window);
    await injectFaults(stage, workers);
    const faultsEndedAt = monotonicMs();
    await until('the backlog of the faults is worked off', () => caughtUp(stage.folder, faultsEndedAt), {
      everyMs: 250,
      withinMs: 180_000,
    });
    const recoveredMs = monotonicMs() - faultsEndedAt;
    const after = await measure(window);
    await publisher.ask({ kind: 'halt' });
    await untilSettled(database, 120_000).catch(() => {});
    stage.report.exactly('restarts-left-unsettled', await unsettled(database), 0);
    await processes.closeAll();

    await reportOutcome(stage, recoveredMs, ratioOf(stage.folder, after) / ratioOf(stage.folder, before));
  },
};

/** A rate that this machine, as busy as it is, has room for: what is measured is the engine's return, not the load. */
async function calibrate({ database, report }: Stage, publisher: ProofProcess): Promise<number> {
  const from = monotonicMs();
  await publisher.ask({ kind: 'run', events: CALIBRATION });
  await publisher.ask({ kind: 'finished' });
  await untilSettled(database, 120_000);
  const possible = (CALIBRATION * 1e3) / (monotonicMs() - from);
  const rate = Math.round(Math.min(MOST_A_SECOND, Math.max(FEWEST_A_SECOND, possible * SHARE)));
  report.figure('restarts-published-per-second', rate);
  return rate;
}

type Window = readonly [from: number, to: number];

async function measure(ms: number): Promise<Window> {
  const from = monotonicMs();
  await sleep(ms);
  return [from, monotonicMs()];
}

async function injectFaults(stage: Stage, workers: readonly ProofProcess[]): Promise<void> {
  const { server, database } = stage;
  await server.restart('fast');
  await sleep(3_000);
  for (let round = 0; round < TERMINATIONS; round++) {
    await reached(() => database.query(TERMINATE_BACKENDS));
    await sleep(300 + stage.random.int(700));
  }
  await sleep(2_000);
  for (let round = 0; round < HOST_TERMINATIONS; round++) {
    await reached(() => database.query(TERMINATE_HOST));
    await sleep(HOST_TERMINATION_EVERY_MS);
  }
  await loseCommits(stage);
  await sleep(3_000);
  await Promise.all(workers.map((worker) => worker.ask({ kind: 'exhaust', ms: POOL_EXHAUSTED_MS })));
  await sleep(1_000);
  await server.restart('fast');
}

/**
 * The server promises less than it should for a while, and then ends as in a crash. Its WAL writer is held up meanwhile: it
 * would write commits before their time, and a crash of processes alone would lose hardly any.
 */
async function loseCommits({ server }: Stage): Promise<void> {
  await server.admin('ALTER SYSTEM SET synchronous_commit = off');
  await server.admin('SELECT pg_reload_conf()');
  await sleep(1_000);
  const [writer] = await server.admin<{ pid: number }>(WAL_WRITER);
  if (writer === undefined) throw new Error('the server has no WAL writer');
  process.kill(writer.pid, 'SIGSTOP');
  await sleep(UNWRITTEN_MS);
  const restarted = server.restart('immediate');
  // It finds its end waiting.
  await sleep(100);
  process.kill(writer.pid, 'SIGCONT');
  await restarted;
  await server.admin('ALTER SYSTEM RESET ALL');
  await server.admin('SELECT pg_reload_conf()');
}

/** The observer's own session may be among the ended ones. */
async function reached<T>(ask: () => Promise<T>): Promise<T> {
  return until('the server answers', () => ask().catch(() => undefined), { withinMs: 30_000 });
}

/** Whether what was committed since then, but for the last second, has been handled by every consumer, but for a few. */
function caughtUp(folder: string, since: number): boolean {
  const before = monotonicMs() - 1_000;
  const due = readWrites(folder).filter(
    ({ outcome, at }) => outcome === 'committed' && at > since && at < before,
  );
  const handled = new Set(readRuns(folder).map((run) => `${run.consumer} ${run.eventId}`));
  const missing = CONSUMERS.flatMap(({ name }) =>
    due.filter((write) => !handled.has(`${name} ${write.eventId}`)),
  );
  return due.length > 0 && missing.length <= due.length * 0.01;
}

/** Deliveries in a window for each event that was published in it. */
function ratioOf(folder: string, [from, to]: Window): number {
  const inWindow = (at: number | undefined) => at !== undefined && at >= from && at < to;
  const published = readWrites(folder).filter(({ outcome, at }) => outcome === 'committed' && inWindow(at));
  const handled = readRuns(folder).filter((run) => inWindow(run.endedAt));
  return handled.length / (published.length * CONSUMERS.length);
}

async function reportOutcome(stage: Stage, recoveredMs: number, throughput: number): Promise<void> {
  const { database, folder, report, processes } = stage;
  const events = await readEvents(database);
  const stored = new Set(events.map((event) => event.id));
  const writes = readWrites(folder);
  const acknowledged = writes.filter(({ outcome }) => outcome === 'committed');
  report.figure('restarts-events', events.length);
  // With none lost the run would not have shown what it is for.
  report.atLeast(
    'restarts-commits-that-the-server-lost',
    acknowledged.filter(({ eventId }) => !stored.has(eventId)).length,
    1,
  );
  report.figure('restarts-recovery-seconds', recoveredMs / 1e3);
  const runs = readRuns(folder);
  for (const consumer of CONSUMERS) {
    const verdict = await judge(database, folder, consumer, events);
    report.exactly(`restarts-undelivered-${consumer.name}`, verdict.lost, 0);
    report.exactly(`restarts-order-violations-${consumer.name}`, verdict.orderViolations, 0);
    if (consumer.kind !== 'plain')
      report.exactly(`restarts-duplicate-effects-${consumer.name}`, verdict.duplicates, 0);
    report.detail(`restarts-${consumer.name}`, verdict);
  }
  report.exactly('restarts-counted-attempts', runs.filter((run) => run.attempt > 1).length, 0);
  const failed = (await database.query<{ status: string; rows: number }>(INBOX)).filter(
    ({ status }) => status !== 'processed',
  );
  report.exactly(
    'restarts-failed-events',
    failed.reduce((sum, { rows }) => sum + rows, 0),
    0,
  );
  report.exactly('restarts-processes-ended-by-themselves', processes.deaths.length, 0);
  report.atLeast('restarts-throughput-afterwards', throughput, 0.95);
}
