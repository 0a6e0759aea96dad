import { afterEach, describe, expect, it } from '@jest/globals';
import type { OutgoingWebhooksOptions } from 'nestjs-integration/webhooks';
import { Webhook as StandardWebhook } from 'standardwebhooks';
import { LeaseService } from '../../src/index.js';
import { sendDue } from '../../src/testing/index.js';
import { gate } from '../support/gate.js';
import { until } from '../support/until.js';
import type { OutgoingApp } from './outgoing-app.js';
import { destinationOf, outgoingStage } from './outgoing-stage.js';
import {
  type Answer,
  attemptsOf,
  destinationState,
  eventsAbout,
  LOOPBACK,
  type Received,
  type Receiver,
  startReceiver,
  storedDeliveries,
} from './sending-stage.js';

const stage = outgoingStage();
let receivers: Receiver[] = [];

afterEach(async () => {
  await Promise.all(receivers.map((receiver) => receiver.close()));
  receivers = [];
  await stage.database.pool.query('DELETE FROM integration.integration_setting');
});

async function receiver(answer?: (request: Received) => Answer | Promise<Answer>): Promise<Receiver> {
  const started = await startReceiver(answer);
  receivers.push(started);
  return started;
}

async function start(
  settings: Readonly<Record<string, string | number>> = {},
  outgoing: OutgoingWebhooksOptions = {},
): Promise<OutgoingApp> {
  for (const [key, value] of Object.entries({ retrySchedule: '100ms,100ms', ...settings }))
    await stage.database.pool.query(
      'INSERT INTO integration.integration_setting (key, value) VALUES ($1, $2)',
      [`core.integration.webhooks.outgoing.${key}`, JSON.stringify(value)],
    );
  return stage.start({ outgoing: { network: LOOPBACK, ...outgoing } });
}

/** Resolves when this process has got the leases that it wants by now. */
const leasesTaken = (app: OutgoingApp, name: string) =>
  new Promise<void>((resolve) => {
    app.context.get(LeaseService).hold(name, async () => resolve());
  });
/** The lanes that somebody has. */
async function lanesTaken(): Promise<number> {
  const { rows } = await stage.database.pool.query<{ count: number }>(
    `SELECT count(*)::int AS count FROM integration.integration_lease WHERE name LIKE 'lanes.%' AND owner IS NOT NULL`,
  );
  return rows[0]?.count ?? 0;
}

const send = async (app: OutgoingApp) => {
  await app.route();
  return sendDue(app.context);
};
const statuses = async (id: string) =>
  (await storedDeliveries(stage.database, id)).map(({ status }) => status);
/** Sends until nothing is pending, through retries. */
const sendAll = (app: OutgoingApp, id: string) =>
  until('nothing is pending', async () => {
    await send(app);
    return !(await statuses(id)).includes('pending');
  });

