import { afterAll, expect, test } from '@jest/globals';
import type { Page } from 'playwright-core';
import type { IntegrationDeveloperApiService } from '../../src/index.js';
import { gate } from '../support/gate.js';
import { until } from '../support/until.js';
import { fitsEachScreen, violationsOf } from './stage/accessibility.js';
import { atRest } from './stage/every-page.js';
import { openOrders } from './stage/orders.js';
import { READER } from './stage/shop.js';
import { onStage } from './stage/stage.js';

const held = gate();
// Before the stage closes the shop, which waits for handlers.
afterAll(() => held.open());
const stage = onStage((database) =>
  openOrders(database, {
    subscribers: [
      { consumerName: 'hanging', eventName: 'stuck.*', timeoutMs: 3_600_000, handler: () => held.opened },
    ],
    engine: { settings: { processingLeaseMs: 600_000 } },
  }),
);

/** The narrowest of them. What is done here is looked at in all widths. */
const viewport = { width: 390, height: 844 };

/** How long something has been so differs from one look to the next. */
const words = (text: string) => text.replace(/\b\d+ (s|min|h|d)\b/g, '<time>');

/** What the API says of an event at a consumer, once it has the reason. */
function sentenceOf(page: Page, id: string, consumer: string, code: string): Promise<string> {
  return until(`${consumer} says ${code}`, async () => {
    const answer = await page.request.get(`${stage.shop.url}/ops/integration/events/${id}`);
    const { consumers } = (await answer.json()) as {
      consumers: { consumerName: string; why: { code: string; sentence: string } | null }[];
    };
    const why = consumers.find(({ consumerName }) => consumerName === consumer)?.why;
    return why?.code === code && why.sentence;
  });
}

async function publish(api: IntegrationDeveloperApiService, name: string, entity: string): Promise<string> {
  const event = { eventName: name, sourceModule: 'shop', aggregateType: 'stuck', aggregateId: entity };
  return (await api.publishEvent({ ...event, payload: {} })).outboxEventId;
}

/** A consumer that is paused may still begin what it has read, until its owner has let go of it. */
function nobodyWorksOn(consumer: string): Promise<unknown> {
  return until('nobody works on it', async () => {
    const { rows } = await stage.database.pool.query(
      `SELECT FROM integration.inbox_cursor WHERE consumer_name = $1 AND lease_owner IS NULL`,
      [consumer],
    );
    return rows.length === 1;
  });
}

const sentences = (page: Page) => page.locator('main .why-not-yet > bdi');

/** The sentences that stand on the page. */
const said = async (page: Page): Promise<string[]> => (await sentences(page).allTextContents()).map(words);

test('the page of an event says that its consumer is paused, and resumes it', async () => {
  const { shop } = stage;
  const { page } = await stage.open('#/consumers/billing', { viewport });
  await page.getByRole('button', { name: 'Pause', exact: true }).click();
  await page
    .getByRole('dialog')
    .getByRole('textbox', { name: /^Reason/ })
    .fill('incident 4711');
  await page.getByRole('dialog').getByRole('button', { name: 'Pause' }).click();
  await page.getByRole('button', { name: 'Resume', exact: true }).waitFor();
  await nobodyWorksOn('billing');
  const [id = ''] = await shop.place('paused-once');
  const sentence = await sentenceOf(page, id, 'billing', 'paused');
  expect(words(sentence)).toBe(
    'billing was paused by ada@shop.example <time> ago, because of "incident 4711". It goes on when somebody resumes it.',
  );
  await page.goto(`${shop.url}/ops/integration/ui#/consumers/billing?state=pending`);
  await page.locator('main .why-not-yet').first().waitFor();
  expect(await said(page)).toEqual([words(sentence)]);
  const resume = page.getByRole('button', { name: 'Resume billing' });
  const paused = sentences(page).filter({ hasText: 'incident 4711' });
  await fitsEachScreen(page, [paused, resume]);
  await page.goto(`${shop.url}/ops/integration/ui#/entities/order/paused-once`);
  await page.getByText('Not yet', { exact: true }).waitFor();
  expect(await said(page)).toContain(words(sentence));
  await fitsEachScreen(page, [paused, resume]);
  await page.goto(`${shop.url}/ops/integration/ui#/events/${id}`);
  await resume.waitFor();
  expect(await said(page)).toContain(words(sentence));
  await fitsEachScreen(page, [paused, resume]);
  await resume.click();
  await page.getByRole('dialog').getByRole('button', { name: 'Resume' }).click();
  await page.locator('main .why-not-yet').first().waitFor({ state: 'detached' });
});

