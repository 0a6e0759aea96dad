import { expect, test } from '@jest/globals';
import type { Page } from 'playwright-core';
import { openOrders } from './stage/orders.js';
import { searchBox } from './stage/search-box.js';
import { onStage } from './stage/stage.js';

/** Half an hour before the page is opened: 12 events a second for one minute, one failed attempt a second. */
const stage = onStage(async (database) => {
  const half = `date_trunc('minute', now()) - interval '30 minutes'`;
  await database.pool.query(`
    INSERT INTO integration.integration_work (consumer_name, at, process_id, upto, handled, failed, latency)
      SELECT name, ${half}, gen_random_uuid(), ${half} + interval '1 minute', handled, 60, ('{' || repeat('0,', 8) || handled || repeat(',0', 7) || '}')::int[]
      FROM (VALUES ('billing', 480), ('shipping', 240)) AS w(name, handled);
    INSERT INTO integration.integration_sample (at, consumer_name, partition, head, backlog, lag_s, dead)
      SELECT ${half} + n * interval '10 seconds', 'billing', 0, n * 70, 33, 4, 2 FROM generate_series(0, 6) AS n`);
  return openOrders(database);
});

/** The rows of a chart as a table, without those in which nothing is known. */
async function tableOf(page: Page, title: string): Promise<string[]> {
  const chart = page.getByRole('figure', { name: title, exact: true });
  await chart.getByRole('button', { name: 'As table' }).click();
  await chart.getByRole('table').waitFor();
  return chart.getByRole('row').allInnerTexts();
}

test('the overview has the figures of the last hour at once, all together and of the busiest consumers', async () => {
  const { page } = await stage.open('#/overview');
  const rates = await tableOf(page, 'Events per second');
  expect(rates[0]).toMatch(/published.*handled, all consumers.*failed attempts/s);
  expect(rates.filter((row) => /\b7\/s\s+12\/s\s+2\/s/.test(row))).toHaveLength(1);
  const busiest = await tableOf(page, 'Handled per second, busiest consumers');
  expect(busiest.filter((row) => /\b8\/s\s+4\/s/.test(row))).toHaveLength(1);
  // All of them took between one and two and a half seconds.
  const latency = await tableOf(page, 'Latency: from created to handled');
  expect(latency.filter((row) => /\b1\.8 s\s+2\.4 s/.test(row))).toHaveLength(1);
  const oldest = await tableOf(page, 'Age of the oldest waiting event');
  expect(oldest.filter((row) => /\b4 s$/.test(row.trim()))).not.toHaveLength(0);
});

test('a consumer has its own figures, and the time that they cover stands in the URL', async () => {
  const { page } = await stage.open('#/consumers/billing?hours=6');
  expect(await page.getByRole('combobox', { name: /Charts show/ }).inputValue()).toBe('6');
  const figures = await tableOf(page, 'Events per second');
  expect(figures.filter((row) => /\b8\/s\s+1\/s/.test(row))).toHaveLength(1);
  await page.getByRole('combobox', { name: /Charts show/ }).selectOption({ label: 'last hour' });
  await page.waitForURL(/hours=1$/);
});

test.each([
  ['an hour', '1'],
  ['a week', '168'],
  ['a month', '720'],
])('the labels of time of %s are times or days, and none of them is cut off', async (_, hours) => {
  const { page } = await stage.open('#/processes');
  // What a canvas shows can only be seen while it is drawn.
  await page.addInitScript(() => {
    const drawn: { text: string; right: number; width: number }[] = [];
    Object.assign(globalThis, { drawn });
    const { fillText } = CanvasRenderingContext2D.prototype;
    CanvasRenderingContext2D.prototype.fillText = function (text, x, ...rest) {
      const { width } = this.measureText(text);
      if (this.textAlign === 'center') drawn.push({ text, right: x + width / 2, width: this.canvas.width });
      return fillText.call(this, text, x, ...rest);
    };
  });
  await page.reload();
  await page.evaluate((to) => {
    location.hash = to;
  }, `#/overview?hours=${hours}`);
  type Drawn = { drawn: { text: string; right: number; width: number }[] };
  await page.waitForFunction(() => (globalThis as unknown as Drawn).drawn.length >= 8);
  const drawn = await page.evaluate(() => (globalThis as unknown as Drawn).drawn);
  for (const { text, right, width } of drawn) {
    expect(text).toMatch(/^(?:\d{1,2}:\d{2}(?:\s[AP]M)?|\w+ \d+|\d+ \w+)$/);
    expect([text, Math.ceil(right) <= width]).toEqual([text, true]);
  }
});

test('a time that is none, in the URL, is an hour', async () => {
  const { page } = await stage.open('#/overview?hours=soon');
  await page.getByRole('figure', { name: 'Events per second' }).waitFor();
  expect(await page.getByRole('combobox', { name: /Charts show/ }).inputValue()).toBe('1');
});

test('what cannot be found has a title and a way back', async () => {
  const { page } = await stage.open('#/consumers/nobody');
  await page.getByRole('heading', { name: 'nobody', level: 1 }).waitFor();
  await page.getByRole('main').getByRole('link', { name: 'Consumers' }).click();
  await page.getByRole('heading', { name: 'Consumers', level: 1 }).waitFor();
});

test('charts whose code cannot be fetched say so, their values stay, and they are drawn when it can', async () => {
  const { page } = await stage.open('#/doctor');
  await page.getByRole('heading', { level: 1, name: 'Doctor' }).waitFor();
  const code = /\/assets\/draw-[^/]*\.js$/;
  await page.route(code, (route) => route.abort());
  await page.getByRole('link', { name: 'Overview' }).click();
  const chart = page.getByRole('figure', { name: 'Events per second', exact: true });
  await chart.getByText('This part of the page cannot be loaded.').waitFor();
  await chart.getByText('published').first().waitFor();
  await page.unroute(code);
  await chart.locator('canvas').waitFor();
  await chart.getByText('This part of the page cannot be loaded.').waitFor({ state: 'detached' });
  expect(await chart.locator('canvas').count()).toBe(1);
});

test('a search whose code cannot be fetched says so, and is possible again', async () => {
  const { page } = await stage.open('#/overview');
  const code = /\/assets\/find-place-[^/]*\.js$/;
  await page.route(code, (route) => route.abort());
  await searchBox(page).fill('billing');
  await page.keyboard.press('Enter');
  const problem = page.getByRole('search').getByRole('status');
  await problem.getByText('This part of the page cannot be loaded.').waitFor();
  await page.unroute(code);
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { level: 1, name: 'billing' }).waitFor();
});
