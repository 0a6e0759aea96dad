import { expect, test } from '@jest/globals';
import { fitsEachScreen, violationsOf } from './stage/accessibility.js';
import { openOrders } from './stage/orders.js';
import { onStage } from './stage/stage.js';

/* What is wrong, by cause: 300 consumers that fail in one way, each in a file of its own, are one line. */

const stage = onStage(async (database) => {
  const shop = await openOrders(database);
  await database.pool.query(
    `INSERT INTO integration.inbox_event
       (outbox_event_id, position, consumer_name, aggregate_type, aggregate_id, status, last_error, error_fingerprint, updated_at)
     SELECT gen_random_uuid(), 1000000 + n * 50 + m, 'consumer-' || lpad(n::text, 3, '0'), 'thing', 't', 'dead_letter',
       'connect ECONNREFUSED 10.0.0.5:443', left(md5('refused'), 16) || left(md5(n::text), 16), now() - m * interval '20 seconds' - n * interval '50 milliseconds'
     FROM generate_series(1, 300) AS n, generate_series(1, 40) AS m;
     INSERT INTO integration.inbox_cursor (consumer_name, event_names, unread)
     SELECT 'consumer-' || lpad(n::text, 3, '0'), '{thing.*}', '{[1,)}' FROM generate_series(1, 300) AS n`,
  );
  return shop;
});

test('300 consumers with one cause are one line, and two causes are two', async () => {
  const { pool } = stage.database;
  const ofSecond = `'no such customer', 'customer'`;
  const { page } = await stage.open('#/overview', { viewport: { width: 390, height: 844 } });
  const wrong = page.getByRole('region', { name: 'What is wrong' });
  const line = wrong.getByRole('listitem').filter({ hasText: /300 consumers: .* dead letters/ });
  await line.getByText(/connect ECONNREFUSED .*~12,000 dead letters, \d+ a minute/).waitFor();
  expect(await line.count()).toBe(1);
  await line.getByRole('img', { name: /in the last hour, at most/ }).waitFor();
  expect(await line.getByRole('img').evaluate((image) => image.getBoundingClientRect().width)).toBe(60);
  const leads = line.filter({ hasText: 'ECONNREFUSED' }).getByRole('link', { name: /^See why/ });
  // The charts stand below a few lines, and not below one for each consumer.
  const chart = page.getByRole('figure', { name: 'Events per second' });
  await fitsEachScreen(page, [line.getByText(/connect ECONNREFUSED/), leads], async (width) => {
    const top = await chart.evaluate((element) => element.getBoundingClientRect().top + scrollY);
    expect(top).toBeLessThan(width < 1_000 ? 2_000 : 1_200);
  });

  await pool.query(
    `INSERT INTO integration.inbox_event
     (outbox_event_id, position, consumer_name, aggregate_type, aggregate_id, status, last_error, error_fingerprint)
   SELECT gen_random_uuid(), 2000000 + n, 'consumer-' || lpad(n::text, 3, '0'), 'thing', 't', 'dead_letter', ${ofSecond}
   FROM generate_series(1, 300) AS n`,
  );
  await wrong.getByText(/300 consumers: no such customer: 300 dead letters/).waitFor();
  expect(await line.count()).toBe(2);
  expect(await violationsOf(page)).toEqual([]);
  await fitsEachScreen(page, [line.getByText(/no such customer/), leads]);

  await page.getByRole('link', { name: 'Dead letters', exact: false }).getByText('10,000+').first().waitFor();
  await leads.click();
  await page.waitForURL(/#\/dead-letters\?order=size$/);
  // Also where the window is so low that the menu has to be scrolled.
  await page.setViewportSize({ width: 1280, height: 560 });
  const heightOf = (name: RegExp) =>
    page
      .getByRole('navigation')
      .getByRole('link', { name })
      .evaluate((link) => link.getBoundingClientRect().height);
  expect(await heightOf(/^Dead letters/)).toBe(await heightOf(/^Consumers/));
});

test('an error that one consumer throws at two places is one line, which leads to its groups', async () => {
  await stage.database.pool.query(
    `INSERT INTO integration.inbox_event
       (outbox_event_id, position, consumer_name, aggregate_type, aggregate_id, status, last_error, error_fingerprint)
     SELECT gen_random_uuid(), 3000000 + n, 'consumer-007', 'thing', 't', 'dead_letter', 'no such account', left(md5('account'), 16) || left(md5(n::text), 16)
     FROM generate_series(1, 2) AS n`,
  );
  const { page } = await stage.open('#/overview');
  const wrong = page.getByRole('region', { name: 'What is wrong' });
  const line = wrong
    .getByRole('listitem')
    .filter({ hasText: 'consumer-007: no such account: 2 dead letters' });
  await line.getByRole('link', { name: /^See why/ }).click();
  await page.waitForURL(/#\/dead-letters\?consumer=consumer-007&order=size$/);
  const groups = page.getByRole('main').getByRole('link', { name: 'no such account' });
  await groups.nth(1).waitFor();
  expect(await groups.count()).toBe(2);
});

test('causes beyond the first ten lines are shown by a press, paused consumers among them', async () => {
  const { pool } = stage.database;
  await pool.query(
    `UPDATE integration.inbox_cursor SET paused_at = now(), paused_by = 'ada-' || consumer_name
     WHERE consumer_name IN (SELECT 'consumer-' || lpad(n::text, 3, '0') FROM generate_series(101, 115) AS n)`,
  );
  const { page } = await stage.open('#/overview');
  const wrong = page.getByRole('region', { name: 'What is wrong' });
  const more = wrong.getByText(/^And \d+ more\./);
  await more.waitFor();
  const left = Number((await more.textContent())?.match(/\d+/)?.[0]);
  const lines = wrong.locator('.troubles > li');
  const shown = await lines.count();
  await more.getByRole('button', { name: 'Show them' }).click();
  await more.waitFor({ state: 'detached' });
  expect(await lines.count()).toBe(shown + left);
  await wrong.getByText(/consumer-115.*was paused by ada-consumer-115/).waitFor();
});