test('it says what runs and what waits behind it, and leads there; axe has nothing to say', async () => {
  const { shop } = stage;
  const { page } = await stage.open('', { viewport });
  const entity = 'two';
  const first = await publish(shop.api, 'stuck.now', entity);
  const second = await publish(shop.api, 'stuck.now', entity);
  const running = await sentenceOf(page, first, 'hanging', 'running');
  const behind = await sentenceOf(page, second, 'hanging', 'behind-entity');
  await page.goto(`${shop.url}/ops/integration/ui#/events/${second}`);
  await page.locator('main .why-not-yet').first().waitFor();
  expect(await said(page)).toEqual([words(behind)]);
  const leads = page.getByRole('link', { name: /^Open the event at position/ });
  await fitsEachScreen(page, [sentences(page), leads]);
  await page.getByText(/consumers? never gets? it/).click();
  await page.getByText('billing does not ask for stuck.now.').waitFor();
  await leads.click();
  await page.waitForURL(`**/ui#/events/${first}`);
  const consumers = page.getByRole('region', { name: 'Consumers' });
  await consumers.getByText('running', { exact: true }).waitFor();
  expect(await said(page)).toEqual([words(running)]);
  const process = page.getByRole('link', { name: 'See the process' });
  await fitsEachScreen(page, [sentences(page), process]);
  await atRest(page);
  expect(await violationsOf(page)).toEqual([]);
  await process.click();
  await page.getByText('stuck.now').first().waitFor();
});

test('the overview says that a consumer has run one attempt for 12 minutes', async () => {
  const { shop, database } = stage;
  const { page } = await stage.open('#/overview');
  const id = await publish(shop.api, 'stuck.long', 'long');
  await sentenceOf(page, id, 'hanging', 'running');
  // Nobody waits for twelve minutes. Leases are renewed after more than three, and then what runs is written anew.
  await database.pool.query(
    `UPDATE integration.integration_process SET working = jsonb_build_array(
       working -> 0 || jsonb_build_object('since', clock_timestamp() - interval '12 minutes')) WHERE working <> '[]'`,
  );
  const trouble = page.getByText(
    /^hanging has run one attempt for 12 min \(position \d+, attempt 1, in process/,
  );
  await trouble.waitFor();
  const leads = page.getByRole('link', { name: 'See what runs: hanging' });
  await fitsEachScreen(page, [trouble, leads]);
  await leads.click();
  await page.getByRole('heading', { level: 1, name: 'hanging' }).waitFor();
});

test('somebody who may not resume sees why the button does nothing', async () => {
  const { shop } = stage;
  const { page: admin } = await stage.open('#/consumers/mail');
  await admin.getByRole('button', { name: 'Pause', exact: true }).click();
  await admin.getByRole('dialog').getByRole('button', { name: 'Pause' }).click();
  await admin.getByRole('button', { name: 'Resume', exact: true }).waitFor();
  await nobodyWorksOn('mail');
  const id = await publish(shop.api, 'parcel.lost', 'parcel-1');
  await sentenceOf(admin, id, 'mail', 'paused');
  const { page } = await stage.open(`#/events/${id}`, { operator: READER });
  const button = page.getByRole('button', { name: 'Resume mail' });
  await button.waitFor();
  await fitsEachScreen(page, [sentences(page), button]);
  expect(await button.getAttribute('aria-disabled')).toBe('true');
});
