import { test } from '@jest/globals';
import type { Page } from 'playwright-core';
import { openOrders } from './stage/orders.js';
import { onStage } from './stage/stage.js';

/** Twenty minutes of work, each with its own rate, and in it a deployment, a setting and a pause. */
const stage = onStage(async (database) => {
  await database.pool.query(`
    INSERT INTO integration.integration_work (consumer_name, at, process_id, upto, handled, failed, latency)
      SELECT 'billing', at, gen_random_uuid(), at + interval '1 minute', n * 60, 0, ('{' || n * 60 || repeat(',0', 15) || '}')::int[]
      FROM generate_series(2, 40) AS n CROSS JOIN LATERAL (SELECT date_trunc('minute', now()) - n * interval '1 minute' AS at) AS t;
    INSERT INTO integration.integration_start (minute, version, processes, first_at, host, pid)
      SELECT date_trunc('minute', now()) - interval '20 minutes', '2.0.0', 3, date_trunc('minute', now()) - interval '20 minutes', 'web-1', 7`);
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

test.each([390, 768, 1_280, 1_440])('a week and a month fit at %d pixels', async (width) => {
  const { page } = await stage.open('#/overview?hours=720');
  await page.setViewportSize({ width, height: 900 });
  for (const label of ['last 7 days', 'last 30 days']) {
    await page.getByRole('combobox', { name: /Charts show/ }).selectOption({ label });
    await chartOf(page, 'Events per second').locator('canvas').waitFor();
    await page.waitForFunction(() => document.documentElement.scrollWidth <= innerWidth);
  }
});
