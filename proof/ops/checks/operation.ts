import { randomUUID } from 'node:crypto';
import type { ProofProcess } from '../../harness/child-process.js';
import type { ProofDatabase } from '../../harness/proof-server.js';
import { sleep, until } from '../../harness/wait.js';
import { AdminApi } from '../admin-api.js';
import {
  EFFECTS_COUNTED,
  INSERT_CONSUMER,
  INSERT_DEAD_LETTERS,
  OPERATION,
  OPERATIONS_COUNTED,
  STATUSES,
  UNHANDLED,
} from '../ops-database.store.js';
import type { OpsCheck, OpsStage } from './ops-check.js';

/** Its events are handled; and one whose redriven events stay where they are, because no process has a handler. */
const CONSUMER = 'billing';
const LEFT_ALONE = 'archive';
/** Seconds that the operation would take if nobody were killed. */
const LASTS_S = 6;
const CANCELLED_WITHIN_MS = 2_000;
const PAIRS = 20;
/** Milliseconds between two looks at the events that are left. A look reads all of them. */
const LOOK_MS = 5_000;

interface Progress {
  readonly state: string;
  readonly changed: number;
  readonly pid: number | null;
}

/** A redrive of many dead letters. The process that works it off is killed midway. */
export const operation: OpsCheck = {
  name: 'operation',
  shows: 'a redrive, kill -9 midway: each event sent once; cancelled within 2 s; same key twice: one change',
  run: async (stage) => {
    const { database, processes, sizes } = stage;
    for (const name of [CONSUMER, LEFT_ALONE]) {
      await database.query(INSERT_DEAD_LETTERS, [name, sizes.redriven]);
      await database.query(INSERT_CONSUMER, [name]);
    }
    const consumers = [{ name: CONSUMER, eventNames: [`${CONSUMER}.happened`], kind: 'effects' as const }];
    const workers = [0, 1].map(() =>
      processes.application({ databaseUrl: database.url, role: 'all', consumers }),
    );
    const asked = processes.application({ databaseUrl: database.url, role: 'publisher' });
    await Promise.all(workers.map((worker) => worker.ready()));
    const api = await AdminApi.of(asked);
    await killMidway(stage, api, workers);
    await cancel(stage, api);
    await sameKeyTwice(stage, [
      api,
      ...(await Promise.all(living(workers).map((each) => AdminApi.of(each)))),
    ]);
    await processes.closeAll();
  },
};

async function killMidway(stage: OpsStage, api: AdminApi, workers: readonly ProofProcess[]): Promise<void> {
  const { database, sizes, report } = stage;
  const id = await start(api, CONSUMER, sizes.redriven);
  const midway = await until('the operation is midway', async () => {
    const progress = await progressOf(database, id);
    return progress.changed >= sizes.redriven / 3 && progress.pid !== null ? progress : undefined;
  });
  const victim = await processOf(workers, midway.pid);
  await victim.kill();
  const killedAt = performance.now();
  const { changed: atKill, state } = await progressOf(database, id);
  report.exactly(
    'operation-under-way-at-the-kill',
    Number(state === 'running' && atKill < sizes.redriven),
    1,
  );
  await until('the operation goes on', async () => (await progressOf(database, id)).changed > atKill, {
    everyMs: 20,
  });
  report.figure('operation-seconds-until-it-goes-on', (performance.now() - killedAt) / 1e3);
  const done = await until('the operation is done', async () => {
    const progress = await progressOf(database, id);
    return progress.state === 'running' ? undefined : progress;
  });
  report.exactly('operation-done', Number(done.state === 'done'), 1);
  report.exactly('operation-sent', done.changed, sizes.redriven);
  const handledFrom = performance.now();
  await untilHandled(database);
  report.figure('operation-seconds-until-all-are-handled', (performance.now() - handledFrom) / 1e3);
  const [effects] = await database.query<{ effects: number; events: number }>(EFFECTS_COUNTED, [CONSUMER]);
  report.exactly('operation-events-lost', sizes.redriven - (effects?.events ?? 0), 0);
  report.exactly('operation-events-twice', (effects?.effects ?? 0) - (effects?.events ?? 0), 0);
}