describe('a delivery', () => {
  it('is sent once, signed, with the id of its event, and its attempt is kept', async () => {
    const { url, got } = await receiver(() => ({ status: 202, body: 'thanks\0' }));
    const app = await start();
    const { destination, secret } = await app
      .of('acme')
      .create({ url: `${url}/hooks`, eventTypes: ['*'], headers: { 'X-Api-Key': 'k' } });
    await app.publish({ payload: { total: 7 } });
    expect(await send(app)).toBe(1);
    const [request] = got.all;
    expect(request?.path).toBe('/hooks');
    expect(request?.headers['x-api-key']).toBe('k');
    const body = new StandardWebhook(secret ?? '').verify(request?.body ?? '', request?.headers as never);
    expect(body).toMatchObject({ type: 'invoice.created', data: { total: 7 } });
    const { rows } = await stage.database.pool.query(
      `SELECT id FROM integration.outbox_event WHERE event_name = 'invoice.created'`,
    );
    expect(request?.id).toBe(rows[0].id);
    expect(await storedDeliveries(stage.database, destination.id)).toMatchObject([
      { status: 'delivered', attempts: 1, lastStatus: 202 },
    ]);
    expect(await attemptsOf(stage.database, destination.id)).toMatchObject([
      { attempt: 1, status: 202, error: null, answer: 'thanks\uFFFD' },
    ]);
    expect(await send(app)).toBe(0);
  });

  it('is tried again by the schedule, with the same id, and then delivered', async () => {
    let failures = 2;
    const { url, got } = await receiver(() => ({ status: failures-- > 0 ? 500 : 200 }));
    const app = await start();
    const id = await destinationOf(app, { url });
    await app.publish({});
    await sendAll(app, id);
    expect(await storedDeliveries(stage.database, id)).toMatchObject([{ status: 'delivered', attempts: 3 }]);
    expect(new Set(got.all.map((each) => each.id)).size).toBe(1);
    expect((await attemptsOf(stage.database, id)).map(({ status }) => status)).toEqual([500, 500, 200]);
  });

  it('that has used up its attempts is dead, is told of, and can be sent again', async () => {
    let status = 500;
    const { url } = await receiver(() => ({ status, body: 'x'.repeat(5_000) }));
    const app = await start();
    const id = await destinationOf(app, { url });
    const [position] = await app.publish({});
    await sendAll(app, id);
    expect(await storedDeliveries(stage.database, id)).toMatchObject([{ status: 'dead', attempts: 3 }]);
    expect(await eventsAbout(stage.database, id)).toEqual(['delivery_dead']);
    expect((await attemptsOf(stage.database, id))[0].answer).toHaveLength(1_024);
    status = 200;
    await app.of('acme').redrive(`${id}.${position}`);
    await sendAll(app, id);
    expect(await storedDeliveries(stage.database, id)).toMatchObject([
      { status: 'delivered', attempts: 4, tries: 1 },
    ]);
  });

  it('whose message is gone is dead and says so, and holds up neither its lane nor what follows it', async () => {
    const { url, got } = await receiver();
    const app = await start();
    const id = await destinationOf(app, { url, order: 'strict' });
    const [gone] = await app.publish({ payload: { n: 0 } }, { payload: { n: 1 } });
    await app.route();
    await stage.database.pool.query('DELETE FROM integration.webhook_message WHERE position = $1', [gone]);
    await send(app);
    expect(await statuses(id)).toEqual(['dead', 'delivered']);
    expect(got.all.map(({ body }) => JSON.parse(body).data)).toEqual([{ n: 1 }]);
    expect((await attemptsOf(stage.database, id))[0]).toMatchObject({
      status: null,
      error: expect.stringContaining('not stored any more'),
    });
    const { lastError } = await app.of('acme').delivery(`${id}.${gone}`);
    expect(lastError).toContain('A replay sends the event again');
    expect(await destinationState(stage.database, id)).toMatchObject({ failures: 0, failing: false });
    expect(await eventsAbout(stage.database, id)).toEqual(['delivery_dead']);
    const told = await stage.database.pool.query<{ payload: object }>(
      `SELECT payload FROM integration.outbox_event WHERE event_name = 'integration.webhook.delivery_dead' AND aggregate_id = $1`,
      [id],
    );
    // Nobody knows any more what was to be sent.
    expect(told.rows[0]?.payload).toMatchObject({
      deliveryId: `${id}.${gone}`,
      eventId: null,
      type: null,
      error: expect.stringContaining('not stored any more'),
    });
    const { rows } = await stage.database.pool.query(
      'SELECT ready_at FROM integration.outgoing_target WHERE id = $1',
      [id],
    );
    expect(rows).toEqual([{ ready_at: null }]);
  });

  it('has the source of CloudEvents that the application says, or else the one of this package', async () => {
    const { url, got } = await receiver();
    const sourceOf = async (outgoing: OutgoingWebhooksOptions) => {
      const app = await start({}, outgoing);
      const id = await destinationOf(app, { url, format: 'cloudevents', eventTypes: ['invoice.created'] });
      await app.publish({ payload: { total: 7 } });
      await send(app);
      const sent = got.all.at(-1);
      await app.of('acme').sendTest(id);
      const tested = got.all.at(-1);
      expect(sent?.headers['content-type']).toBe('application/cloudevents+json; charset=utf-8');
      expect(JSON.parse(sent?.body ?? '')).toMatchObject({ id: sent?.id, data: { total: 7 } });
      await app.of('acme').remove(id);
      return [sent, tested].map((each) => JSON.parse(each?.body ?? '').source);
    };
    expect(await sourceOf({})).toEqual(Array(2).fill('urn:nestjs-integration'));
    const own = 'https://example.com/billing';
    await stage.database.pool.query('DELETE FROM integration.integration_setting');
    expect(await sourceOf({ cloudEventsSource: own })).toEqual([own, own]);
  });

  it('is sent only when that is told, where processor.enabled is off', async () => {
    const { url, got } = await receiver();
    const app = await start();
    await destinationOf(app, { url });
    for (const nth of [1, 2]) {
      await app.publish({ aggregateId: `i${nth}` });
      await app.route();
      await leasesTaken(app, `of the test ${nth}`);
      expect([await lanesTaken(), got.all.length]).toEqual([0, nth - 1]);
      expect(await sendDue(app.context)).toBe(1);
      expect([await lanesTaken(), got.all.length]).toEqual([0, nth]);
    }
  });

  it('is not sent to an address that is not allowed any more, and says so', async () => {
    const { url, got } = await receiver();
    const allowing = await start();
    const id = await destinationOf(allowing, { url });
    await allowing.publish({});
    await allowing.route();
    const app = await stage.start({ outgoing: { network: { http: true } } });
    await sendDue(app.context);
    expect((await attemptsOf(stage.database, id))[0]).toMatchObject({
      status: null,
      error: 'The URL has an address that is reserved for this host',
    });
    expect(got.all).toEqual([]);
  });

  it('whose destination is removed while it is under way is dropped', async () => {
    const answered = gate();
    const { url, got } = await receiver(async () => {
      await answered.opened;
      return { status: 500 };
    });
    const app = await start();
    const id = await destinationOf(app, { url });
    const other = await destinationOf(app, { url });
    await app.publish({});
    const sent = send(app);
    await got.first(2);
    await app.of('acme').remove(id);
    answered.open();
    await sent;
    expect(await attemptsOf(stage.database, id)).toEqual([]);
    expect(await attemptsOf(stage.database, other)).toHaveLength(1);
    expect(await eventsAbout(stage.database, id)).toEqual([]);
  });
});

