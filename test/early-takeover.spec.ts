import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { filter, firstValueFrom } from 'rxjs';
import { startApp, type TestApp } from './support/app.js';
import { createTestDatabase, type TestDatabase } from './support/test-database.js';
import { until } from './support/until.js';
import { startWorker, type WorkerProcess } from './support/worker-process.js';

const CONSUMERS = ['one', 'other'];
/** Nobody waits for it in a test: who goes on earlier has not gone by the lease. */
const SETTINGS = { processingLeaseMs: 600_000 };

let database: TestDatabase;
let publisher: TestApp;
const workers: WorkerProcess[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
  publisher = await startApp(database, [], { role: 'publisher' });
});
afterAll(async () => {
  for (const worker of workers) worker.kill('SIGKILL');
  await Promise.all(workers.map((worker) => worker.ended));
  await publisher.close();
  await database.drop();
});

let published = 0;
async function publish(): Promise<number> {
  const n = ++published;
  await publisher.api.publishEvent({
    eventName: 'job.wanted',
    sourceModule: 'test',
    aggregateType: 'job',
    aggregateId: `j${n}`,
    payload: { n },
  });
  return n;
}

const untilHandled = (worker: WorkerProcess, consumer: string, n: number) =>
  firstValueFrom(worker.lines$.pipe(filter((line) => line.handled === n && line.consumer === consumer)));

/** The process that holds each consumer, by its pid. */
async function pids(): Promise<Map<string, number>> {
  const { rows } = await database.pool.query<{ consumer: string; pid: number }>(
    `SELECT c.consumer_name AS consumer, p.pid FROM integration.inbox_cursor c
     JOIN integration.integration_process p ON p.id = c.lease_owner`,
  );
  return new Map(rows.map(({ consumer, pid }) => [consumer, pid]));
}

describe('a process that is killed', () => {
  it('is replaced long before its lease runs out: another one sees its connection gone', async () => {
    const subscribers = CONSUMERS.map((consumerName) => ({ consumerName, eventName: 'job.*' }));
    for (let i = 0; i < 2; i++) workers.push(startWorker(database.url, subscribers, SETTINGS));
    // One each, so each has seen the other alive.
    await until('each process has one consumer', async () => new Set((await pids()).values()).size === 2);
    const owners = await pids();
    const [victim, survivor] = workers;
    if (victim === undefined || survivor === undefined) throw new Error('two were started');
    const consumer = CONSUMERS.find((name) => owners.get(name) === victim.pid) ?? '';
    await untilHandled(victim, consumer, await publish());

    victim.kill('SIGKILL');
    expect(await victim.ended).toBe('SIGKILL');
    await untilHandled(survivor, consumer, await publish());
    expect((await pids()).get(consumer)).toBe(survivor.pid);
  });
});
