import { beforeAll, expect, test } from '@jest/globals';
import type { Page } from 'playwright-core';
import { until } from '../support/until.js';
import { SCREENS, tooWideAt, violationsOf } from './stage/accessibility.js';
import { ids, openOrders } from './stage/orders.js';
import { onStage } from './stage/stage.js';

/* The way of events as a picture and as tables, with 3 consumers and with 300. */

const stage = onStage(openOrders);
const MANY = 300;

beforeAll(async () => {
  const { shop } = stage;
  shop.receiver.refuse(...ids('order', 2));
  await shop.place(...ids('order', 2), 'handled');
  await shop.has('billing', 'dead_letter', 2);
  await shop.settled();
});

const mapOf = (page: Page) => page.getByRole('region', { name: 'Map of the flow' });
/** A box of the picture, by what it says to somebody who does not see it. */
const box = (page: Page, name: string | RegExp) => mapOf(page).getByRole('link', { name });
const boxes = (page: Page) => mapOf(page).getByRole('link').count();
const unfold = (page: Page) => page.getByText(/^The same as tables/).click();
const rowOf = (page: Page, table: string, name: string) =>
  page.getByRole('table', { name: table }).getByRole('row').filter({ hasText: name });

async function setMany(isMany: boolean): Promise<void> {
  const { pool } = stage.database;
  await pool.query(`DELETE FROM integration.inbox_cursor WHERE consumer_name LIKE 'many-%';
    DELETE FROM integration.inbox_event WHERE consumer_name LIKE 'many-%';
    DELETE FROM integration.outbox_event WHERE source_module LIKE 'module-%'`);
  if (!isMany) return;
  await pool.query(
    `INSERT INTO integration.inbox_cursor (consumer_name, event_names, unread)
     SELECT 'many-' || lpad(n::text, 3, '0'), ARRAY ['order.placed', 'name-' || n % 40], '{[1000000,)}' FROM generate_series(1, ${MANY}) AS n;
     INSERT INTO integration.inbox_event (outbox_event_id, position, consumer_name, aggregate_type, aggregate_id, status)
     SELECT gen_random_uuid(), 900000 + n, 'many-' || lpad((n % 3 + 250)::text, 3, '0'), 'order', 'o', 'dead_letter' FROM generate_series(1, 30) AS n;
     INSERT INTO integration.outbox_event (event_name, source_module, aggregate_type, aggregate_id)
     SELECT 'name-' || n % 40, 'module-' || n % 4, 'thing', 't' FROM generate_series(1, 400) AS n`,
  );
}

/** One event that nobody asks for. */
const lose = () =>
  stage.database.pool.query(
    `INSERT INTO integration.outbox_event (event_name, source_module, aggregate_type, aggregate_id)
     VALUES ('lost.event', 'module-lost', 'thing', 't')`,
  );

test('with 3 consumers the picture and the tables say the same: modules, names, consumers', async () => {
  await setMany(false);
  await lose();
  const { page } = await stage.open('#/overview');
  await page.getByRole('link', { name: 'Flow', exact: true }).click();
  await box(page, /^order\.placed: .*, for 2 consumers$/).waitFor();
  await box(page, /^parcel\.sent: .*, for 1 consumer$/).waitFor();
  const billing = await box(page, /^billing: 2 dead letters/)
    .locator('title')
    .textContent();
  await unfold(page);
  const row = rowOf(page, 'Consumers', 'billing');
  expect(`billing: ${await row.locator('[data-head="In words"]').textContent()}`).toBe(billing);
  expect(await row.locator('[data-head="Dead letters"]').textContent()).toBe('2');
  expect(await rowOf(page, 'Names of events', 'parcel.sent').count()).toBe(1);
  // The name with most events has the widest line. Lines to who fails, and of what nobody asks for, differ.
  const widths = await mapOf(page)
    .locator('path.edge')
    .evaluateAll((paths) => paths.map((path) => Number.parseFloat(getComputedStyle(path).strokeWidth)));
  expect(Math.max(...widths)).toBe(12);
  expect(Math.min(...widths)).toBeLessThan(12);
  const colours = await mapOf(page)
    .locator('path.edge')
    .evaluateAll((paths) => new Set(paths.map((path) => getComputedStyle(path).stroke)).size);
  expect(colours).toBe(3);
});

