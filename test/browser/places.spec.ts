import { beforeAll, describe, expect, test } from '@jest/globals';
import { until } from '../support/until.js';
import { ids, openOrders } from './stage/orders.js';
import { startWebProxy } from './stage/proxies.js';
import { searchBox } from './stage/search-box.js';
import { PATH } from './stage/shop.js';
import { onStage } from './stage/stage.js';

const stage = onStage(openOrders);
const MANY_KINDS = 1_005;
const MANY_CONSUMERS = 1_001;
const last = String(MANY_KINDS).padStart(4, '0');

beforeAll(async () => {
  const { shop, database } = stage;
  shop.receiver.refuse('refused');
  await shop.place('refused', ...ids('order', 30));
  await shop.has('billing', 'dead_letter', 1);
  await shop.settled();
  // A kind for each dead letter, of events that the log no longer has.
  await database.pool.query(
    `INSERT INTO integration.inbox_event (outbox_event_id, position, consumer_name, aggregate_type, aggregate_id, status,
       attempt_count, last_error, error_fingerprint, processed_at)
     SELECT gen_random_uuid(), n, 'archive', 'letter', 'l' || n, 'dead_letter', 1, 'cause ' || lpad(n::text, 4, '0'),
       'ffffffffffff' || lpad(n::text, 4, '0'), now() FROM generate_series(1, $1::int) AS n`,
    [MANY_KINDS],
  );
  await database.pool.query(
    // They are paused, so that nobody waits for them.
    `INSERT INTO integration.inbox_cursor (consumer_name, event_names, unread, paused_at)
     SELECT 'quiet-' || lpad(n::text, 4, '0'), '{none.*}', '{[1000000,)}', now() FROM generate_series(1, $1::int) AS n`,
    [MANY_CONSUMERS],
  );
});

describe('one thing of very many', () => {
  test('a kind of failures behind the first 1,000 has its page, its note and its number', async () => {
    const { page } = await stage.open(`#/dead-letters/archive/ffffffffffff${last}`);
    await page.getByRole('heading', { level: 1, name: `cause ${last}` }).waitFor();
    await page.getByText('1 dead letter between positions').waitFor();
    await page.getByRole('button', { name: 'Write a note' }).waitFor();
  });

  test('a consumer behind the first 1,000 is found by its name, and is on the next page', async () => {
    const name = `quiet-${MANY_CONSUMERS}`;
    const { page } = await stage.open(`#/consumers?name=${name}`);
    await page.getByRole('main').getByRole('link', { name }).waitFor();
    const other = await stage.open('#/consumers');
    await other.page.getByRole('link', { name: 'Next page' }).click();
    await other.page.getByRole('main').getByRole('link', { name }).waitFor();
  });
});

describe('the search', () => {
  test('finds a kind of failures by its fingerprint', async () => {
    const { page } = await stage.open('#/overview');
    await searchBox(page).fill(`ffffffffffff${last}`);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { level: 1, name: `cause ${last}` }).waitFor();
  });

  test('finds an operation by its id', async () => {
    const { rows } = await stage.database.pool.query<{ id: string }>(
      `INSERT INTO integration.integration_operation (kind, state, filter, planned_events, requested_by, via)
       VALUES ('redrive', 'done', '{"consumerName": "billing"}', 1, 'eve@shop.example', 'rest') RETURNING id`,
    );
    const { page } = await stage.open('#/overview');
    await searchBox(page).fill(rows[0]?.id ?? '');
    await page.keyboard.press('Enter');
    await page.waitForURL(`**/ui#/operations/${rows[0]?.id}`);
    await page.getByText('eve@shop.example').waitFor();
  });
});

