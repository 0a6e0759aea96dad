import { expect, test } from '@jest/globals';
import { ids, openOrders } from './stage/orders.js';
import { onStage } from './stage/stage.js';

const stage = onStage(openOrders);
const ERROR = 'The receiver answered 503: out for lunch';
/** More than one page of the list. */
const ORDERS = 55;

test('events that were chosen on two pages are sent again by one operation, and the others stay', async () => {
  const { shop, database } = stage;
  const orders = ids('chosen', ORDERS);
  shop.receiver.refuse(...orders);
  await shop.place(...orders);
  await shop.has('billing', 'dead_letter', ORDERS);
  const { page } = await stage.open('#/dead-letters?consumer=billing');
  await page.getByRole('main').getByRole('link', { name: ERROR }).click();
  await page.getByRole('checkbox', { name: /^Select all/ }).check();
  await page.getByRole('status').filter({ hasText: '50 events chosen. ' }).waitFor();
  await page.getByRole('checkbox', { name: /^Select all/ }).uncheck();
  await page
    .getByRole('checkbox', { name: /^Select position/ })
    .first()
    .check();
  await page.getByRole('link', { name: 'Next page' }).click();
  await page.getByText('5 on this page').waitFor();
  await page
    .getByRole('checkbox', { name: /^Select position/ })
    .last()
    .check();
  await page.getByRole('status').filter({ hasText: '2 events chosen, 1 of them on other pages.' }).waitFor();
  shop.receiver.mend();

  await page.getByRole('button', { name: 'Send 2 events again' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('status').filter({ hasText: '2 events will be sent again' }).waitFor();
  await dialog.getByRole('button', { name: 'Send 2 events again' }).click();
  await page.getByRole('heading', { level: 1, name: 'Send again: billing, 2 chosen events' }).waitFor();
  await page.getByText('2 of 2 events were sent again').waitFor();
  await page.getByText('All of them were handled').waitFor();
  await shop.has('billing', 'dead_letter', ORDERS - 2);
  expect(shop.receiver.accepted.sort()).toEqual(['chosen-1', `chosen-${ORDERS}`]);
  const { rows } = await database.pool.query<{ n: number }>(
    'SELECT count(*)::int AS n FROM integration.integration_operation WHERE started_at IS NOT NULL',
  );
  expect(rows).toEqual([{ n: 1 }]);
});

test('what has been handled meanwhile is left out of the count, and the dialog says so', async () => {
  const { shop, database } = stage;
  await shop.has('billing', 'dead_letter', ORDERS - 2);
  const { page } = await stage.open('#/dead-letters?consumer=billing');
  await page.getByRole('main').getByRole('link', { name: ERROR }).click();
  await page.getByRole('checkbox', { name: /^Select all/ }).check();
  await page.getByRole('status').filter({ hasText: '50 events chosen.' }).waitFor();
  await database.pool.query(
    `UPDATE integration.inbox_event SET status = 'skipped' WHERE consumer_name = 'billing' AND aggregate_id = 'chosen-2'`,
  );
  await page.getByRole('button', { name: 'Discard 50 events' }).click();
  const dialog = page.getByRole('dialog');
  const plan = dialog.getByRole('status').filter({ hasText: '49 events will be set aside for good.' });
  await plan.filter({ hasText: '1 chosen event was left out' }).waitFor();
  await dialog.getByRole('textbox', { name: /^Reason/ }).fill('these were only a test');
  await dialog.getByRole('button', { name: 'Discard 49 events' }).click();
  await page.getByText('49 of 49 events were discarded').waitFor();
  await page.getByText('1 chosen event was left out').waitFor();
  await shop.has('billing', 'dead_letter', ORDERS - 2 - 50);
});

test('the second half of a double click does not send what the first half has counted', async () => {
  const { shop, database } = stage;
  shop.receiver.refuse('twice');
  await shop.place('twice');
  await shop.has('billing', 'dead_letter', 4);
  const { page } = await stage.open('#/dead-letters?consumer=billing');
  await page.getByRole('main').getByRole('link', { name: ERROR }).click();
  await page.getByRole('button', { name: 'Send all again' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByText('4 events will be sent again').waitFor();
  await dialog.getByLabel(/^At most/).fill('3');
  const countThem = await dialog.getByRole('button', { name: 'Count them' }).boundingBox();
  if (countThem === null) throw new Error('the button cannot be seen');
  await page.mouse.click(countThem.x + 20, countThem.y + 10);
  const send = dialog.getByRole('button', { name: 'Send 3 events again' });
  await send.waitFor();
  await page.mouse.down({ clickCount: 2 });
  await page.mouse.up({ clickCount: 2 });
  // A click that counts comes after it, so that the other one has had its chance.
  await dialog.getByRole('button', { name: 'Leave it' }).click();
  await dialog.waitFor({ state: 'detached' });
  const { rows } = await database.pool.query<{ n: number }>(
    'SELECT count(*)::int AS n FROM integration.integration_operation WHERE max_events = 3 AND started_at IS NOT NULL',
  );
  expect(rows).toEqual([{ n: 0 }]);
});
