import { beforeAll, expect, test } from '@jest/globals';
import type { Page } from 'playwright-core';
import { fitsEachScreen } from './stage/accessibility.js';
import { openOrders } from './stage/orders.js';
import { onStage } from './stage/stage.js';

const stage = onStage(openOrders);
const DONE = 150;
const OWNED = 300;
let event = '';

beforeAll(async () => {
  const { shop, database } = stage;
  // They have settled everything up to a position that the log does not reach.
  await database.pool.query(
    `INSERT INTO integration.inbox_cursor (consumer_name, event_names, unread)
     SELECT 'done-' || lpad(n::text, 3, '0'), '{order.*}', '{[1000000,)}' FROM generate_series(1, $1::int) AS n`,
    [DONE],
  );
  shop.receiver.refuse('watched');
  [event = ''] = await shop.place('watched');
  await shop.has('billing', 'dead_letter', 1);
  await database.pool.query(
    `INSERT INTO integration.inbox_cursor (consumer_name, event_names, unread, lease_owner, lease_expires_at)
     SELECT 'owned-' || lpad(n::text, 3, '0'), '{none.*}', '{[1000000,)}', p.id, now() + interval '1 hour'
     FROM generate_series(1, $1::int) AS n, (SELECT id FROM integration.integration_process LIMIT 1) AS p`,
    [OWNED],
  );
});

const heightOf = (page: Page) => page.evaluate(() => document.documentElement.scrollHeight);

test('an event of very many consumers has its payload within reach, and all of them when asked', async () => {
  const { page } = await stage.open(`#/events/${event}`);
  const consumers = page.getByRole('region', { name: 'Consumers' });
  // The one with a problem comes first.
  await consumers.getByRole('heading', { level: 3 }).first().filter({ hasText: 'billing' }).waitFor();
  const payload = page.getByRole('region', { name: 'Payload', exact: true });
  await payload.waitFor();
  const top = await payload.evaluate((element) => element.getBoundingClientRect().top + scrollY);
  expect(top).toBeLessThan(1_800);
  const others = consumers.getByText(/\d+ more consumers: done/);
  await fitsEachScreen(page, [others]);
  await others.click();
  await consumers.getByRole('link', { name: 'done-150' }).waitFor();
});

test('a process of very many consumers is short, and shows all of them when asked', async () => {
  const { page } = await stage.open('#/processes');
  const more = page.getByText(/\d+ more partitions, nothing runs/);
  await more.waitFor();
  expect(await heightOf(page)).toBeLessThan(2_500);
  await fitsEachScreen(page, [more]);
  await more.click();
  await page.getByRole('link', { name: 'owned-300' }).waitFor();
});