test('a click on a box shows what is connected with it, and once more shows all, also by keyboard', async () => {
  await setMany(false);
  const { page } = await stage.open('#/flow');
  await box(page, /^mail: /).waitFor();
  // What another test has left behind may be shown for two seconds.
  await box(page, /^lost\.event: /).waitFor({ state: 'detached' });
  const all = await boxes(page);
  await box(page, /^parcel\.sent: /).click();
  await page.waitForURL(/#\/flow\?.*name=parcel.sent/);
  await box(page, /^billing: /).waitFor({ state: 'detached' });
  expect(await boxes(page)).toBe(3);
  await box(page, /^mail: /).waitFor();
  expect(await box(page, /^parcel\.sent: /).getAttribute('aria-current')).toBe('true');
  await box(page, /^parcel\.sent: /).focus();
  await page.keyboard.press('Enter');
  await until('everything is there again', async () => (await boxes(page)) === all);
  expect(await box(page, /^billing: /).count()).toBe(1);
});

test('a consumer leads to its part of the flow', async () => {
  await setMany(false);
  const { page } = await stage.open('#/consumers/billing');
  await page.getByRole('link', { name: 'See where they come from' }).click();
  await page.waitForURL(/#\/flow\?consumer=billing/);
  await box(page, /^billing: /).waitFor();
  expect(await box(page, /^mail: /).count()).toBe(0);
});

test('of very many lines those to who is in trouble and the widest are drawn, and it is said', async () => {
  await setMany(true);
  const { pool } = stage.database;
  // Each of them asks for forty names: 12,000 lines.
  await pool.query(
    `UPDATE integration.inbox_cursor SET event_names = ARRAY ['name-*'] WHERE consumer_name LIKE 'many-%'`,
  );
  const { page } = await stage.open('#/flow?limit=300');
  await page.getByText(/^600 of [\d,]+ lines are drawn/).waitFor();
  expect(await mapOf(page).locator('path.edge').count()).toBe(600);
  // Three of them have dead letters, and forty names each.
  expect(await mapOf(page).locator('path.edge.dead-letters').count()).toBeGreaterThanOrEqual(120);
  await unfold(page);
  // Every name has its line from a module, so that it is seen where it comes from.
  const starts = await mapOf(page)
    .locator('path.edge')
    .evaluateAll((paths) => paths.map((path) => Number(/^M(\d+)/.exec(path.getAttribute('d') ?? '')?.[1])));
  const fromModules = starts.filter((start) => start === Math.min(...starts)).length;
  expect(fromModules).toBe(
    await page.getByRole('table', { name: 'Names of events' }).locator('tbody tr').count(),
  );
});

test('what nobody asks for is grey, in a picture that is read without colours too', async () => {
  await setMany(false);
  await lose();
  const { page } = await stage.open('#/flow');
  const lost = box(page, /^lost\.event: .*, nobody asks for it$/);
  await lost.waitFor();
  const dashes = await lost.locator('rect').evaluate((rect) => getComputedStyle(rect).strokeDasharray);
  expect(dashes).not.toBe('none');
});

test.each(SCREENS)(
  'with 300 consumers the worst come first and the others are one box, at %i px',
  async (width) => {
    await setMany(true);
    const { page } = await stage.open('#/flow', { viewport: { width, height: 900 } });
    const rest = box(page, /^\d+ more consumers: \d+ in time$/);
    await rest.waitFor();
    // Thirty of each, their modules, and a box for what is left out.
    expect(await boxes(page)).toBeLessThan(80);
    const worst = await mapOf(page).locator('a:has(rect.dead-letters) > title').allTextContents();
    expect(worst).toHaveLength(4);
    expect(worst[0]).toMatch(/^many-\d+: 10 dead letters/);
    // The page stays short, and the picture scrolls in its own box.
    const { height = 0 } = (await mapOf(page).boundingBox()) ?? {};
    expect(height).toBeLessThan(700);
    expect(await page.evaluate(() => document.documentElement.scrollHeight)).toBeLessThan(1_800);
    await rest.focus();
    await page.keyboard.press('Enter');
    await page.waitForURL(/limit=300/);
    const lines = mapOf(page).locator('path.edge');
    await until('all of them are drawn', async () => (await lines.count()) > MANY);
    expect(await lines.count()).toBeLessThan(1_500);
    await box(page, /^many-299: /).waitFor();
    expect(await page.evaluate(() => document.documentElement.scrollHeight)).toBeLessThan(1_800);
    await page.getByRole('button', { name: 'Show up to 300' }).click();
    await rest.waitFor();
  },
);

test('axe finds nothing in it, in both themes, and no width has to be scrolled sideways', async () => {
  await setMany(true);
  const { page } = await stage.open('#/flow', { bypassCSP: true });
  await box(page, /more consumers/).waitFor();
  await unfold(page);
  await rowOf(page, 'Consumers', 'billing').waitFor();
  expect(await violationsOf(page)).toEqual([]);
  expect(await tooWideAt(page, SCREENS)).toEqual([]);
});
