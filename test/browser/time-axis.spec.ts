import { expect, test } from '@jest/globals';
import type { Page } from 'playwright-core';
import { SCREENS } from './stage/accessibility.js';
import { openOrders } from './stage/orders.js';
import { onStage } from './stage/stage.js';

/** Twenty minutes of work, each with its own rate, and in it a deployment, a setting and a pause. */
const stage = onStage(async (database) => {
  await database.pool.query(`
    INSERT INTO integration.integration_work (consumer_name, at, process_id, upto, handled, failed, latency)
      SELECT 'billing', at, gen_random_uuid(), at + interval '1 minute', n * 60, 0, ('{' || n * 60 || repeat(',0', 15) || '}')::int[]
      FROM generate_series(2, 40) AS n CROSS JOIN LATERAL (SELECT date_trunc('minute', now()) - n * interval '1 minute' AS at) AS t;
    INSERT INTO integration.integration_work (consumer_name, at, process_id, upto, handled, failed, latency)
      SELECT 'shipping', at, gen_random_uuid(), at + interval '1 minute', 60, 0, '{60}'
      FROM (SELECT date_trunc('minute', now()) - interval '3 minutes' AS at) AS t;
    INSERT INTO integration.integration_start (minute, version, processes, first_at, host, pid)
      SELECT date_trunc('minute', now()) - interval '20 minutes', '2.0.0', 3, date_trunc('minute', now()) - interval '20 minutes', 'web-1', 7`);
  await database.pool.query(`
    INSERT INTO integration.integration_hour (consumer_name, at, handled, failed, latency)
      SELECT name, date_trunc('hour', now()) - interval '7 days' + n * interval '1 hour', 27000, 0, '{}'
      FROM generate_series(-2, 2) AS n, unnest(ARRAY['', 'billing']) AS name`);
  await database.pool.query(
    `INSERT INTO integration.integration_setting_change (key, old_value, new_value, changed_by, changed_at)
     VALUES ('core.integration.outbox.batchSize', '500', '50', 'ann', date_trunc('minute', now()) - interval '15 minutes')`,
  );
  await database.pool.query(
    `INSERT INTO integration.integration_audit (at, actor, via, action, target, outcome)
     VALUES (date_trunc('minute', now()) - interval '10 minutes', 'ben', 'service', 'consumers.pause', 'consumer/billing', 'done')`,
  );
  return openOrders(database);
});

const chartOf = (page: Page, title: string) => page.getByRole('figure', { name: title, exact: true });

test('a deployment, a setting and a pause are marks, in a list and at the step of their time', async () => {
  const { page } = await stage.open('#/overview?hours=1');
  const list = page.locator('details.changes');
  await list.getByText(/Each\s+has a mark/).click();
  for (const says of [
    /3 processes were started with version 2\.0\.0|with the new version 2\.0\.0/,
    /ann set core\.integration\.outbox\.batchSize from 500 to 50/,
    /ben paused consumer billing/,
  ])
    await list.getByText(says).first().waitFor();
  const chart = chartOf(page, 'Events per second');
  await chart.locator('canvas').waitFor();
  const image = chart.getByRole('img');
  expect(await image.getAttribute('aria-label')).toMatch(/\d+ changes marked/);
  await image.focus();
  for (let n = 0; n < 70 && !(await chart.getByText(/ben paused consumer billing/).isVisible()); n++)
    await page.keyboard.press('ArrowLeft');
  await chart.getByText(/ben paused consumer billing/).waitFor();
});

