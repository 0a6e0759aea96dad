import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { sendDue, type WebhookReceiver, webhookReceiver } from 'nestjs-integration/testing';
import { until } from '../support/until.js';
import { deliveriesOf, type OutgoingApp } from './outgoing-app.js';
import { destinationOf, outgoingStage } from './outgoing-stage.js';

const FAILING = 'integration.webhook.destination_failing';
const DISABLED = 'integration.webhook.destination_disabled';
const RECOVERED = 'integration.webhook.destination_recovered';
const DEAD = 'integration.webhook.delivery_dead';
const ABOUT_DESTINATIONS = [FAILING, DISABLED, RECOVERED, DEAD];

const stage = outgoingStage();
let receiver: WebhookReceiver;
/** What the one who asks for the events about destinations gets. */
let observer: WebhookReceiver;

beforeEach(async () => {
  [receiver, observer] = await Promise.all([webhookReceiver(), webhookReceiver()]);
});
afterEach(async () => {
  await Promise.all([receiver.close(), observer.close()]);
  await stage.database.pool.query('DELETE FROM integration.integration_setting');
});

interface Published {
  readonly name: string;
  readonly tenant: string;
  readonly payload: Record<string, unknown>;
}

/** The events about a destination, in their order. */
async function published(id: string): Promise<Published[]> {
  const { rows } = await stage.database.pool.query<Published>(
    `SELECT event_name AS name, metadata ->> 'tenantId' AS tenant, payload FROM integration.outbox_event
     WHERE aggregate_type = 'webhook_destination' AND aggregate_id = $1 ORDER BY position`,
    [id],
  );
  return rows;
}

async function start(settings: Readonly<Record<string, string | number>> = {}): Promise<OutgoingApp> {
  const all = { retrySchedule: '100ms,100ms', maxInFlightPerDestination: 1, ...settings };
  for (const [key, value] of Object.entries(all))
    await stage.database.pool.query(
      'INSERT INTO integration.integration_setting (key, value) VALUES ($1, $2)',
      [`core.integration.webhooks.outgoing.${key}`, JSON.stringify(value)],
    );
  return stage.start({ outgoing: { network: receiver.network } });
}

async function send(app: OutgoingApp): Promise<void> {
  await app.route();
  await sendDue(app.context);
}

const sendUntil = (app: OutgoingApp, what: string, holds: () => Promise<boolean>) =>
  until(what, async () => {
    await send(app);
    return holds();
  });

/** A destination that gets invoices, and asks for the events about destinations as well. */
const watched = (app: OutgoingApp) =>
  destinationOf(app, { url: receiver.url, eventTypes: ['invoice.created', ...ABOUT_DESTINATIONS] });

/** One that gets only the events about destinations. */
const watching = (app: OutgoingApp, tenantId?: string) =>
  destinationOf(app, { url: observer.url, eventTypes: ABOUT_DESTINATIONS }, tenantId);

/** What came to the observer, once all of it was sent. */
const told = () =>
  observer.requests.map(({ json }) => json as { type: string; data: Record<string, unknown> });

const namesOf = (events: readonly Published[]) => events.map(({ name }) => name);
const typesRoutedTo = async (id: string) => (await deliveriesOf(stage.database, id)).map(({ type }) => type);

