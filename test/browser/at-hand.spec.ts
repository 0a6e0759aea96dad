import { beforeAll, expect, test } from '@jest/globals';
import { ConsumerService } from '../../src/index.js';
import { until } from '../support/until.js';
import { MOST_OF_A_KIND } from './stage/every-page.js';
import { ids, type Orders, openOrders } from './stage/orders.js';
import { searchBox } from './stage/search-box.js';
import { PATH } from './stage/shop.js';
import { onStage } from './stage/stage.js';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const stage = onStage<Orders>((database) =>
  openOrders(database, {
    admin: {
      links: {
        trace: 'https://traces.example.com/trace/{traceId}',
        log: 'https://logs.example.com/?q={eventId}&by={correlationId}',
        host: 'https://hosts.example.com/{host}#{pid}',
      },
    },
  }),
);

beforeAll(async () => {
  const { shop } = stage;
  shop.receiver.refuse(...ids('order', MOST_OF_A_KIND));
  await shop.place(...ids('order', MOST_OF_A_KIND), 'handled');
  await shop.has('billing', 'dead_letter', MOST_OF_A_KIND);
});

test('from load to the first problem it takes two Tabs', async () => {
  const { page } = await stage.open();
  await page.getByRole('link', { name: /^See why: / }).waitFor();
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await page.keyboard.press('Tab');
  expect(await page.evaluate(() => document.activeElement?.closest('.troubles li') !== null)).toBe(true);
});

test('an id that is pasted beside a field is looked up, and other texts go nowhere', async () => {
  const { page } = await stage.open('#/consumers', { permissions: ['clipboard-read', 'clipboard-write'] });
  const paste = async (text: string) => {
    await page.evaluate((copied) => navigator.clipboard.writeText(copied), text);
    await page.keyboard.press('ControlOrMeta+v');
  };
  const { rows } = await stage.database.pool.query<{ id: string }>(
    `SELECT id FROM integration.outbox_event WHERE aggregate_id = 'order-1'`,
  );
  const id = String(rows[0]?.id);
  const box = searchBox(page);
  await page.getByRole('link', { name: 'billing' }).first().waitFor();
  await paste('the secret of somebody');
  await page.getByLabel('Name contains').focus();
  await paste(id);
  expect(await page.getByLabel('Name contains').inputValue()).toBe(id);
  expect(await box.inputValue()).toBe('');
  expect(new URL(page.url()).hash).toBe('#/consumers');

  await page.getByRole('heading', { level: 1 }).click();
  await paste(` ${id}\n`);
  await page.waitForURL(`**/ui#/events/${id}`);
  await page.getByText('503: out for lunch').first().waitFor();
});

test('the heads of columns put the rows in their order, and say which it is', async () => {
  const { page } = await stage.open('#/consumers');
  const names = page.getByRole('table', { name: 'Consumers' }).getByRole('rowheader');
  await names.first().waitFor();
  expect(await names.allInnerTexts()).toEqual(['billing', 'mail', 'shipping']);
  await page.getByRole('button', { name: 'Dead letters', exact: true }).click();
  await page.locator('th[aria-sort="descending"]').getByText('Dead letters').waitFor();
  expect((await names.allInnerTexts())[0]).toBe('billing');
  expect(new URL(page.url()).hash).toBe('#/consumers?order=deadLetters');
  await page.getByRole('button', { name: 'Consumer', exact: true }).click();
  await page.locator('th[aria-sort="ascending"]').getByText('Consumer').waitFor();

  await page.goto(`${page.url().split('#')[0]}#/dead-letters`);
  await page.getByRole('button', { name: 'Latest' }).click();
  await page.locator('th[aria-sort="descending"]').getByText('Latest').waitFor();
  expect(new URL(page.url()).hash).toBe('#/dead-letters?order=latest');
});

