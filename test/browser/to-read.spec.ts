import { expect, test } from '@jest/globals';
import type { Page } from 'playwright-core';
import { openOrders } from './stage/orders.js';
import { onStage } from './stage/stage.js';

/** Forty events, half of them of the name that `half` asks for. Nobody works on it, nor on those that ask for none. */
const stage = onStage(async (database) => {
  const shop = await openOrders(database);
  await database.pool.query(`
    INSERT INTO integration.inbox_cursor (consumer_name, event_names, unread)
      SELECT name, '{none.*}'::text[], '{[1,)}'::int8multirange FROM unnest('{none-1,none-2,none-3}'::text[]) AS name
      UNION ALL SELECT 'half', '{even.*}', '{[1,)}'`);
  await publish(database.pool, 40);
  return shop;
});

async function publish(pool: { query(sql: string): Promise<unknown> }, count: number): Promise<void> {
  await pool.query(
    `INSERT INTO integration.outbox_event (event_name, source_module, aggregate_type, aggregate_id)
     SELECT CASE WHEN n % 2 = 0 THEN 'even.happened' ELSE 'odd.happened' END, 'test', 'number', n::text FROM generate_series(1, ${count}) AS n`,
  );
}

const figure = (page: Page, name: string, text: string | RegExp) =>
  page.getByRole('listitem').filter({ hasText: name }).getByText(text, { exact: true }).waitFor();

const bars = (page: Page) => page.getByRole('region', { name: 'Events to read, by consumer' });

/** The text of a consumer's cell in the column "To read". */
async function toRead(page: Page, consumer: string): Promise<string | null> {
  const head = page.getByRole('columnheader', { name: 'To read' });
  const index = await head.evaluate((cell) => (cell as HTMLTableCellElement).cellIndex);
  const row = page.getByRole('row').filter({ has: page.getByRole('link', { name: consumer, exact: true }) });
  return row.locator('th, td').nth(index).textContent();
}

test('only events that a consumer asks for are to be read, in the figure, the bars and the columns', async () => {
  const { page } = await stage.open('#/overview');
  await figure(page, 'Events to read', '20');
  // Twenty events wait, so one of them is the oldest.
  expect(
    await page.getByRole('listitem').filter({ hasText: 'Oldest waiting event' }).textContent(),
  ).not.toContain('none');
  await bars(page).getByRole('row').nth(1).waitFor();
  expect(await bars(page).getByRole('rowheader').allInnerTexts()).toEqual(['half']);
  await bars(page)
    .getByText(/^20, oldest /)
    .waitFor();
  await page.goto(page.url().replace(/#.*/, '#/consumers'));
  await page.getByRole('link', { name: 'half', exact: true }).waitFor();
  for (const [name, text] of [
    ['none-1', '0'],
    ['none-3', '0'],
    ['half', '20'],
  ] as const)
    expect([name, await toRead(page, name)]).toEqual([name, text]);
  await page.getByRole('link', { name: 'half', exact: true }).click();
  await page
    .getByRole('table', { name: 'Partitions' })
    .getByRole('cell', { name: '20', exact: true })
    .waitFor();
});

test('where events are not counted, what is shown is a bound and says so', async () => {
  await publish(stage.database.pool, 3_000);
  const { page } = await stage.open('#/overview');
  await figure(page, 'Events to read', /^up to 12,\d{3}$/);
  await bars(page)
    .getByText(/^up to 3,0\d\d, oldest /)
    .waitFor();
  await page.getByRole('figure', { name: 'Positions of the log to read, of any name' }).waitFor();
  await page.goto(page.url().replace(/#.*/, '#/consumers'));
  await page.getByRole('link', { name: 'half', exact: true }).waitFor();
  expect(await toRead(page, 'half')).toBe('up to 3,040');
});
