import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { ContractsModule, defineEvent, jsonSchema } from 'nestjs-integration/contracts';
import { SecretsModule, staticKeys } from 'nestjs-integration/secrets';
import { type WebhookReceiver, webhookReceiver } from 'nestjs-integration/testing';
import { WebhookDestinationsService, WebhooksModule } from 'nestjs-integration/webhooks';
import { DomainEventPublisher } from '../../src/index.js';
import { until } from '../support/until.js';
import { violationsOf } from './stage/accessibility.js';
import { atRest } from './stage/every-page.js';
import { openShop } from './stage/shop.js';
import { onStage } from './stage/stage.js';

const invoiceCreated = defineEvent({
  name: 'invoice.created',
  schema: jsonSchema({ type: 'object' }),
  visibility: 'public',
  description: 'An invoice was made.',
});

let receiver: WebhookReceiver;

beforeAll(async () => {
  receiver = await webhookReceiver({ behaviour: 'refuse' });
});
afterAll(() => receiver.close());

const stage = onStage((database) =>
  openShop(database, {
    imports: [
      ContractsModule.forRoot(),
      ContractsModule.forFeature([invoiceCreated]),
      // The receiver is on this machine, where no destination is allowed otherwise.
      WebhooksModule.forRoot({ outgoing: { network: { allow: ['127.0.0.1'], http: true } } }),
      SecretsModule.forRoot({ keys: staticKeys({ k1: randomBytes(32) }) }),
    ],
  }),
);

/** Publishes an invoice of a tenant. */
const publishInvoice = (aggregateId: string, tenantId: string) =>
  stage.shop.app.get(DomainEventPublisher, { strict: false }).publishEvent(
    {
      eventName: 'invoice.created',
      sourceModule: 'billing',
      aggregateType: 'invoice',
      aggregateId,
      payload: { total: 7 },
      metadata: { tenantId },
    },
    { outsideTransaction: true },
  );

