import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Page } from 'playwright-core';
import { until } from '../support/until.js';
import { ids, openOrders } from './stage/orders.js';
import { startWebProxy, type WebProxy } from './stage/proxies.js';
import { onStage } from './stage/stage.js';

const stage = onStage(openOrders);
let proxy: WebProxy;
beforeAll(async () => {
  proxy = await startWebProxy(stage.shop.url);
});
afterAll(() => proxy.close());

function says(page: Page, word: string, options: { timeout?: number } = {}): Promise<void> {
  return page.getByRole('button', { name: new RegExp(`^${word}\\b`) }).waitFor(options);
}

/**
 * Moves the clock on until a stream is open again. A clock that jumps while the page opens one makes the page
 * give it up for its silence, and wait before the next one.
 */
async function goesLiveAgain(page: Page): Promise<void> {
  for (let jumps = 1; ; jumps++) {
    await page.clock.fastForward(60_000);
    try {
      return await says(page, 'Live', { timeout: 12_000 });
    } catch (error) {
      if (jumps === 4) throw error;
    }
  }
}

/** The figure of the overview that counts dead letters. */
function deadLetters(page: Page, count: number): Promise<void> {
  return page
    .getByRole('link', { name: new RegExp(`Dead letters\\s*${count}\\b`) })
    .first()
    .waitFor();
}

test('a stream that dies is made up for by asking, and comes back', async () => {
  const { shop } = stage;
  const { page } = await stage.open('#/overview', { url: proxy.url, clock: true });
  await says(page, 'Live');
  expect(proxy.streams()).toBe(1);

  proxy.killStreams();
  await page.clock.fastForward(10_000);
  await says(page, 'Polling');
  // What happens meanwhile is seen.
  shop.receiver.refuse(...ids('dying', 2));
  await shop.place(...ids('dying', 2));
  await shop.has('billing', 'dead_letter', 2);
  await page.clock.fastForward(10_000);
  await deadLetters(page, 2);

  proxy.mend();
  await goesLiveAgain(page);
});

test('a session that ends is said, what was shown stays, and signing in again goes on', async () => {
  const { shop } = stage;
  const { page } = await stage.open('#/consumers', { clock: true });
  await page.getByRole('link', { name: 'billing' }).first().waitFor();
  shop.sessions.endAll();
  await page.clock.fastForward(10_000);
  await page.getByRole('heading', { name: 'Your session has ended' }).waitFor();
  await page.getByRole('link', { name: 'billing' }).first().waitFor();
  await says(page, 'Stopped');
  // It is said once.
  expect(await page.getByRole('alert').count()).toBe(0);

  await shop.sessions.signIn(page.context(), shop.url);
  await page.getByRole('button', { name: 'Try again' }).click();
  await page.getByRole('heading', { name: 'Your session has ended' }).waitFor({ state: 'detached' });
  await says(page, 'Live');
});

test('a tab that nobody sees reads nothing, and goes on when it is seen again', async () => {
  const { page } = await stage.open('#/overview', { clock: true });
  await says(page, 'Live');
  await setHidden(page, true);
  await says(page, 'Resting');
  // What was about to be read when it was hidden is read.
  await page.clock.fastForward(1_000);
  const requests: string[] = [];
  // The code of a chart may still come; it is no data.
  page.on('request', (request) => {
    if (!request.url().includes('/ui/assets/')) requests.push(request.url());
  });
  await page.clock.fastForward(120_000);
  expect(requests).toEqual([]);
  await setHidden(page, false);
  await says(page, 'Live');
  expect(requests.length).toBeGreaterThan(0);
});

test('a server that is away is said, and the page goes on when it is back', async () => {
  const { page } = await stage.open('#/overview', { clock: true });
  await says(page, 'Live');
  await page.context().setOffline(true);
  await page.clock.fastForward(60_000);
  await says(page, 'No answer');
  await page.context().setOffline(false);
  await goesLiveAgain(page);
});

test('a list that is watched is sent what has changed, and shows what is paused, comes and goes', async () => {
  const { pool } = stage.database;
  const add = (first: number, last: number) =>
    pool.query(
      `INSERT INTO integration.inbox_cursor (consumer_name, event_names, unread)
       SELECT 'watched-' || n, '{nothing.asked}', '{[1,)}' FROM generate_series($1::int, $2::int) AS n`,
      [first, last],
    );
  await add(1, 300);
  const { page } = await stage.open('#/consumers', { clock: true });
  const answers: { status: number; bytes: number }[] = [];
  page.on('response', async (response) => {
    if (!response.url().includes('/consumers?')) return;
    const text = response.status() === 304 ? '' : await response.text().catch(() => '');
    answers.push({ status: response.status(), bytes: text.length });
  });
  const row = (name: string) =>
    page.getByRole('row').filter({ has: page.getByRole('link', { name, exact: true }) });
  await row('watched-300').waitFor();
  await pool.query(`
    UPDATE integration.inbox_cursor SET paused_at = now(), paused_by = 'anna' WHERE consumer_name = 'watched-7';
    DELETE FROM integration.inbox_cursor WHERE consumer_name = 'watched-8'`);
  await add(301, 301);
  await page.clock.fastForward(6_000);
  await row('watched-301').waitFor();
  await row('watched-7').getByText('paused').waitFor();
  expect(await row('watched-8').count()).toBe(0);
  expect(await page.getByRole('row').filter({ hasText: 'watched-' }).count()).toBe(300);
  await until('a change was sent as one', async () => answers.some(({ status }) => status === 226));
  // All of them are more than 150,000 characters.
  for (const { status, bytes } of answers) if (status === 226) expect(bytes).toBeLessThan(20_000);
  await pool.query(`DELETE FROM integration.inbox_cursor WHERE consumer_name LIKE 'watched-%'`);
});

/** As the browser does where another tab comes to the front. */
function setHidden(page: Page, isHidden: boolean): Promise<void> {
  return page.evaluate((hidden) => {
    Object.defineProperty(document, 'hidden', { configurable: true, get: () => hidden });
    Object.defineProperty(document, 'visibilityState', {
      configurable: true,
      get: () => (hidden ? 'hidden' : 'visible'),
    });
    document.dispatchEvent(new Event('visibilitychange'));
  }, isHidden);
}