describe('what a receiver answers', () => {
  it('410 disables the destination, at once and with an event, and nothing more is sent', async () => {
    const { url, got } = await receiver(() => ({ status: 410 }));
    const app = await start({ maxInFlightPerDestination: 1 });
    const id = await destinationOf(app, { url });
    await app.publish({}, { aggregateId: 'i2' }, { aggregateId: 'i3' });
    await send(app);
    expect(await destinationState(stage.database, id)).toMatchObject({ status: 'disabled', held: true });
    expect(await eventsAbout(stage.database, id)).toEqual(['destination_disabled']);
    expect(got.all).toHaveLength(1);
    await app.of('acme').enable(id);
    expect(await destinationState(stage.database, id)).toMatchObject({ status: 'active', failures: 0 });
  });

  it('410 with Retry-After disables it all the same', async () => {
    const { url } = await receiver(() => ({ status: 410, headers: { 'retry-after': '60' } }));
    const app = await start();
    const id = await destinationOf(app, { url });
    await app.publish({});
    await send(app);
    expect(await destinationState(stage.database, id)).toMatchObject({
      status: 'disabled',
      pauseSeconds: null,
    });
  });

  const NO_TIMES = ['-5', 'soon', '0', 'Wed, 21 Oct 2015 07:28:00 GMT', ''];
  const LATER = new Date(Date.now() + 7_200_000).toUTCString();
  it.each([
    [429, '3600', 3_600],
    [503, '3600', 3_600],
    [429, LATER, 7_200],
    [503, LATER, 7_200],
    [503, '99999999999', 86_400],
    [429, 'Fri, 31 Dec 9999 23:59:59 GMT', 86_400],
  ])(
    '%i with Retry-After %s puts the whole destination off, at no attempt',
    async (status, after, seconds) => {
      const { url, got } = await receiver(() => ({ status, headers: { 'retry-after': after } }));
      const app = await start({ maxInFlightPerDestination: 1 });
      const id = await destinationOf(app, { url });
      await app.publish({}, { aggregateId: 'i2' });
      await send(app);
      expect(got.all).toHaveLength(1);
      const { pauseSeconds, failing, failures } = await destinationState(stage.database, id);
      expect(Math.abs(pauseSeconds - seconds)).toBeLessThan(120);
      expect([failing, failures]).toEqual([true, 0]);
      expect((await storedDeliveries(stage.database, id)).map(({ tries }) => tries)).toEqual([0, 0]);
      await app.publish({ aggregateId: 'i3' });
      await send(app);
      expect(got.all).toHaveLength(1);
    },
  );

  it.each([429, 503].flatMap((status) => NO_TIMES.map((after) => [status, after] as const)))(
    '%i with Retry-After %p is a failure like any other',
    async (status, after) => {
      const { url } = await receiver(() => ({ status, headers: { 'retry-after': after } }));
      const app = await start();
      const id = await destinationOf(app, { url });
      await app.publish({});
      await send(app);
      const { failures, pauseSeconds } = await destinationState(stage.database, id);
      expect([failures > 0, pauseSeconds]).toEqual([true, null]);
    },
  );

  it('counts for its URL: with another one it is sent to at once, as if it had never failed', async () => {
    const { url, got } = await receiver(({ path }) =>
      path === '/right' ? { status: 200 } : { status: 429, headers: { 'retry-after': '3600' } },
    );
    const app = await start();
    const id = await destinationOf(app, { url });
    await app.publish({});
    await send(app);
    expect(await destinationState(stage.database, id)).toMatchObject({ failing: true });
    await app.of('acme').update(id, { metadata: { note: 'not its URL' } });
    expect(await sendDue(app.context)).toBe(0);
    await app.of('acme').update(id, { url: `${url}/right` });
    expect(await destinationState(stage.database, id)).toMatchObject({ failing: false, pauseSeconds: null });
    expect(await sendDue(app.context)).toBe(1);
    expect(got.all.map(({ path }) => path)).toEqual(['/', '/right']);
    expect(await statuses(id)).toEqual(['delivered']);
    // A hold is another matter.
    await app.of('acme').pause(id);
    await app.of('acme').update(id, { url: `${url}/elsewhere` });
    expect(await destinationState(stage.database, id)).toMatchObject({ status: 'paused', held: true });
  });

  it('failures in a row make it probed, with an event, and success ends that, with another', async () => {
    let works = false;
    const { url } = await receiver(() => (works ? { status: 200 } : 'reset'));
    const app = await start({
      probeAfterFailures: 2,
      maxInFlightPerDestination: 1,
      retrySchedule: '100ms,100ms,100ms,100ms,100ms,100ms',
    });
    const id = await destinationOf(app, { url });
    await app.publish({});
    await until('it fails', async () => {
      await send(app);
      return (await eventsAbout(stage.database, id)).length > 0;
    });
    works = true;
    await sendAll(app, id);
    expect(await eventsAbout(stage.database, id)).toEqual(['destination_failing', 'destination_recovered']);
  });

  it('failures alone for too long disable it', async () => {
    const { url } = await receiver(() => ({ status: 500 }));
    const app = await start({ disableAfterHours: 1 });
    const id = await destinationOf(app, { url });
    await stage.database.pool.query(
      `UPDATE integration.outgoing_target SET failures = 1, failing_since = clock_timestamp() - interval '61 minutes' WHERE id = $1`,
      [id],
    );
    await app.publish({});
    await send(app);
    expect(await destinationState(stage.database, id)).toMatchObject({ status: 'disabled', held: true });
    expect(await eventsAbout(stage.database, id)).toContain('destination_disabled');
  });
});

