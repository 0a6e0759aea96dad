import type { ProofProcess } from '../harness/child-process.js';
import { type ProofDatabase, ProofServer } from '../harness/proof-server.js';
import { sleep, until } from '../harness/wait.js';
import type { Scenario, Sizes, Stage } from '../scenarios/scenario.js';
import { callsOf, endOf, type ProofRequest, SEQUENCES } from './calls-of-proof.js';
import { CALLS, CALLS_ENDED, WAITING_IN_VAIN } from './evidence.store.js';
import { OtherSystem } from './other-system.js';

const PROCESSES = 2;
/** A process is killed at any moment of this time after its share is there. */
const MOMENT_MS = 100;
/** `maxAttempts` of the types. */
const ATTEMPTS = 4;

function planOf({ long, events }: Sizes) {
  return { calls: events ?? (long ? 5_000 : 400), kills: long ? 20 : 3, innocent: 200 };
}

const longestStepMs = ({ long }: Sizes) => (long ? 900_000 : 120_000);

interface CallRow {
  readonly id: string;
  readonly type: string;
  readonly kind: ProofRequest['kind'];
  readonly status: string;
  readonly attempt: number;
  readonly code: string | null;
  readonly steps: string;
}

/** Many calls at once, while the processes that make them are killed. */
export const killedCalls: Scenario = {
  name: 'calls-killed',
  shows:
    'calls whose processes are killed before, during and after the start: one end each, nothing done twice',
  run: (stage) => withCalls(stage, killed),
};

/** One call that ends its process, and many beside it. */
export const poisonCall: Scenario = {
  name: 'calls-poison',
  shows: 'a call that ends its process is given up, and the 200 beside it are done',
  run: (stage) => withCalls(stage, poisoned),
};

interface CallStage extends Stage {
  readonly system: OtherSystem;
  readonly publisher: ProofProcess;
  start(): ProofProcess;
}

async function withCalls(stage: Stage, run: (stage: CallStage) => Promise<void>): Promise<void> {
  const server = await ProofServer.start();
  let publisher: ProofProcess | undefined;
  const system = await OtherSystem.start((externalId) => {
    publisher?.ask({ kind: 'webhook', externalId }).catch(() => {});
  });
  try {
    const database = await server.createDatabase('calls');
    const setup = { databaseUrl: database.url, systemUrl: system.url };
    publisher = await stage.processes.calling({ ...setup, role: 'publisher' }).ready();
    const start = () => stage.processes.calling({ ...setup, role: 'all' });
    await run({ ...stage, server, database, system, publisher, start });
    await stage.processes.closeAll();
    await database.drop();
  } finally {
    await system.stop();
    await server.stop();
  }
}

async function killed(stage: CallStage): Promise<void> {
  const { database, random, sizes, publisher, start, report } = stage;
  const { calls: count, kills } = planOf(sizes);
  const running = Array.from({ length: PROCESSES }, start);
  const creating = publisher.ask({ kind: 'create', calls: callsOf(count, random) });
  for (let kill = 1; kill <= kills; kill++) {
    const share = Math.floor((count * (kill - random.next())) / (kills + 1));
    await untilEnded(database, share, sizes);
    await sleep(random.int(MOMENT_MS));
    await running.shift()?.kill();
    running.push(start());
  }
  await creating;
  await untilEnded(database, count, sizes);
  const rows = await database.query<CallRow>(CALLS);
  const wrong = rows.filter((row) => !isRight(row));
  const doubled = [...stage.system.tasks.values()].filter(({ effects }) => effects !== 1);
  const repeated = [...stage.system.tasks.values()].filter(({ requests }) => requests > 1);
  report.figure('calls', count);
  report.exactly(
    'calls-processes-killed',
    stage.processes.all.filter(({ end }) => end === 'SIGKILL').length,
    kills,
  );
  report.exactly('calls-with-another-end-or-sequence', wrong.length, 0);
  report.exactly('calls-done-twice-or-not-at-all', doubled.length, 0);
  report.exactly('calls-known-to-the-other-system', stage.system.tasks.size, count);
  const [{ waiting = 0 } = {}] = await database.query<{ waiting: number }>(WAITING_IN_VAIN);
  report.exactly('calls-reports-that-wait-in-vain', waiting, 0);
  report.figure('calls-sent-again-with-the-same-key', repeated.length);
  report.figure('calls-begun-more-than-once', rows.filter(({ attempt }) => attempt > 1).length);
  report.detail('calls-wrong', wrong.slice(0, 20));
}

function isRight({ kind, status, steps }: CallRow): boolean {
  const end = endOf(kind);
  return status === end && steps === SEQUENCES[end];
}

async function poisoned(stage: CallStage): Promise<void> {
  const { database, sizes, publisher, system, start, report } = stage;
  const { innocent } = planOf(sizes);
  const one = (kind: ProofRequest['kind']) => ({ type: 'retried', kind, group: 'g' }) as const;
  system.hold();
  await publisher.ask({ kind: 'create', calls: Array.from({ length: innocent }, () => one('held')) });
  const first = start();
  await until(`${innocent} calls are in flight`, () => system.waiting === innocent, {
    everyMs: 20,
    withinMs: longestStepMs(sizes),
  });
  await publisher.ask({ kind: 'create', calls: [one('poison')] });
  await first.whenEnded();
  system.release();
  let ends = 1;
  for (let isOver = false; !isOver; ) {
    const next = start();
    isOver = await Promise.race([
      untilEnded(database, innocent + 1, sizes).then(() => true),
      next.whenEnded().then(() => false),
    ]);
    if (!isOver) ends++;
  }
  const rows = await database.query<CallRow>(CALLS);
  const done = rows.filter(({ kind, status }) => kind === 'held' && status === 'completed');
  const dead = rows.filter(({ kind }) => kind === 'poison');
  report.exactly('calls-beside-a-poison-call-done', done.length, innocent);
  report.exactly(
    'calls-poison-given-up',
    dead.filter(({ status, code }) => status === 'failed' && code === 'INTEGRATION_CALL_OUTCOME_UNKNOWN')
      .length,
    1,
  );
  report.atMost('calls-processes-ended-by-a-poison-call', ends, 1 + ATTEMPTS);
}

async function untilEnded(database: ProofDatabase, count: number, sizes: Sizes): Promise<void> {
  await until(
    `${count} calls have ended`,
    async () => ((await database.query<{ ended: number }>(CALLS_ENDED))[0]?.ended ?? 0) >= count,
    { everyMs: 20, withinMs: longestStepMs(sizes) },
  );
}