/** How long it takes depends on the machine alone, so only a standstill is an error. */
async function untilHandled(database: ProofDatabase): Promise<void> {
  let left = Number.POSITIVE_INFINITY;
  while (left > 0) {
    const before = left;
    await sleep(LOOK_MS);
    await until(`fewer than ${before} events that were sent are left`, async () => {
      const [counted] = await database.query<{ rows: number }>(UNHANDLED, [CONSUMER]);
      left = counted?.rows ?? 0;
      return left < before;
    });
  }
}

async function cancel({ database, sizes, report }: OpsStage, api: AdminApi): Promise<void> {
  const id = await start(api, LEFT_ALONE, sizes.redriven);
  await until('the operation has begun', async () => (await progressOf(database, id)).changed > 0, {
    everyMs: 10,
  });
  const from = performance.now();
  await api.must('POST', `/operations/${id}/cancel`, {});
  report.atMost('operation-cancelled-within-ms', performance.now() - from, CANCELLED_WITHIN_MS);
  const { state, changed } = await progressOf(database, id);
  report.exactly('operation-cancelled-midway', Number(state === 'cancelled' && changed < sizes.redriven), 1);
  await sleep(1_500);
  report.exactly('operation-sent-after-cancelling', (await progressOf(database, id)).changed - changed, 0);
  const statuses = await database.query<{ status: string; rows: number }>(STATUSES, [LEFT_ALONE]);
  const sent = statuses.find(({ status }) => status === 'received')?.rows ?? 0;
  report.exactly('operation-rows-changed-of-those-noted', sent - changed, 0);
}

/** Two requests with one key arrive at the same moment, at the same process and at two. */
async function sameKeyTwice({ database, report }: OpsStage, apis: readonly AdminApi[]): Promise<void> {
  const before = await operations(database);
  const answers: number[] = [];
  for (let pair = 0; pair < PAIRS; pair++) {
    const key = randomUUID();
    const plan = (api: AdminApi | undefined) =>
      api?.send(
        'POST',
        '/operations',
        { kind: 'redrive', consumer: LEFT_ALONE, reason: 'same key' },
        { 'Idempotency-Key': key },
      );
    const both = await Promise.all([plan(apis[0]), plan(apis[pair % apis.length])]);
    answers.push(...both.map((answer) => answer?.status ?? 0));
  }
  report.exactly('operation-same-key-changes', (await operations(database)) - before, PAIRS);
  report.exactly(
    'operation-same-key-faults',
    answers.filter((status) => status >= 500 || status === 0).length,
    0,
  );
}

async function operations(database: ProofDatabase): Promise<number> {
  const [counted] = await database.query<{ rows: number }>(OPERATIONS_COUNTED);
  return counted?.rows ?? 0;
}

async function start(api: AdminApi, consumer: string, events: number): Promise<string> {
  const rate = Math.ceil(events / LASTS_S);
  const { id, plannedEvents } = await api.must<{ id: string; plannedEvents: number }>('POST', '/operations', {
    kind: 'redrive',
    consumer,
    rate,
  });
  if (plannedEvents !== events) throw new Error(`the plan found ${plannedEvents} events of ${events}`);
  await api.must('POST', `/operations/${id}/run`, {});
  return id;
}

async function progressOf(database: ProofDatabase, id: string): Promise<Progress> {
  const [progress] = await database.query<Progress>(OPERATION, [id]);
  if (progress === undefined) throw new Error('the operation is gone');
  return progress;
}

async function processOf(workers: readonly ProofProcess[], pid: number | null): Promise<ProofProcess> {
  const found = workers.find((worker) => worker.pid === pid);
  if (found === undefined) throw new Error(`no worker has the pid ${pid}`);
  return found;
}

function living(workers: readonly ProofProcess[]): ProofProcess[] {
  return workers.filter(({ end }) => end === undefined);
}