describe.each(['entity', 'strict'] as const)('a destination with the order %s', (order) => {
  it('gets the events in order through failures, and what waits is not due', async () => {
    // The first of each entity fails twice, and the others once: what overtakes it would be delivered sooner.
    const tries = new Map<number, number>();
    const delivered: number[] = [];
    const { url } = await receiver(({ body }) => {
      const { n } = JSON.parse(body).data as { n: number };
      const tried = (tries.get(n) ?? 0) + 1;
      tries.set(n, tried);
      if (tried <= (n < 2 ? 2 : 1)) return { status: 500 };
      delivered.push(n);
      return { status: 200 };
    });
    const app = await start({ probeAfterFailures: 1_000 });
    const id = await destinationOf(app, { url, order });
    const events = ['a', 'b', 'a', 'b', 'a', 'b'].map((aggregateId, n) => ({ aggregateId, payload: { n } }));
    await app.publish(...events);
    await app.route();
    const waiting = (await storedDeliveries(stage.database, id)).map(({ waits }) => waits);
    expect(waiting).toEqual(
      order === 'strict' ? [false, true, true, true, true, true] : [false, false, true, true, true, true],
    );
    await sendAll(app, id);
    expect(await statuses(id)).toEqual(Array(6).fill('delivered'));
    const of = (parity: number) => delivered.filter((n) => n % 2 === parity);
    expect([of(0), of(1)]).toEqual([
      [0, 2, 4],
      [1, 3, 5],
    ]);
    if (order === 'strict') expect(delivered).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it('goes on behind a dead one', async () => {
    const { url } = await receiver(({ body }) => ({ status: JSON.parse(body).data.n === 0 ? 500 : 200 }));
    const app = await start();
    const id = await destinationOf(app, { url, order });
    await app.publish({ payload: { n: 0 } }, { payload: { n: 1 } }, { payload: { n: 2 } });
    await sendAll(app, id);
    expect(await statuses(id)).toEqual(['dead', 'delivered', 'delivered']);
  });
});

describe('an entity that fails', () => {
  it('holds up no other', async () => {
    const { url } = await receiver(({ body }) => ({ status: JSON.parse(body).data.bad ? 500 : 200 }));
    const app = await start({
      retrySchedule: '1h',
      probeAfterFailures: 1_000,
    });
    const id = await destinationOf(app, { url, order: 'entity' });
    await app.publish(
      { aggregateId: 'bad', payload: { bad: true } },
      { aggregateId: 'bad', payload: {} },
      ...['x', 'y', 'x', 'y'].map((aggregateId) => ({ aggregateId, payload: {} })),
    );
    await send(app);
    expect(await statuses(id)).toEqual(['pending', 'pending', ...Array(4).fill('delivered')]);
  });
});