describe('the events about destinations', () => {
  it('can be asked for by their names only: no prefix and no * has them', async () => {
    const app = await start();
    const types = (await app.of('acme').eventTypes()).filter(({ type }) => type.startsWith('integration.'));
    expect(types.map(({ type }) => type)).toEqual([...ABOUT_DESTINATIONS].sort());
    for (const { description, schema } of types) {
      expect(description).toEqual(expect.any(String));
      expect(schema).toMatchObject({ type: 'object', required: expect.arrayContaining(['tenantId']) });
    }
    for (const pattern of ['integration.*', 'integration.webhook.*'])
      await expect(app.of('acme').create({ url: receiver.url, eventTypes: [pattern] })).rejects.toMatchObject(
        { code: 'INTEGRATION_WEBHOOK_EVENT_NOT_PUBLIC' },
      );
  });

  it('are published once when one fails and when it recovers, for its tenant, and never go to itself', async () => {
    receiver.behave('refuse');
    const app = await start({
      probeAfterFailures: 2,
      retrySchedule: Array(12).fill('100ms').join(','),
    });
    const id = await watched(app);
    const watcher = await watching(app);
    const ofAnother = await watching(app, 'globex');
    const ofAll = await destinationOf(app, { url: observer.url, eventTypes: ['*'], filter: { no: 'body' } });
    await app.publish({});
    await sendUntil(app, 'it fails', async () => receiver.requests.length >= 4);
    expect(namesOf(await published(id))).toEqual([FAILING]);
    receiver.behave('ok');
    await sendUntil(app, 'both were told', async () => told().length >= 2);
    await send(app);

    const events = await published(id);
    expect(namesOf(events)).toEqual([FAILING, RECOVERED]);
    expect(events.map(({ tenant }) => tenant)).toEqual(['acme', 'acme']);
    expect(events.map(({ payload }) => payload)).toEqual([
      { destinationId: id, tenantId: 'acme', failures: 2, failingSince: expect.any(String) },
      { destinationId: id, tenantId: 'acme', failingSince: events[0]?.payload.failingSince },
    ]);
    expect(told().map(({ type }) => type)).toEqual([FAILING, RECOVERED]);
    expect(told().map(({ data }) => data)).toEqual(events.map(({ payload }) => payload));
    expect(await typesRoutedTo(id)).toEqual(['invoice.created']);
    expect(await typesRoutedTo(watcher)).toEqual([FAILING, RECOVERED]);
    expect(await typesRoutedTo(ofAnother)).toEqual([]);
    expect(await typesRoutedTo(ofAll)).toEqual([]);
  });

  it('tell of a dead delivery once, again when it dies again, and its own destination does not get that', async () => {
    receiver.behave('refuse');
    const app = await start({ probeAfterFailures: 1_000 });
    const id = await watched(app);
    const watcher = await watching(app);
    const [position] = await app.publish({});
    await sendUntil(app, 'the observer was told', async () => told().length >= 1);
    await send(app);

    const [dead, ...others] = await published(id);
    expect(others).toEqual([]);
    expect(dead).toEqual({
      name: DEAD,
      tenant: 'acme',
      payload: {
        destinationId: id,
        tenantId: 'acme',
        deliveryId: `${id}.${position}`,
        eventId: receiver.requests[0]?.id,
        type: 'invoice.created',
        attempts: 3,
        error: expect.stringContaining('500'),
      },
    });
    expect(told()).toMatchObject([{ type: DEAD, data: dead?.payload }]);

    await app.of('acme').redrive(`${id}.${position}`);
    await sendUntil(app, 'the observer was told again', async () => told().length >= 2);
    expect((await published(id)).map(({ payload }) => payload.attempts)).toEqual([3, 6]);
    expect(await typesRoutedTo(id)).toEqual(['invoice.created']);
    expect(await typesRoutedTo(watcher)).toEqual([DEAD, DEAD]);
  });

  it('tell once that one was disabled, with the reason, and it does not get that when it is enabled', async () => {
    receiver.behave('gone', 'ok');
    const app = await start();
    const id = await watched(app);
    const watcher = await watching(app);
    await app.publish({}, { aggregateId: 'i2' });
    await sendUntil(app, 'the observer was told', async () => told().length >= 1);
    await send(app);

    expect(await published(id)).toEqual([
      {
        name: DISABLED,
        tenant: 'acme',
        payload: { destinationId: id, tenantId: 'acme', reason: expect.stringContaining('410') },
      },
    ]);
    expect(await typesRoutedTo(watcher)).toEqual([DISABLED]);

    await app.of('acme').enable(id);
    await sendUntil(app, 'all is delivered', async () =>
      (await deliveriesOf(stage.database, id)).every(({ status }) => status === 'delivered'),
    );
    expect(await typesRoutedTo(id)).toEqual(['invoice.created', 'invoice.created']);
    expect(namesOf(await published(id))).toEqual([DISABLED]);
  });
});
