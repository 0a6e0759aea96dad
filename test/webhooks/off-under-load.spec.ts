import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { append } from '../support/append.js';
import { seededRandom } from '../support/random.js';
import { until } from '../support/until.js';
import { untilConsumerSettled } from '../support/until-settled.js';
import { deliveriesOf, invoice, type OutgoingApp } from './outgoing-app.js';
import { destinationOf, outgoingStage } from './outgoing-stage.js';

const stage = outgoingStage();
const SEED = Number(process.env.FUZZ_SEED ?? Date.now() % 1_000_000);
const EVENTS = Number(process.env.FUZZ_EVENTS ?? 600);
const WRITERS = 4;

/** Publishes in transactions that stay open for a while, so that positions commit out of order. */
async function write(until: number, written: Set<number>, seed: number): Promise<void> {
  const random = seededRandom(seed);
  const client = new pg.Client({ connectionString: stage.database.url });
  await client.connect();
  while (written.size < until) {
    await client.query('BEGIN');
    const count = 1 + random.int(4);
    const published = await append(
      client,
      Array.from({ length: count }, () => invoice({ aggregateId: `i${random.int(20)}` })),
    );
    if (random.chance(0.3)) await sleep(random.int(60));
    if (random.chance(0.1)) await client.query('ROLLBACK');
    else {
      await client.query('COMMIT');
      for (const { position } of published) written.add(position);
    }
  }
  await client.end();
}

/** A change that waits too long for a row is refused whole, and its error says to try again. So does this. */
async function changed(change: () => Promise<unknown>): Promise<void> {
  await until('the change is taken', () =>
    change().then(
      () => true,
      (error: unknown) => {
        if ((error as { code?: unknown }).code === 'INTEGRATION_ADMIN_TIMEOUT') return false;
        throw error;
      },
    ),
  );
}

/** Catches up again and again, as the owner of the lanes does, until it is told to stop. */
function catchingUp(app: OutgoingApp): () => Promise<void> {
  let isOver = false;
  const work = (async () => {
    while (!isOver) {
      await app.catchUp();
      await sleep(5);
    }
  })();
  return async () => {
    isOver = true;
    await work;
  };
}

async function settled(app: OutgoingApp): Promise<void> {
  await untilConsumerSettled(stage.database, 'integration.webhooks');
  await app.catchUp();
}

async function expectEachOnce(id: string, written: ReadonlySet<number>): Promise<void> {
  const positions = (await deliveriesOf(stage.database, id)).map(({ position }) => position);
  const missing = [...written].filter((position) => !positions.includes(position));
  expect({ missing, delivered: positions.length }).toEqual({ missing: [], delivered: written.size });
}

describe(`under load, with commits that come late (FUZZ_SEED=${SEED})`, () => {
  it.each(['none', 'entity'])(
    'destinations that are paused, disabled and set on again and again get every event once (order %s)',
    async (order) => {
      const app = await stage.start({ isRunning: true });
      const ids = [await destinationOf(app, { order }), await destinationOf(app, { order })];
      const stop = catchingUp(app);
      const written = new Set<number>();
      const writing = Promise.all(
        Array.from({ length: WRITERS }, (_, i) => write(EVENTS, written, SEED + i)),
      );
      const random = seededRandom(SEED);
      const acme = app.of('acme');
      const isWriting = until('all is written', async () => written.size >= EVENTS).then(() => false);
      for (let isGoingOn = true; isGoingOn; ) {
        const id = ids[random.int(ids.length)] as string;
        const { status } = await acme.get(id);
        if (status === 'paused') await changed(() => acme.resume(id));
        else if (status === 'disabled') await changed(() => acme.enable(id));
        else if (random.chance(0.5)) await changed(() => acme.pause(id));
        else
          await stage.database.pool.query(
            `UPDATE integration.webhook_destination SET status = 'disabled' WHERE id = $1 AND status = 'active'`,
            [id],
          );
        isGoingOn = await Promise.race([isWriting, sleep(random.int(30), true)]);
      }
      await writing;
      for (const id of ids) {
        const { status } = await acme.get(id);
        if (status === 'paused') await changed(() => acme.resume(id));
        if (status === 'disabled') await changed(() => acme.enable(id));
      }
      await settled(app);
      await stop();
      for (const id of ids) {
        await expectEachOnce(id, written);
        expect(await acme.get(id)).toMatchObject({ status: 'active', behindFrom: null });
      }
    },
  );

  it('destinations with a past that are created beside live traffic get every event once', async () => {
    const app = await stage.start({ isRunning: true });
    const stop = catchingUp(app);
    const written = new Set<number>();
    const writing = Promise.all(Array.from({ length: WRITERS }, (_, i) => write(EVENTS, written, SEED + i)));
    const ids: string[] = [];
    while (written.size < EVENTS) {
      ids.push(await destinationOf(app, { startFrom: new Date(0) }));
      await sleep(40);
    }
    await writing;
    await settled(app);
    await stop();
    expect(ids.length).toBeGreaterThan(0);
    for (const id of ids) await expectEachOnce(id, written);
  });
});
