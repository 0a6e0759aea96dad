import { beforeAll, expect, test } from '@jest/globals';
import { openOrders } from './stage/orders.js';
import { onStage } from './stage/stage.js';

const stage = onStage(openOrders);
const WORKERS = 1_010;
const CONSUMERS = 1_001;

/** More processes and consumers than one page of a list has. */
beforeAll(async () => {
  await stage.database.pool.query(
    `INSERT INTO integration.integration_process (id, host, pid, role, handles, started_at, seen_at, version, settings)
     SELECT ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid, 'worker-' || n, n, 'worker', ARRAY['handled-' || n], now(),
       now() + interval '10 minutes', '1', '{}' FROM generate_series(1, ${WORKERS}) AS n`,
  );
  await stage.database.pool.query(
    `INSERT INTO integration.inbox_cursor (consumer_name, event_names, unread, paused_at, paused_by)
     SELECT 'c-' || lpad(n::text, 4, '0'), '{none.*}', '{[1000000,)}', CASE WHEN n = ${CONSUMERS} THEN now() END,
       CASE WHEN n = ${CONSUMERS} THEN 'ada@shop.example' END FROM generate_series(1, ${CONSUMERS}) AS n`,
  );
  await stage.database.pool.query(
    `INSERT INTO integration.inbox_event (outbox_event_id, position, consumer_name, aggregate_type, aggregate_id, status, last_error)
     VALUES (gen_random_uuid(), 900000, 'c-${CONSUMERS - 1}', 'order', 'o-1', 'dead_letter', 'Error: refused')`,
  );
});

test('a process beyond the first page is found by its host and by what it handles, and pages lead to it', async () => {
  const { page } = await stage.open(`#/processes?text=worker-${WORKERS}`);
  await page.getByRole('heading', { name: `worker-${WORKERS}, pid ${WORKERS}` }).waitFor();
  await page.goto(page.url().replace(/#.*/, '#/processes?text=HANDLED-777'));
  await page.getByRole('heading', { name: 'worker-777, pid 777' }).waitFor();
  await page.goto(page.url().replace(/#.*/, '#/processes?text=nothing-of-the-kind'));
  await page.getByText('No process matches the filter.').waitFor();
  await page.goto(page.url().replace(/#.*/, '#/processes?text=worker-&state=alive'));
  await page.getByText('There are more processes. The order is of those of this page.').waitFor();
  await page.getByRole('link', { name: 'Next page' }).click();
  await page.getByRole('heading', { name: 'worker-201, pid 201' }).waitFor();
});

test('the page of settings does not say "all" of a part of the processes', async () => {
  const { page } = await stage.open('#/settings');
  await page.getByText('The first 1,000 processes use it.').first().waitFor();
  expect(await page.getByText(/^All \S+ processes use it/).count()).toBe(0);
});

test('a paused consumer beyond the first page is found, and the order is one of all consumers', async () => {
  const { page } = await stage.open('#/consumers?state=paused');
  await page.getByRole('link', { name: `c-${CONSUMERS}`, exact: true }).waitFor();
  expect(await page.getByRole('table', { name: 'Consumers' }).getByRole('row').count()).toBe(2);
  await page.goto(page.url().replace(/#.*/, '#/consumers'));
  const first = page.getByRole('table', { name: 'Consumers' }).getByRole('row').nth(1);
  await first.getByRole('link', { name: 'billing', exact: true }).waitFor();
  await page.getByRole('columnheader', { name: 'Dead letters' }).getByRole('button').click();
  await first.getByRole('link', { name: `c-${CONSUMERS - 1}`, exact: true }).waitFor();
  await page.getByRole('columnheader', { name: 'State' }).getByRole('button').click();
  await first.getByRole('link', { name: `c-${CONSUMERS}`, exact: true }).waitFor();
  await page.goto(page.url().replace(/#.*/, '#/consumers?state=unavailable'));
  await page.getByText('No consumer is unavailable.').waitFor();
  await page.goto(page.url().replace(/#.*/, '#/consumers?order=deadLetters'));
  await first.getByRole('link', { name: `c-${CONSUMERS - 1}`, exact: true }).waitFor();
  await page.getByRole('link', { name: 'Next page' }).click();
  await page.getByRole('link', { name: 'c-0998', exact: true }).waitFor();
});