test('lists of events and operations turn by their heads, and processes are sorted', async () => {
  const { shop, database } = stage;
  const { page } = await stage.open('#/events');
  const positions = async () => (await page.locator('td[data-head="Position"]').allInnerTexts()).map(Number);
  await page.locator('th[aria-sort="descending"]').getByText('Position').waitFor();
  const latestFirst = await positions();
  expect(latestFirst.length).toBeGreaterThan(3);
  await page.getByRole('button', { name: 'Position', exact: true }).click();
  await page.waitForURL(/#\/events\?order=oldest/);
  await page.locator('th[aria-sort="ascending"]').getByText('Position').waitFor();
  await until('the oldest is first', async () => (await positions())[0] === Math.min(...latestFirst));
  expect(await positions()).toEqual([...latestFirst].reverse());
  await page.getByRole('button', { name: 'Position', exact: true }).click();
  await page.locator('th[aria-sort="descending"]').getByText('Position').waitFor();

  await database.pool.query(
    `INSERT INTO integration.integration_process (id, host, pid, role, handles, started_at, seen_at, version)
     SELECT gen_random_uuid(), 'worker-' || n, n, 'worker', '{}', now() - n * interval '1 hour', now() - interval '5 minutes', '1.0.' || n
     FROM unnest(ARRAY [10, 2]) AS n`,
  );
  await page.goto(`${shop.url}/${PATH}/ui#/processes`);
  const names = page.getByRole('table', { name: 'Processes' }).getByRole('rowheader');
  await names.first().waitFor();
  const workers = async () => (await names.allInnerTexts()).filter((name) => name.startsWith('worker-'));
  expect(await workers()).toEqual(['worker-2, pid 2', 'worker-10, pid 10']);
  await page.getByRole('button', { name: 'Version', exact: true }).click();
  await page.locator('th[aria-sort="ascending"]').getByText('Version').waitFor();
  expect(await workers()).toEqual(['worker-2, pid 2', 'worker-10, pid 10']);
  await page.getByRole('button', { name: 'State', exact: true }).click();
  await page.locator('th[aria-sort="ascending"]').getByText('State').waitFor();
  expect((await names.allInnerTexts()).slice(0, 2)).toEqual(['worker-2, pid 2', 'worker-10, pid 10']);
  await database.pool.query(`DELETE FROM integration.integration_process WHERE host LIKE 'worker-%'`);
});

test('many consumers that were chosen are paused and resumed, and the audit has each', async () => {
  const { page } = await stage.open('#/consumers');
  await page.getByRole('checkbox', { name: 'Select billing' }).check();
  await page.getByRole('checkbox', { name: 'Select mail' }).check();
  await page.getByRole('button', { name: 'Resume 0 consumers' }).waitFor();
  await page.getByRole('button', { name: 'Pause 2 consumers' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByText('billing, mail').first().waitFor();
  await dialog.getByLabel(/^Reason/).fill('the receiver is away');
  await dialog.getByRole('button', { name: 'Pause 2 consumers' }).click();
  await dialog.waitFor({ state: 'detached' });
  const state = (name: string) =>
    page.getByRole('row').filter({ has: page.getByRole('link', { name, exact: true }) });
  await state('billing').getByText('paused').waitFor();
  await state('mail').getByText('paused').waitFor();
  await state('shipping').getByText('working').waitFor();
  const { rows } = await stage.database.pool.query<{ target: string; reason: string }>(
    `SELECT target, reason FROM integration.integration_audit WHERE action = 'consumers.pause' ORDER BY target`,
  );
  expect(rows).toEqual([
    { target: 'consumer/billing', reason: 'the receiver is away' },
    { target: 'consumer/mail', reason: 'the receiver is away' },
  ]);

  await page.getByRole('checkbox', { name: /^Select all/ }).check();
  await page.getByRole('button', { name: 'Pause 1 consumer' }).waitFor();
  await page.getByRole('button', { name: 'Resume 2 consumers' }).click();
  await dialog.getByRole('button', { name: 'Resume 2 consumers' }).click();
  await state('billing').getByText('working').waitFor();
  await state('mail').getByText('working').waitFor();
});

test('one of many that cannot be paused is named, and the others are paused', async () => {
  const { page } = await stage.open('#/consumers');
  await page.getByRole('checkbox', { name: /^Select all/ }).check();
  await page.route('**/consumers/billing/pause', (route) => route.abort());
  await page.getByRole('button', { name: 'Pause 3 consumers' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('button', { name: 'Pause 3 consumers' }).click();
  await dialog
    .getByRole('alert')
    .getByText(/2 of 3 consumers are paused.*billing: /)
    .waitFor();
  await page.unroute('**/consumers/billing/pause');
  await dialog.getByRole('button', { name: 'Leave it' }).click();
  await page.getByRole('button', { name: 'Choose none' }).click();
  await page.getByRole('checkbox', { name: /^Select all/ }).check();
  await page.getByRole('button', { name: 'Resume 2 consumers' }).click();
  await dialog.getByRole('button', { name: 'Resume 2 consumers' }).click();
  await dialog.waitFor({ state: 'detached' });
});

test('an event leads to its trace and to its lines in the log, a process to its host', async () => {
  const { page } = await stage.open();
  const { rows } = await stage.database.pool.query<{ id: string }>(
    `UPDATE integration.outbox_event SET metadata = metadata || $1::jsonb WHERE aggregate_id = 'order-1'
     RETURNING id`,
    [JSON.stringify({ traceparent: `00-${TRACE}-b7ad6b7169203331-01`, correlationId: 'a/b c' })],
  );
  const id = String(rows[0]?.id);
  await page.goto(`${page.url().split('#')[0]}#/events/${id}`);
  const trace = page.getByRole('link', { name: 'See the trace' });
  expect(await trace.getAttribute('href')).toBe(`https://traces.example.com/trace/${TRACE}`);
  expect(await trace.getAttribute('rel')).toBe('noreferrer');
  expect(await page.getByRole('link', { name: 'See the log' }).getAttribute('href')).toBe(
    `https://logs.example.com/?q=${id}&by=a%2Fb%20c`,
  );
  await page.goto(`${page.url().split('#')[0]}#/processes`);
  expect(await page.getByRole('link', { name: 'See the host' }).first().getAttribute('href')).toMatch(
    /^https:\/\/hosts\.example\.com\/[^/]+#\d+$/,
  );
});

test('a menu of commands opens by a key, finds pages and the buttons of the page, and runs them', async () => {
  const { page } = await stage.open('#/consumers/billing');
  await page.getByRole('button', { name: 'Pause', exact: true }).waitFor();
  await page.keyboard.press('Control+k');
  const box = page.getByRole('combobox', { name: 'Page or action' });
  await box.fill('aud');
  expect(await page.getByRole('listbox').getByRole('option').allInnerTexts()).toEqual(['Audit Changes']);
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { level: 1, name: 'Audit' }).waitFor();

  await page.goBack();
  await page.getByRole('button', { name: 'Pause', exact: true }).waitFor();
  await page.keyboard.press('Control+k');
  await box.fill('pau');
  await page.keyboard.press('Enter');
  await page.getByRole('dialog', { name: 'Pause billing' }).waitFor();
  // It does not open above another dialog.
  await page.keyboard.press('Control+k');
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'detached' });
});

test('a wall shows the overview without menus and buttons, and leads back', async () => {
  const consumers = stage.shop.app.get(ConsumerService, { strict: false });
  await consumers.pause('mail', { by: 'anna' });
  const { page } = await stage.open();
  const resume = page.getByRole('button', { name: 'Resume mail' });
  await resume.waitFor();
  await page.getByRole('link', { name: 'Show it on a wall' }).click();
  await page.getByRole('link', { name: 'Back to the dashboard' }).waitFor();
  await page.getByRole('main').getByText('was paused by anna').waitFor();
  expect(await resume.count()).toBe(0);
  await consumers.resume('mail', { by: 'anna' });
  await page.getByRole('region', { name: 'What is wrong' }).getByText('503: out for lunch').waitFor();
  expect(await page.getByRole('navigation').count()).toBe(0);
  expect(await page.getByRole('searchbox').count()).toBe(0);
  await page.getByRole('link', { name: 'Back to the dashboard' }).click();
  await page.getByRole('navigation', { name: 'Sections' }).waitFor();
});

test('an incident is one page to print: what is wrong, since when, who did what, and notes', async () => {
  await stage.database.pool.query(
    `INSERT INTO integration.integration_work (consumer_name, at, process_id, upto, handled, failed, latency)
     SELECT 'at-lunch', at, gen_random_uuid(), at + interval '1 minute', 0, 7, '{}'
     FROM (SELECT date_trunc('minute', now()) - interval '5 minutes' AS at) AS t`,
  );
  const { page } = await stage.open();
  const audits = new Set<string>();
  page.on('request', (request) => {
    if (request.url().includes('/audit?')) audits.add(request.url());
  });
  await page.getByRole('link', { name: 'Report of an incident' }).click();
  await page.getByRole('heading', { level: 1, name: 'Incident' }).waitFor();
  const wrong = page.getByRole('region', { name: 'What is wrong now' });
  await wrong.getByText('503: out for lunch').waitFor();
  await wrong.getByText('Since').first().waitFor();
  const done = page.getByRole('table', { name: 'Changes' });
  await done.getByText('consumers.pause').first().waitFor();
  await done.getByText('the receiver is away').first().waitFor();
  // Each other time would be another read, which ends the one before it. A full minute may have passed.
  expect(audits.size).toBeLessThanOrEqual(2);
  const failed = page
    .getByRole('table', { name: 'Causes' })
    .getByRole('row')
    .filter({ hasText: 'out for lunch' });
  expect(await failed.locator('[data-head="Dead letters"]').textContent()).toBe(String(MOST_OF_A_KIND));
  expect(await failed.locator('[data-head="Consumers"]').textContent()).toBe('billing');
  const where = page
    .getByRole('table', { name: 'Failed attempts' })
    .getByRole('row')
    .filter({ hasText: 'at-lunch' });
  expect(await where.locator('[data-head="Failed attempts"]').textContent()).toBe('7');
  await page.getByRole('textbox', { name: 'Notes' }).fill('The receiver was down for lunch.');
  await page.emulateMedia({ media: 'print' });
  expect(await page.getByText('The receiver was down for lunch.').last().isVisible()).toBe(true);
  expect(await page.getByRole('navigation').count()).toBe(0);
  expect(await page.getByRole('button', { name: 'Print' }).isVisible()).toBe(false);
});

test('an error that was thrown at two places is one cause of an incident', async () => {
  const { rowCount } = await stage.database.pool.query(
    `UPDATE integration.inbox_event SET error_fingerprint = left(error_fingerprint, 16) || repeat('0', 16)
     WHERE id = (SELECT id FROM integration.inbox_event WHERE status = 'dead_letter' LIMIT 1)`,
  );
  expect(rowCount).toBe(1);
  const { page } = await stage.open('#/incident');
  const causes = page.getByRole('table', { name: 'Causes' }).getByRole('row');
  const failed = causes.filter({ hasText: 'out for lunch' });
  await failed.first().waitFor();
  expect(await failed.locator('[data-head="Dead letters"]').allTextContents()).toEqual([
    String(MOST_OF_A_KIND),
  ]);
  expect(await failed.locator('[data-head="Consumers"]').allTextContents()).toEqual(['billing']);
});

test('an incident that is over says since when its causes were there, and has none that came later', async () => {
  const { rows } = await stage.database.pool.query(
    `UPDATE integration.inbox_event SET updated_at = '2026-05-01T09:02:00Z' WHERE id = (
       SELECT id FROM integration.inbox_event WHERE status = 'dead_letter' AND last_error LIKE '%out for lunch%' ORDER BY position LIMIT 1)
     RETURNING id`,
  );
  expect(rows).toHaveLength(1);
  const { page } = await stage.open('#/incident?from=2026-05-01T09:00:00Z&to=2026-05-01T10:00:00Z');
  const causes = page.getByRole('table', { name: 'Causes' }).getByRole('row');
  const failed = causes.filter({ hasText: 'out for lunch' });
  await failed.first().waitFor();
  expect(await failed.locator('[data-head="Since"] time').getAttribute('datetime')).toBe(
    '2026-05-01T09:02:00.000Z',
  );
  await page.goto(page.url().replace('09:00:00Z', '08:00:00Z').replace('10:00:00Z', '09:00:00Z'));
  await page.getByText('None that is still a dead letter.').waitFor();
});