test('Back leads to the place in a list that was left', async () => {
  const { page } = await stage.open('#/events', { viewport: { width: 1280, height: 600 } });
  const link = page.getByRole('main').getByRole('link', { name: 'order.placed' }).last();
  await link.scrollIntoViewIfNeeded();
  const left = await page.evaluate(() => scrollY);
  expect(left).toBeGreaterThan(300);
  await link.click();
  await page.getByRole('heading', { level: 1, name: 'order.placed' }).waitFor();
  // Another page begins at its top.
  expect(await page.evaluate(() => scrollY)).toBe(0);
  await page.goBack();
  await page.getByRole('heading', { level: 1, name: 'Events' }).waitFor();
  await page.waitForFunction((wanted) => Math.abs(scrollY - wanted) < 3, left);
});

test('a dialog that is opened and left leaves no operation behind', async () => {
  const { page } = await stage.open('#/dead-letters?consumer=billing');
  await page
    .getByRole('main')
    .getByRole('link', { name: /out for lunch/ })
    .click();
  await page.getByRole('button', { name: 'Send all again' }).click();
  await page.getByRole('dialog').getByText('1 event').first().waitFor();
  await page.keyboard.press('Escape');
  await page.evaluate(() => {
    location.hash = '#/consumers/billing';
  });
  await page.getByRole('button', { name: 'Replay', exact: true }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Count them' }).click();
  await page
    .getByRole('dialog')
    .getByText(/\d+ events/)
    .first()
    .waitFor();
  await page.keyboard.press('Escape');
  const { rows } = await stage.database.pool.query(
    `SELECT FROM integration.integration_operation WHERE state = 'planned'`,
  );
  expect(rows).toEqual([]);
});

test('lists that are empty without a filter do not speak of one', async () => {
  const { page } = await stage.open('#/audit');
  await page.getByText('Nobody has changed anything yet.').waitFor();
  await page.getByLabel('Who').fill('eve');
  await page.keyboard.press('Enter');
  await page.getByText('No entry matches the filter.').waitFor();
});

test('paper has the page without menu, search and buttons', async () => {
  const { page } = await stage.open('#/consumers/billing');
  await page.getByRole('heading', { level: 1, name: 'billing' }).waitFor();
  await page.emulateMedia({ media: 'print' });
  await page.getByRole('navigation', { name: 'Sections' }).waitFor({ state: 'hidden' });
  expect(await searchBox(page).isVisible()).toBe(false);
  expect(await page.getByRole('button', { name: 'Pause' }).isVisible()).toBe(false);
  await page.getByRole('heading', { level: 1, name: 'billing' }).waitFor();
});

test('where nothing answers, a bar says since when, and figures lose their colour', async () => {
  const proxy = await startWebProxy(stage.shop.url);
  try {
    const { page } = await stage.open('#/overview', { url: proxy.url, clock: true });
    await page.getByRole('button', { name: /^Live\b/ }).waitFor();
    const figure = page.locator('.figure.bad .figure-value');
    await figure.waitFor();
    const colour = () => figure.evaluate((element) => getComputedStyle(element).color);
    const before = await colour();
    await page.context().setOffline(true);
    await page.clock.fastForward(60_000);
    await page.getByRole('status').filter({ hasText: 'Not up to date since' }).waitFor();
    expect(await colour()).not.toBe(before);
  } finally {
    proxy.close();
  }
});

describe('an event', () => {
  test('has its state in the list of events', async () => {
    const { page } = await stage.open('#/events?aggregateId=refused');
    await page.getByRole('row').filter({ hasText: 'order/refused' }).getByText('dead letter').waitFor();
  });

  test('says how far related events were looked for, and not beyond the end of the log', async () => {
    const { shop, database } = stage;
    const [id = ''] = await shop.place('related');
    await shop.settled();
    const { page } = await stage.open(`#/events/${id}`);
    const looked = page.getByText(/^Looked at positions/);
    await looked.waitFor();
    const { rows } = await database.pool.query<{ last: number }>(
      'SELECT max(position)::int AS last FROM integration.outbox_event',
    );
    const end = rows[0]?.last ?? 0;
    expect(await looked.textContent()).toBe(`Looked at positions ${end - 1} to ${end}.`);
  });

  test('is folded, searched and compared with the one before it', async () => {
    const { shop } = stage;
    const publish = (payload: object) =>
      shop.api.publishEvent({
        eventName: 'order.changed',
        sourceModule: 'shop',
        aggregateType: 'order',
        aggregateId: 'compared',
        payload,
      });
    await publish({ total: 12, lines: [{ sku: 'a' }, { sku: 'b' }], note: 'the same' });
    const { outboxEventId } = await publish({ total: 15, lines: [{ sku: 'a' }], note: 'the same' });
    const { page } = await stage.open(`#/events/${outboxEventId}`);
    const payload = page.getByRole('region', { name: 'Payload', exact: true });
    const text = payload.getByRole('region', { name: 'Text of the payload' });
    await text.getByText('"sku"').waitFor();
    expect(await text.locator('pre').evaluate((pre) => getComputedStyle(pre).fontFamily)).toMatch(/mono/i);
    await payload.getByRole('button', { name: 'Fold "lines": [' }).click();
    await text.getByText('"sku"').waitFor({ state: 'detached' });
    // What somebody looks for is never folded away.
    await payload.getByRole('searchbox').fill('sku');
    await text.locator('mark').filter({ hasText: 'sku' }).waitFor();
    await payload.getByText('1 line').waitFor();
    await payload.getByRole('searchbox').fill('');
    await payload.getByRole('button', { name: 'Compare with the event before' }).click();
    const changed = await text.locator('.added, .removed').allInnerTexts();
    expect(changed.map((line) => line.replace(/\s+/g, ' ').trim()).sort()).toEqual(
      expect.arrayContaining(['+ "total": 15', '− "total": 12', '− "sku": "b"']),
    );
    expect(changed.join()).not.toContain('the same');
  });
});

describe('what was handled is sent again from where it is seen', () => {
  test('one event, one entity, and an event that was discarded', async () => {
    const { shop } = stage;
    const [id = ''] = await shop.place('again', 'again');
    await shop.settled();
    const handled = () => shop.receiver.accepted.filter((each) => each === 'again').length;
    await until('both are handled', async () => handled() === 2);

    const { page } = await stage.open(`#/events/${id}`);
    await page.getByRole('button', { name: 'Replay at billing' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Send 1 event again' }).click();
    await until('it is handled again', async () => handled() === 3);

    const entity = await stage.open('#/entities/order/again');
    await entity.page.getByRole('button', { name: 'Replay this entity at billing' }).click();
    await entity.page.getByRole('dialog').getByRole('button', { name: 'Send 2 events again' }).click();
    await until('all of it is handled again', async () => handled() === 5);

    shop.receiver.refuse('discarded');
    const [discarded = ''] = await shop.place('discarded');
    await shop.has('billing', 'dead_letter', 2);
    const back = await stage.open(`#/events/${discarded}`);
    await back.page.getByRole('button', { name: 'Discard for billing' }).click();
    const dialog = back.page.getByRole('dialog');
    await dialog.getByRole('textbox', { name: /^Reason/ }).fill('by mistake');
    await dialog.getByRole('button', { name: 'Discard 1 event' }).click();
    await shop.has('billing', 'dead_letter', 1);
    shop.receiver.mend();
    const way = await stage.open(`#/events/${discarded}`);
    await way.page.getByText('A replay takes the discard back').waitFor();
    await way.page.getByRole('button', { name: 'Replay at billing' }).click();
    await way.page.getByRole('dialog').getByRole('button', { name: 'Send 1 event again' }).click();
    await until('it is handled after all', async () => shop.receiver.accepted.includes('discarded'));
  });
});

test('an address that changes in the moment when the page is drawn is followed', async () => {
  const { page } = await stage.open();
  // The observer is called in the turn in which the menu is drawn.
  await page.addInitScript(() => {
    const observer = new MutationObserver(() => {
      if (document.querySelector('nav') === null) return;
      observer.disconnect();
      location.hash = '#/consumers/billing';
    });
    observer.observe(document, { childList: true, subtree: true });
  });
  await page.goto('about:blank');
  await page.goto(`${stage.shop.url}/${PATH}/ui#/overview`);
  await page.getByRole('heading', { level: 1, name: 'billing' }).waitFor();
});