test('the value at the pointer and by the arrow keys is that of the row, in all charts at once', async () => {
  const { page } = await stage.open('#/overview?hours=1');
  const chart = chartOf(page, 'Events per second');
  const other = chartOf(page, 'Handled per second, busiest consumers');
  const handled = chart.locator('.legend li').filter({ hasText: 'handled, all consumers' }).locator('b');
  const timeOf = (of: typeof chart) => of.locator('.legend-of > p').first().textContent();
  await chart.locator('canvas').waitFor();
  await other.locator('canvas').waitFor();
  await chart.locator('.u-over').scrollIntoViewIfNeeded();
  const box = await chart.locator('.u-over').boundingBox();
  if (box === null) throw new Error('the chart has no area');
  const seen: (readonly [string | null, string | null])[] = [];
  for (const part of [0.5, 0.7, 0.9]) {
    await page.mouse.move(box.x + box.width * part, box.y + 30);
    await page.waitForFunction(
      () => !document.querySelector('.legend-of > p')?.textContent?.startsWith('Latest'),
    );
    expect(await timeOf(other)).toBe(await timeOf(chart));
    seen.push([await timeOf(chart), await handled.textContent()]);
  }
  expect(new Set(seen.map(([time]) => time)).size).toBe(3);
  await chart.getByRole('img').focus();
  await page.keyboard.press('End');
  await page.keyboard.press('ArrowLeft');
  await page.keyboard.press('ArrowLeft');
  await page.keyboard.press('ArrowLeft');
  expect(await timeOf(other)).toBe(await timeOf(chart));
  seen.push([await timeOf(chart), await handled.textContent()]);
  await chart.getByRole('button', { name: 'As table' }).click();
  const rows = await chart.getByRole('row').allInnerTexts();
  for (const [time, value] of seen) {
    const row = rows.find((each) => each.startsWith(time ?? 'none'));
    expect([time, row?.split('\t')[2]?.trim()]).toEqual([time, value]);
  }
});

test('a window that is dragged leads to its events and its audit', async () => {
  const { page } = await stage.open('#/overview?hours=1');
  const chart = chartOf(page, 'Events per second');
  await chart.locator('canvas').waitFor();
  await chart.locator('.u-over').scrollIntoViewIfNeeded();
  const box = await chart.locator('.u-over').boundingBox();
  if (box === null) throw new Error('the chart has no area');
  await page.mouse.move(box.x + box.width * 0.4, box.y + 30);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.95, box.y + 30, { steps: 4 });
  await page.mouse.up();
  const dragged = page.getByRole('status').filter({ hasText: /^From .* to / });
  await dragged.getByRole('link', { name: 'Events', exact: true }).click();
  await page.waitForURL(/#\/events\?from=.*&to=/);
  const { searchParams } = new URL(page.url().split('#')[1] ?? '', 'http://page');
  const [from = 0, to = 0] = ['from', 'to'].map((name) => Date.parse(searchParams.get(name) ?? ''));
  expect(to - from).toBeGreaterThan(20 * 60_000);
  expect(to - from).toBeLessThan(45 * 60_000);
  await page.getByRole('heading', { level: 1, name: 'Events' }).waitFor();
  await page.goBack();
  await chart.locator('canvas').waitFor();
  await chart.locator('.u-over').scrollIntoViewIfNeeded();
  const again = await chart.locator('.u-over').boundingBox();
  if (again === null) throw new Error('the chart has no area');
  await page.mouse.move(again.x + again.width * 0.4, again.y + 30);
  await page.mouse.down();
  await page.mouse.move(again.x + again.width * 0.95, again.y + 30, { steps: 4 });
  await page.mouse.up();
  await page.getByRole('link', { name: 'Audit', exact: true }).last().click();
  await page.waitForURL(/#\/audit\?from=.*&to=/);
  await page.getByRole('row').filter({ hasText: 'ben' }).filter({ hasText: 'consumer/billing' }).waitFor();
});

test('the same hour a week ago is a grey line, and its value is in the table', async () => {
  const { page } = await stage.open('#/overview?hours=1');
  const chart = chartOf(page, 'Events per second');
  await chart.locator('canvas').waitFor();
  await chart.locator('.line-past').getByText('7.5').waitFor();
  await chart.getByRole('button', { name: 'As table' }).click();
  await chart.getByRole('columnheader', { name: 'handled a week before, by the hour' }).waitFor();
  await chart.getByRole('row').nth(30).getByText('7.5').waitFor();
});

test('a chart opens with the span that its data fill', async () => {
  const { page } = await stage.open('#/consumers/shipping');
  const chart = chartOf(page, 'Events per second');
  await chart.getByRole('button', { name: 'As table' }).click();
  await page.waitForFunction((title) => {
    const rows = document.querySelectorAll(`figure[aria-label="${title}"] tbody tr`).length;
    return rows >= 4 && rows <= 7;
  }, 'Events per second');
});

test.each(SCREENS)('a week and a month fit at %d pixels', async (width) => {
  const { page } = await stage.open('#/overview?hours=720');
  await page.setViewportSize({ width, height: 900 });
  for (const label of ['last 7 days', 'last 30 days']) {
    await page.getByRole('combobox', { name: /Charts show/ }).selectOption({ label });
    await chartOf(page, 'Events per second').locator('canvas').waitFor();
    await page.waitForFunction(() => document.documentElement.scrollWidth <= innerWidth);
  }
});
