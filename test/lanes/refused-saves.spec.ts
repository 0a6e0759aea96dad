import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { EngineDatabase } from '../../src/database/engine-database.js';
import type { LaneRunner } from '../../src/lanes/lane-runner.js';
import type { Outcome } from '../../src/lanes/lane-work.js';
import { startApp, type TestApp } from '../support/app.js';
import { gate } from '../support/gate.js';
import { hearLog } from '../support/log-lines.js';
import { Recorder } from '../support/recorder.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';
import { addItems, createItems, type Item, itemsOf, LIMITS, runnerOf } from './lane-stage.js';

/* The database refuses that item 3 is done. */

const BROKEN = 3;

let database: TestDatabase;
let app: TestApp;
let runner: LaneRunner<Item>;
let ran: Recorder<number>;

beforeEach(async () => {
  database = await createTestDatabase();
  await createItems(database);
  await database.pool.query(
    `ALTER TABLE item ADD CONSTRAINT refused CHECK (n <> ${BROKEN} OR status = 'pending')`,
  );
});
afterEach(async () => {
  await app.close();
  await runner.stop();
  await database.drop();
});

async function start(run: (item: Item) => Promise<Outcome>): Promise<EngineDatabase> {
  ran = new Recorder<number>();
  app = await startApp(database, []);
  runner = runnerOf(app, {
    run: (item) => {
      ran.record(item.n);
      return run(item);
    },
    limits: { maxInFlightPerTarget: LIMITS.maxInFlight },
  });
  runner.start();
  return app.context.get(EngineDatabase, { strict: false });
}

const done: Outcome = { is: 'done' };
const pending = async () =>
  (await itemsOf(database)).filter(({ status }) => status === 'pending').map(({ n }) => n);

describe('an outcome that cannot be saved', () => {
  it('holds up no other, of its target neither, and is said', async () => {
    const together = gate();
    const log = hearLog();
    const db = await start(async () => {
      await together.opened;
      return done;
    });
    const targets = [randomUUID(), randomUUID()];
    await addItems(db, targets.slice(0, 1), 8);
    await addItems(db, targets.slice(1), 8, 11);
    runner.wake(targets);
    await ran.first(16);
    // All of them end at once, so one save has them.
    together.open();
    await until('all others are saved', async () => (await pending()).length === 1);
    expect(await pending()).toEqual([BROKEN]);
    await addItems(db, targets.slice(0, 1), 8, 21);
    runner.wake(targets);
    await until('what comes later is saved as well', async () => (await itemsOf(database)).length === 24);
    await until('what comes later is saved as well', async () => (await pending()).length === 1);
    expect(ran.all.filter((n) => n === BROKEN)).toHaveLength(1);
    expect(await log.saying('cannot be saved')).toContain(`of target ${targets[0]}`);
  });

  it('is run again by the next owner of its lane, and then saved if its data is mended', async () => {
    const db = await start(async () => done);
    const target = randomUUID();
    await addItems(db, [target], 8);
    runner.wake([target]);
    await until('all others are saved', async () => (await pending()).length === 1);
    await app.close();
    await runner.stop();
    await database.pool.query('ALTER TABLE item DROP CONSTRAINT refused');
    await start(async () => done);
    await until('it is saved', async () => (await pending()).length === 0);
    expect(ran.all).toEqual([BROKEN]);
  });
});