test('a destination is added, fails, is mended, and is caught up with after a pause', async () => {
  const publish = (aggregateId: string) => publishInvoice(aggregateId, 'acme');
  const { page } = await stage.open('#/webhook-destinations', { bypassCSP: true });
  const main = page.getByRole('main');
  await main.getByText('There are no destinations.').waitFor();
  await main.getByRole('button', { name: 'Add a destination' }).click();
  const adding = page.getByRole('dialog');
  await adding.getByLabel('Tenant').fill('acme');
  await adding.getByLabel('URL, with https').fill(`${receiver.url}/wrong`);
  const secret = await adding.getByRole('textbox', { name: 'Its secret, for the receiver' }).inputValue();
  expect(secret).toMatch(/^whsec_.{44}$/);
  receiver.trust(secret);
  await adding.getByRole('button', { name: 'Add it' }).click();
  await main.getByRole('link', { name: `${receiver.url}/wrong` }).click();
  await main.getByText('Nothing was delivered yet.').waitFor();
  expect(await page.content()).not.toContain(secret);

  await main.getByRole('button', { name: 'Send a test' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Send it' }).click();
  await main.getByText('The test was answered with 500').waitFor();
  await main.getByText('The answer says: ').waitFor();
  expect((await receiver.received(1))[0]).toMatchObject({ isVerified: true });

  const { position } = await publish('i1');
  const [, refused] = await receiver.received(2);
  expect(refused).toMatchObject({ isVerified: true, path: '/hook/wrong', json: { data: { total: 7 } } });
  await main.getByText(/^The last (attempt has|\d+ attempts in a row have) failed\./).waitFor();
  await atRest(page);
  expect(await violationsOf(page)).toEqual([]);
  await page.setViewportSize({ width: 1280, height: 900 });
  await main.getByRole('link', { name: String(position), exact: true }).click();
  const attempts = main.getByRole('table', { name: 'Attempts' });
  await attempts.getByRole('cell', { name: '500' }).first().waitFor();
  await main.getByText('"total"').waitFor();
  await atRest(page);
  expect(await violationsOf(page)).toEqual([]);
  await page.setViewportSize({ width: 1280, height: 900 });

  receiver.behave('ok');
  await main.getByRole('link', { name: 'The destination' }).click();
  await main.getByRole('button', { name: 'Change' }).click();
  const changing = page.getByRole('dialog');
  await changing.getByLabel('URL, with https').fill(`${receiver.url}/right`);
  await changing.getByRole('button', { name: 'Change it' }).click();
  await main.getByRole('heading', { level: 1, name: `${receiver.url}/right` }).waitFor();
  await main.getByRole('button', { name: 'Pause' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Pause' }).click();
  await main.getByText('Somebody has paused it').waitFor();
  const later = await publish('i2');
  await main.getByRole('button', { name: 'Resume' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Resume' }).click();
  const arrived = await until('what was published in the pause has come', async () =>
    receiver.requests.find(({ id }) => id === later.outboxEventId),
  );
  expect(arrived).toMatchObject({ isVerified: true, path: '/hook/right' });
  await main
    .getByRole('row')
    .filter({ has: page.getByRole('link', { name: String(later.position), exact: true }) })
    .getByText('delivered')
    .waitFor();
});

test('past events and dead deliveries are counted, and sent again by an operation', async () => {
  receiver.behave('ok');
  const { outboxEventId } = await publishInvoice('i3', 'beta');
  const { destination, secret } = await stage.shop.app
    .get(WebhookDestinationsService, { strict: false })
    .forTenant('beta')
    .create({ url: `${receiver.url}/beta`, eventTypes: ['invoice.*'] });
  receiver.trust(secret ?? '');
  const came = (count: number) =>
    until(`it has come ${count} times`, async () => {
      const all = receiver.requests.filter(({ id, path }) => id === outboxEventId && path === '/hook/beta');
      return all.length === count && all.every(({ isVerified }) => isVerified);
    });
  const here = `#/webhook-destinations/${destination.id}`;
  const { page } = await stage.open(here, { bypassCSP: true });
  const main = page.getByRole('main');
  await main.getByText('Nothing was delivered yet.').waitFor();
  expect(await main.getByRole('button', { name: 'Send the dead ones again' }).count()).toBe(0);

  await main.getByRole('button', { name: 'Send past events' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByText('Not counted yet.').waitFor();
  await dialog.getByRole('button', { name: 'Count them' }).click();
  await dialog.getByText('1 event will be sent again, the oldest first.').waitFor();
  await atRest(page);
  expect(await violationsOf(page)).toEqual([]);
  await dialog.getByRole('button', { name: 'Send 1 event again' }).click();
  await main.getByRole('heading', { level: 1, name: 'Send past events to destination' }).waitFor();
  await came(1);
  await main.getByText('1 of 1').first().waitFor();

  const killDelivered = () =>
    until('it is delivered', async () => {
      const { rowCount } = await stage.database.pool.query(
        `UPDATE integration.webhook_delivery SET status = 'dead' WHERE destination_id = $1 AND status = 'delivered'`,
        [destination.id],
      );
      return rowCount === 1;
    });
  await killDelivered();
  await page.goto(new URL(here, page.url()).href);
  await main.getByRole('button', { name: 'Send the dead ones again' }).click();
  await dialog.getByText('1 event will be sent again, the oldest first.').waitFor();
  await atRest(page);
  expect(await violationsOf(page)).toEqual([]);
  // Who was told of one event does not send twice as many.
  await publishInvoice('i4', 'beta');
  await killDelivered();
  await dialog.getByRole('button', { name: 'Send 1 event again' }).click();
  await dialog.getByRole('alert').getByText('There are 2 events by now, and there were 1.').waitFor();
  await came(1);
  await dialog.getByRole('button', { name: 'Send 2 events again' }).click();
  await main.getByRole('heading', { level: 1, name: 'Send the dead ones again' }).waitFor();
  await came(2);
});
