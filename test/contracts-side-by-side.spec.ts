import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { z } from 'zod';
import { type AnyEventContract, ContractsModule, defineEvent } from '../src/contracts/index.js';
import type { DomainEvent } from '../src/index.js';
import type { AnySubscriberDefinition } from '../src/subscribers/subscriber-definition.js';
import { startApp, type TestApp } from './support/app.js';
import { Recorder } from './support/recorder.js';
import { createTestDatabase, type TestDatabase } from './support/test-database.js';

const NAME = 'order.placed';
const first = defineEvent({ name: NAME, schema: z.object({ n: z.number(), total: z.string() }) });
const second = defineEvent({
  name: NAME,
  version: 2,
  schema: z.object({ n: z.number(), cents: z.number() }),
  upcast: { 1: ({ n, total }: { n: number; total: string }) => ({ n, cents: Number(total) * 100 }) },
});

let database: TestDatabase;
let apps: TestApp[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(async () => {
  await Promise.all(apps.map((app) => app.close()));
  await database.drop();
});

interface Seen {
  readonly version: number;
  readonly payload: { readonly n: number };
}

function consumer(consumerName: string, seen: Recorder<Seen>): AnySubscriberDefinition {
  return {
    eventName: NAME,
    consumerName,
    startFrom: 'earliest',
    handler: ({ eventVersion: version, payload }: DomainEvent<{ n: number }>) =>
      seen.record({ version, payload }),
  } as AnySubscriberDefinition;
}

async function deploy(contract: AnyEventContract, subscribers: AnySubscriberDefinition[]): Promise<TestApp> {
  const app = await startApp(database, subscribers, {
    imports: [ContractsModule.forRoot(), ContractsModule.forFeature([contract])],
  });
  apps.push(app);
  return app;
}

const numbers = (seen: readonly Seen[]) => seen.map(({ payload }) => payload.n).sort((a, b) => a - b);
const from = (start: number, count: number) => Array.from({ length: count }, (_, index) => start + index);

it('an old and a new process side by side: each handler sees the version that it knows, and nothing is lost', async () => {
  const source = { sourceModule: 'sales', aggregateType: 'order' };
  const [oldSeen, newSeen, onlyNew] = [new Recorder<Seen>(), new Recorder<Seen>(), new Recorder<Seen>()];
  const old = await deploy(first, [consumer('shared', oldSeen)]);
  const publishOld = (n: number, aggregateId = `a${n}`) =>
    old.api.publishEvent(first.event({ ...source, aggregateId, payload: { n, total: '1' } }));
  for (const n of from(0, 5)) await publishOld(n);
  await oldSeen.first(5);
  const young = await deploy(second, [consumer('shared', newSeen), consumer('new', onlyNew)]);
  const publishNew = (n: number, aggregateId = `a${n}`) =>
    young.api.publishEvent(second.event({ ...source, aggregateId, payload: { n, cents: 100 } }));
  // Both publish while both run. The last three are of one aggregate, so that the third has to wait for the second.
  for (const n of from(5, 5)) {
    await publishNew(100 + n);
    await publishOld(n);
  }
  await publishOld(50, 'mixed');
  await publishNew(51, 'mixed');
  await publishOld(52, 'mixed');

  // The old process owns the shared consumer. It handles its own version and puts the newer one off.
  expect(numbers(await oldSeen.first(11))).toEqual([...from(0, 10), 50]);
  expect(new Set(oldSeen.all.map(({ version }) => version))).toEqual(new Set([1]));
  expect(numbers(await onlyNew.first(18))).toEqual([...from(0, 10), 50, 51, 52, ...from(105, 5)]);
  await old.close();
  apps = apps.filter((app) => app !== old);

  // The new process takes the consumer over, and handles what was put off, in the new version.
  expect(numbers(await newSeen.first(7))).toEqual([51, 52, ...from(105, 5)]);
  for (const { version, payload } of [...newSeen.all, ...onlyNew.all])
    expect([version, payload]).toEqual([2, { n: payload.n, cents: 100 }]);
  expect(oldSeen.all.length + newSeen.all.length).toBe(18);
  const order = newSeen.all.map(({ payload }) => payload.n);
  expect(order.indexOf(51)).toBeLessThan(order.indexOf(52));
  const { rows } = await database.pool.query(
    `SELECT count(*)::int AS dead FROM integration.inbox_event WHERE status = 'dead_letter'`,
  );
  expect(rows).toEqual([{ dead: 0 }]);
});
