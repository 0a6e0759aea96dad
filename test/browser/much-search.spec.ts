import { expect, test } from '@jest/globals';
import type { Page } from 'playwright-core';
import type { TestDatabase } from '../support/test-database.js';
import { LARGE } from './stage/many-dead-letters.js';
import { openOrders } from './stage/orders.js';
import { searchBox } from './stage/search-box.js';
import { onStage } from './stage/stage.js';

/* Each kind of search in a large log. `npm run test:browser -- --large` has a million events. */

const EVENTS = LARGE ? 1_000_000 : 250_000;
/** The window of a search in payloads. */
const WINDOW = LARGE ? 100_000 : 30_000;
const DEAD = LARGE ? 26_000 : 3_000;
const KINDS = 300;
const MOST_MS = 30_000;
const STOPPED_WITHIN_MS = 1_000;

const stage = onStage(
  async (database) => {
    await fill(database);
    return openOrders(database);
  },
  LARGE ? 900_000 : 120_000,
);

/** An event each tenth of a second. What is sought is the oldest of all, and in payloads the oldest of the window. */
async function fill({ pool }: TestDatabase): Promise<void> {
  await pool.query(
    `INSERT INTO integration.outbox_event (event_name, source_module, aggregate_type, aggregate_id, payload, payload_bytes, metadata, created_at)
     SELECT CASE WHEN n = 1 THEN 'order.first' ELSE 'order.placed' END, 'shop', 'order', CASE WHEN n = 1 THEN 'sought-1' ELSE 'order-' || n % 50000 END,
       jsonb_build_object('customer', jsonb_build_object('id', CASE WHEN n = $1::int - $2::int + 100 THEN 'sought' ELSE 'c-' || n END), 'note', repeat(md5(n::text), 8)),
       300, jsonb_build_object('correlationId', CASE WHEN n = 1 THEN 'visit-1' ELSE 'v-' || n END), now() - ($1::int - n) * interval '100 milliseconds'
     FROM generate_series(1, $1::int) AS n`,
    [EVENTS, WINDOW],
  );
  await pool.query(
    `INSERT INTO integration.inbox_event (outbox_event_id, position, consumer_name, aggregate_type, aggregate_id, status, last_error, error_fingerprint)
     SELECT e.id, e.position, 'consumer-' || n % 30, e.aggregate_type, e.aggregate_id, 'dead_letter',
       CASE WHEN n % $2::int = 299 THEN 'Error: The ship has sunk at ' || n ELSE 'Error: The receiver answered ' || n END, md5((n % $2::int)::text)
     FROM generate_series(0, $1::int - 1) AS n JOIN integration.outbox_event e ON e.position = $3::bigint - n`,
    [DEAD, KINDS, EVENTS],
  );
  await pool.query('VACUUM ANALYZE');
}

/** When the window of payloads begins: a bit before what is sought in it. */
async function windowFrom({ pool }: TestDatabase): Promise<string> {
  const { rows } = await pool.query<{ at: Date }>(
    'SELECT created_at AS at FROM integration.outbox_event WHERE position = $1',
    [EVENTS - WINDOW],
  );
  const [row] = rows;
  if (row === undefined) throw new Error('the log is shorter than the window');
  return row.at.toISOString();
}

test.each([
  ['the name of an event', 'order.first', 'order.first'],
  ['an id without a type', 'sought-1', 'order.first'],
  ['a correlation', 'visit-1', 'order.first'],
  ['the text of an error', 'The ship has sunk at 5', 'The ship has sunk'],
])('%s is found by the box without a press', async (what, text, has) => {
  const { page } = await stage.open('#/overview');
  await searchBox(page).fill(text);
  const from = performance.now();
  await page.keyboard.press('Enter');
  await page.getByRole('main').getByRole('link', { name: has }).first().waitFor();
  isWithin(what, performance.now() - from, MOST_MS);
});

test('a value in payloads is found in its window without a press', async () => {
  const { page } = await stage.open('#/overview');
  const query = new URLSearchParams({
    payloadPath: 'customer.id',
    payloadValue: 'sought',
    from: await windowFrom(stage.database),
  });
  const from = performance.now();
  await page.evaluate((to) => {
    location.hash = to;
  }, `#/events?${query}`);
  await page.getByRole('main').getByRole('link', { name: 'order.placed' }).first().waitFor();
  isWithin('a value in payloads', performance.now() - from, MOST_MS);
});

test('nothing is found by a name in the whole log without a press', async () => {
  const { page } = await stage.open('#/overview');
  const from = performance.now();
  await page.evaluate(() => {
    location.hash = '#/events?about=there-is-none';
  });
  await page.getByRole('main').getByText('No event matches the filter.').waitFor();
  isWithin('nothing in the whole log', performance.now() - from, MOST_MS);
});

test('a search is stopped within a second', async () => {
  const { page } = await stage.open('#/overview');
  isWithin('stopped', await stopped(page, '#/events?about=there-is-none'), STOPPED_WITHIN_MS);
});

/**
 * Milliseconds from the press of Stop until the page says that it has stopped. The page itself presses the button as
 * soon as it is there, because a fast machine ends a search before a press from outside arrives.
 */
function stopped(page: Page, search: string): Promise<number> {
  return page.evaluate(
    (to) =>
      new Promise<number>((resolve) => {
        let pressedAt: number | undefined;
        const watch = new MutationObserver(() => {
          if (pressedAt !== undefined) {
            const says = document.querySelector('main .pager [role="status"]')?.textContent ?? '';
            if (!says.startsWith('Stopped: ')) return;
            watch.disconnect();
            resolve(performance.now() - pressedAt);
            return;
          }
          const stop = [...document.querySelectorAll<HTMLButtonElement>('main button')].find(
            ({ textContent }) => textContent === 'Stop',
          );
          if (stop === undefined) return;
          pressedAt = performance.now();
          stop.click();
        });
        watch.observe(document.body, { childList: true, subtree: true, characterData: true });
        location.hash = to;
      }),
    search,
  );
}

function isWithin(what: string, ms: number, most: number): void {
  if (LARGE) process.stderr.write(`search, ${EVENTS} events: ${what}: ${Math.round(ms)} ms\n`);
  expect(ms).toBeLessThanOrEqual(most);
}
