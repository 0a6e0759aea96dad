import { describe, expect, test } from '@jest/globals';
import type { Page } from 'playwright-core';
import { ids, openOrders } from './stage/orders.js';
import { KeyboardPerson, Person } from './stage/person.js';
import { searchBox } from './stage/search-box.js';
import { onStage } from './stage/stage.js';

const stage = onStage(openOrders);
const ERROR = 'The receiver answered 503: out for lunch';

/** Twelve orders that the receiver refuses, until it is mended. */
async function refusedOrders(beginning: string): Promise<string[]> {
  const { shop } = stage;
  const orders = ids(beginning, 12);
  shop.receiver.refuse(...orders);
  await shop.place(...orders);
  await shop.has('billing', 'dead_letter', 12);
  return orders;
}

/** What stands on the page of an operation when its last event has come to its end. */
async function allSucceeded(page: Page, count: number): Promise<void> {
  const panel = page.getByRole('region', { name: 'What became of them' });
  await panel
    .getByRole('listitem')
    .filter({ hasText: /^Succeeded/ })
    .filter({ hasText: String(count) })
    .waitFor();
  await panel.getByText('All of them were handled').waitFor();
}

describe('an order was not delivered', () => {
  test('at most 8 clicks from the overview to why, the receiver mended, a canary of 5, and the rest', async () => {
    const { shop } = stage;
    const [order = ''] = await refusedOrders('clicked');
    const { page } = await stage.open('#/overview');
    const person = new Person(page);

    await person.type(searchBox(page), `order/${order}`);
    await page.keyboard.press('Enter');
    await person.click(page.getByRole('main').getByRole('link', { name: 'order.placed' }).first());
    await page.getByRole('main').getByText(ERROR).first().waitFor();
    shop.receiver.mend();

    await person.click(page.getByRole('main').getByRole('link', { name: 'All of this kind' }));
    await person.click(page.getByRole('button', { name: 'Send 5 as a canary' }));
    await person.click(page.getByRole('button', { name: 'Send 5 events again' }));
    await allSucceeded(page, 5);
    expect(shop.receiver.accepted).toHaveLength(5);

    await person.click(page.getByRole('button', { name: 'Send the rest' }));
    await person.click(page.getByRole('button', { name: 'Send 7 events again' }));
    await allSucceeded(page, 7);
    expect(new Set(shop.receiver.accepted).size).toBe(12);
    await shop.has('billing', 'dead_letter', 0);
    expect(person.clicks.length).toBeLessThanOrEqual(8);
  });

  test('the same with the keyboard alone', async () => {
    const { shop } = stage;
    const already = shop.receiver.accepted.length;
    const [order = ''] = await refusedOrders('typed');
    const { page } = await stage.open('#/overview');
    const person = new KeyboardPerson(page);

    await page.getByRole('heading', { level: 1, name: 'Overview' }).waitFor();
    // The search box has a key of its own.
    await page.keyboard.press('/');
    await page.keyboard.type(`order/${order}`);
    await page.keyboard.press('Enter');
    await person.press(page.getByRole('main').getByRole('link', { name: 'order.placed' }).first());
    await page.getByRole('main').getByText(ERROR).first().waitFor();
    shop.receiver.mend();

    await person.press(page.getByRole('main').getByRole('link', { name: 'All of this kind' }));
    await person.press(page.getByRole('button', { name: 'Send 5 as a canary' }));
    await person.press(page.getByRole('button', { name: 'Send 5 events again' }));
    await allSucceeded(page, 5);
    await person.press(page.getByRole('button', { name: 'Send the rest' }), 'Space');
    await person.press(page.getByRole('button', { name: 'Send 7 events again' }), 'Space');
    await allSucceeded(page, 7);
    expect(shop.receiver.accepted.length - already).toBe(12);
  });
});

test('a canary that fails in the same way says so', async () => {
  const { shop } = stage;
  await refusedOrders('broken');
  const { page } = await stage.open('#/dead-letters');
  await page.getByRole('main').getByRole('link', { name: ERROR }).click();
  await page.getByRole('button', { name: 'Send 5 as a canary' }).click();
  await page.getByRole('button', { name: 'Send 5 events again' }).click();
  await page.getByText('Some have failed in the same way as before').waitFor();
  await shop.has('billing', 'dead_letter', 12);
  shop.receiver.mend();
});

test('twelve events are discarded with a reason', async () => {
  const { shop, database } = stage;
  await shop.has('billing', 'dead_letter', 12);
  const { page } = await stage.open('#/dead-letters?consumer=billing');
  await page.getByRole('main').getByRole('link', { name: ERROR }).click();
  await page.getByRole('checkbox', { name: /^Select all/ }).check();
  // Rows do not move away under the pointer while some are chosen.
  await page.getByRole('button', { name: /^Held\b/ }).waitFor();
  await page.getByRole('button', { name: 'Discard 12 events' }).click();
  const dialog = page.getByRole('dialog');
  const act = dialog.getByRole('button', { name: 'Discard 12 events' });
  // Without a reason nothing happens.
  await dialog.getByText('12 events will be set aside for good.').waitFor();
  expect(await act.getAttribute('aria-disabled')).toBe('true');
  await act.click({ force: true });
  await shop.has('billing', 'dead_letter', 12);
  await dialog.getByRole('textbox', { name: /^Reason/ }).fill('these were only a test');
  await act.click();
  await page.getByText('12 of 12 events were discarded').waitFor();
  await shop.has('billing', 'dead_letter', 0);
  const { rows } = await database.pool.query<{ reason: string; by: string }>(
    `SELECT DISTINCT resolution->>'reason' AS reason, resolution->>'by' AS by FROM integration.inbox_event
     WHERE consumer_name = 'billing' AND aggregate_id LIKE 'broken-%'`,
  );
  expect(rows).toEqual([{ reason: 'these were only a test', by: 'ada@shop.example' }]);
});
