import { expect, test } from '@jest/globals';
import { ConsumerService } from '../../src/index.js';
import { type RelayOutcome, RelaysModule, relay, source } from '../../src/relay/index.js';
import { until } from '../support/until.js';
import { untilConsumerSettled } from '../support/until-settled.js';
import { fitsEachScreen, violationsOf } from './stage/accessibility.js';
import { CANARIES } from './stage/canaries.js';
import { atRest, everyPage } from './stage/every-page.js';
import { openShop, PATH } from './stage/shop.js';
import { onStage } from './stage/stage.js';

const REFUSED: RelayOutcome = {
  is: 'refused',
  error: new Error(`too large: ${CANARIES.img}`),
  isFinal: true,
};
const AWAY: RelayOutcome = { is: 'unavailable', error: new Error('no route to rabbit-1.internal:5672') };

let pulled = 0;
const stage = onStage((database) =>
  openShop(database, {
    // A process reports with each renewal, which is every third of this time.
    engine: { settings: { processingLeaseMs: 6_000 } },
    imports: [
      RelaysModule.forRoot({
        relays: [
          relay({
            name: 'orders-to-the-data-platform',
            eventName: ['order.placed', 'order.cancelled'],
            publish: async (messages) =>
              messages.map(({ event }) => (event.aggregateId === 'large' ? REFUSED : { is: 'accepted' })),
          }),
          relay({
            name: 'parcels',
            eventName: 'parcel.*',
            publish: async (messages) => messages.map(() => AWAY),
          }),
          relay({ name: 'mail', eventName: 'mail.*', publish: async () => [] }),
        ],
        sources: [
          source({
            name: 'shop',
            pull: async () => (pulled++ === 0 ? [{ headers: {}, body: Buffer.from('plain') }] : []),
            ack: async () => {},
          }),
        ],
      }),
    ],
  }),
);

test('relays and sources, who runs them, what was refused, and the way from the consumer', async () => {
  const { shop, database } = stage;
  const made = (eventName: string, aggregateId: string) => ({
    eventName,
    sourceModule: 'shop',
    aggregateType: 'order',
    aggregateId,
    payload: {},
  });
  await shop.api.publishEvents([
    ...Array.from({ length: 20 }, (_, i) => made('order.placed', String(i))),
    made('order.placed', 'large'),
    made('parcel.sent', '1'),
  ]);
  await untilConsumerSettled(database, 'relay.orders-to-the-data-platform');
  await shop.app.get(ConsumerService, { strict: false }).pause('relay.mail', { by: 'anna' });
  await until('the process has reported', async () => {
    const { rows } = await database.pool.query(
      `SELECT FROM integration.integration_process
       WHERE parts::text LIKE '%too large%' AND parts::text LIKE '%no CloudEvent%' AND unavailable <> '{}'`,
    );
    return rows.length > 0;
  });

  const { page } = await stage.open('', { bypassCSP: true });
  const main = page.getByRole('main');
  await page.getByRole('list', { name: 'Brokers' }).getByRole('link', { name: 'Relays' }).click();
  await page.getByRole('heading', { level: 1, name: 'Relays and sources' }).waitFor();
  await atRest(page);
  const rowOf = (name: string) =>
    main.getByRole('row').filter({ has: page.getByText(name, { exact: true }) });
  const parcels = rowOf('parcels');
  await parcels.getByText('out of reach').waitFor();
  await parcels.getByText(/no route to rabbit-1/).waitFor();
  await rowOf('mail').getByText('paused', { exact: true }).waitFor();
  const orders = main.getByRole('row').filter({ hasText: 'order.cancelled' });
  await orders
    .getByText(/\d\/s$/)
    .first()
    .waitFor();
  const refusal = orders.getByText(`too large: ${CANARIES.img}`);
  await refusal.waitFor();
  const rejection = rowOf('shop').getByText(/no CloudEvent/);
  await rejection.waitFor();
  const placed = orders.getByRole('link', { name: 'order.placed' });
  await fitsEachScreen(page, [parcels.getByText('out of reach'), refusal, placed, rejection]);
  await atRest(page);
  expect(await violationsOf(page)).toEqual([]);

  await page.setViewportSize({ width: 1280, height: 900 });
  await orders.getByRole('link', { name: 'orders-to-the-data-platform' }).click();
  await page.getByRole('heading', { level: 1, name: 'relay.orders-to-the-data-platform' }).waitFor();
  await page.getByRole('link', { name: 'See how its broker does' }).click();
  await page.getByRole('heading', { level: 1, name: 'Relays and sources' }).waitFor();

  await page.getByRole('link', { name: 'Consumers', exact: true }).click();
  await page.getByRole('heading', { level: 1, name: 'Consumers' }).waitFor();
  const consumer = rowOf('relay.orders-to-the-data-platform');
  await consumer.getByText(/^own, .*\/s in /).waitFor();
  await consumer.getByText(/^too large: /).waitFor();
  await rowOf('relay.parcels')
    .getByText(/^own, /)
    .waitFor();
  await fitsEachScreen(page, [consumer.getByText(/^own, /)]);
  await atRest(page);
  expect(await violationsOf(page)).toEqual([]);
}, 300_000);

test('links lead to the page, as the session names the part', async () => {
  const { page } = await stage.open();
  const opened = await everyPage(page, `${stage.shop.url}/${PATH}/ui`, async () => {});
  expect(opened).toContain('#/relays');
}, 300_000);
