import { afterEach, describe, expect, it } from '@jest/globals';
import { type CommitProxy, startCommitProxy } from '../support/commit-proxy.js';
import { gate } from '../support/gate.js';
import { hearLog } from '../support/log-lines.js';
import { Outage } from '../support/outage.js';
import { until } from '../support/until.js';
import { destinationOf, outgoingStage } from './outgoing-stage.js';
import {
  attemptsOf,
  destinationState,
  eventsAbout,
  LOOPBACK,
  type Receiver,
  startReceiver,
  storedDeliveries,
} from './sending-stage.js';

/* The way from a sender to its database is cut off. The tests look at the database directly. */

const EVENTS = 5;

const stage = outgoingStage();
let receiver: Receiver;
let outage: Outage | undefined;
let proxy: CommitProxy | undefined;

afterEach(async () => {
  await receiver.close();
  await outage?.close();
  await proxy?.close();
  outage = undefined;
  proxy = undefined;
  await stage.database.pool.query('DELETE FROM integration.integration_setting');
});

const sender = (connectionString: string) =>
  stage.start({ outgoing: { network: LOOPBACK }, engine: { connectionString }, isRunning: true });

/** The schedule of retries. */
const retryAfter = (schedule: string) =>
  stage.database.pool.query('INSERT INTO integration.integration_setting (key, value) VALUES ($1, $2)', [
    'core.integration.webhooks.outgoing.retrySchedule',
    JSON.stringify(schedule),
  ]);

const statuses = async (id: string) =>
  (await storedDeliveries(stage.database, id)).map(({ status }) => status);

describe('a sender whose database is away', () => {
  it('finishes what is in flight, begins nothing, and goes on: nothing counts, and nothing is lost', async () => {
    const answered = gate();
    receiver = await startReceiver(async () => {
      await answered.opened;
      return { status: 200 };
    });
    outage = await Outage.of(stage.database.url);
    const app = await sender(outage.url);
    const id = await destinationOf(app, { url: receiver.url });
    await app.publish(...Array.from({ length: EVENTS }, (_, n) => ({ aggregateId: `i${n}` })));
    await receiver.got.first(EVENTS);
    const log = hearLog();
    await outage.refuse();
    answered.open();
    await log.saying('waits for the database');
    expect(receiver.got.all).toHaveLength(EVENTS);
    expect(new Set(await statuses(id))).toEqual(new Set(['pending']));
    await outage.end();
    await until('all is delivered', async () =>
      (await statuses(id)).every((status) => status === 'delivered'),
    );
    // What was in flight may come once more, with the same id, because its lane was lost meanwhile.
    const counts = new Map<string, number>();
    for (const request of receiver.got.all) counts.set(request.id, (counts.get(request.id) ?? 0) + 1);
    expect(counts.size).toBe(EVENTS);
    expect(Math.max(...counts.values())).toBeLessThanOrEqual(2);
    expect((await storedDeliveries(stage.database, id)).map(({ attempts }) => attempts)).toEqual(
      Array(EVENTS).fill(1),
    );
    expect(await attemptsOf(stage.database, id)).toHaveLength(EVENTS);
    expect(await destinationState(stage.database, id)).toMatchObject({ failures: 0, failing: false });
    expect(await eventsAbout(stage.database, id)).toEqual([]);
  });
});

describe('a save that was committed, and whose answer is lost', () => {
  it('counts the attempt and the failure once', async () => {
    receiver = await startReceiver(() => ({ status: 500 }));
    await retryAfter('1h');
    proxy = await startCommitProxy(stage.database.url);
    const app = await sender(proxy.url);
    const id = await destinationOf(app, { url: receiver.url });
    const lost = proxy.loseCommitOf('webhook_attempt');
    const log = hearLog();
    await app.publish({});
    await lost;
    await log.saying('waits for the database');
    // What fails later is saved later.
    await app.publish({ aggregateId: 'i2' });
    await until('the next one is saved', async () => (await attemptsOf(stage.database, id)).length > 1);
    expect(receiver.got.all).toHaveLength(2);
    expect(await storedDeliveries(stage.database, id)).toMatchObject([
      { status: 'pending', attempts: 1, tries: 1 },
      { status: 'pending', attempts: 1, tries: 1 },
    ]);
    expect(await attemptsOf(stage.database, id)).toHaveLength(2);
    expect(await destinationState(stage.database, id)).toMatchObject({ failures: 2, failing: true });
  });

  it('tells once of a delivery that is dead, and goes on behind it', async () => {
    receiver = await startReceiver(({ body }) => ({ status: JSON.parse(body).data.n === 0 ? 500 : 200 }));
    await retryAfter('100ms');
    proxy = await startCommitProxy(stage.database.url);
    const app = await sender(proxy.url);
    const id = await destinationOf(app, { url: receiver.url, order: 'strict', maxInFlight: 1 });
    const lost = proxy.loseCommitOf('DISTINCT own.destination_id');
    await app.publish({ payload: { n: 0 } }, { payload: { n: 1 } });
    await lost;
    await until('it goes on', async () => (await statuses(id)).join() === 'dead,delivered');
    expect(await eventsAbout(stage.database, id)).toEqual(['delivery_dead']);
    expect(await attemptsOf(stage.database, id)).toMatchObject([
      { attempt: 1, status: 500 },
      { attempt: 2, status: 500 },
      { attempt: 1, status: 200 },
    ]);
  });
});
