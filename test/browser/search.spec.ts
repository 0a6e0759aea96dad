import { beforeAll, expect, test } from '@jest/globals';
import type { Page, Route } from 'playwright-core';
import { openOrders } from './stage/orders.js';
import { searchBox } from './stage/search-box.js';
import { onStage } from './stage/stage.js';

/* The one box for everything, and searches that take several portions of the log. */

const stage = onStage(openOrders);

beforeAll(async () => {
  const { pool } = stage.database;
  // The sequence goes far beyond the first of them, so that it lies in the last of several portions.
  await pool.query(
    `INSERT INTO integration.outbox_event (position, event_name, source_module, aggregate_type, aggregate_id, payload, metadata)
     OVERRIDING SYSTEM VALUE VALUES (1000, 'far.event', 'shop', 'far', 'far-1', '{}', '{}'),
       (351000, 'near.event', 'shop', 'near', 'near-1', '{"customer": {"id": 42}}', '{"correlationId": "visit-7"}')`,
  );
  await pool.query(
    `INSERT INTO integration.inbox_event (outbox_event_id, position, consumer_name, aggregate_type, aggregate_id, status, last_error, error_fingerprint)
     SELECT id, position, 'mail', aggregate_type, aggregate_id, 'dead_letter', 'Error: The post is on strike until 5:30', 'abcdef'
     FROM integration.outbox_event WHERE position = 351000`,
  );
});

const progress = (page: Page) => page.getByRole('main').getByRole('status');
const far = (page: Page) => page.getByRole('main').getByRole('link', { name: 'far.event' });

async function search(page: Page, text: string): Promise<void> {
  await searchBox(page).fill(text);
  await page.keyboard.press('Enter');
}

test('a search goes on by itself until it has found something, and nobody presses anything', async () => {
  const { page } = await stage.open('#/overview');
  await search(page, 'far-1');
  await page.waitForURL('**/ui#/events?about=far-1');
  await far(page).waitFor();
  expect(await page.getByRole('progressbar').count()).toBe(0);
});

test('a search says how far it is, is stopped at once, asks for nothing more, and goes on from there', async () => {
  const { page } = await stage.open('#/overview');
  const held: Route[] = [];
  const asked: string[] = [];
  let isHeld = true;
  await page.route(/\/events\?.*after=/, (route) => {
    asked.push(route.request().url());
    if (!isHeld) return route.continue();
    held.push(route);
  });
  await search(page, 'far-1');
  await progress(page)
    .getByText(/^Searching: looked at 100,000 of 350,00\d positions, back to position 251,001\.$/)
    .waitFor();
  await page.getByRole('progressbar', { name: 'Part of the log that was looked at' }).waitFor();

  // The answer of the second portion never comes: to stop does not wait for it, and takes the request back.
  const takenBack = page.waitForEvent('requestfailed', (request) => request.url().includes('after='));
  await page.getByRole('button', { name: 'Stop', exact: true }).click();
  await progress(page)
    .getByText(/^Stopped: looked at 100,000 of/)
    .waitFor();
  await takenBack;
  expect(asked).toHaveLength(1);
  expect(await far(page).count()).toBe(0);

  isHeld = false;
  await page.getByRole('button', { name: 'Go on', exact: true }).click();
  await far(page).waitFor();
  // The second portion again, and the two behind it.
  expect(asked).toHaveLength(4);
  expect(asked[1]).toBe(asked[0]);
  expect(held).toHaveLength(1);
});

test('a search that nobody looks at any more asks for nothing more', async () => {
  const { page } = await stage.open('#/overview');
  const asked: string[] = [];
  await page.route(/\/events\?.*after=/, (route) => {
    asked.push(route.request().url());
  });
  await search(page, 'far-1');
  await progress(page)
    .getByText(/^Searching: looked at 100,000/)
    .waitFor();
  const takenBack = page.waitForEvent('requestfailed', (request) => request.url().includes('after='));
  await page.getByRole('link', { name: 'Consumers', exact: true }).first().click();
  await takenBack;
  await page.getByRole('heading', { level: 1, name: 'Consumers' }).waitFor();
  expect(asked).toHaveLength(1);
});

test.each([
  ['the name of an event', 'near.event', /#\/events\?about=near\.event$/, 'near.event'],
  ['the beginning of a name', 'near.*', /#\/events\?name=near\./, 'near.event'],
  ['an id without a type', 'near-1', /#\/events\?about=near-1$/, 'near.event'],
  ['a correlation', 'visit-7', /#\/events\?about=visit-7$/, 'near.event'],
  [
    'a value in payloads of the last day',
    'customer.id=42',
    /#\/events\?payloadPath=customer\.id&payloadValue=42&from=/,
    'near.event',
  ],
  ['the text of an error', 'POST is on strike', /#\/dead-letters\?error=POST/, 'The post is on strike'],
  [
    'the text of an error with another number',
    'The post is on strike until 17:45',
    /#\/dead-letters\?error=The/,
    'The post is on strike until 5:30',
  ],
])('the box finds %s', async (_, text, inUrl, has) => {
  const { page } = await stage.open('#/overview');
  await search(page, text);
  await page.waitForURL(inUrl);
  await page.getByRole('main').getByRole('link', { name: has }).first().waitFor();
});

test('what is in no error may be looked for in the events', async () => {
  const { page } = await stage.open('#/dead-letters?error=near-1');
  const main = page.getByRole('main');
  await main.getByText('No kind of failure has such an error.').waitFor();
  await main.getByRole('link', { name: 'Look for it in the events' }).click();
  await main.getByRole('link', { name: 'near.event' }).waitFor();
});

test('/ leads to the box and selects what stands there', async () => {
  const { page } = await stage.open('#/overview');
  const box = searchBox(page);
  await box.fill('stands here');
  await page.getByRole('heading', { level: 1 }).click();
  await page.keyboard.press('/');
  await page.keyboard.type('other');
  expect(await box.inputValue()).toBe('other');
});
