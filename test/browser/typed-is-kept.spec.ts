import { expect, test } from '@jest/globals';
import type { Page } from 'playwright-core';
import { CANARIES } from './stage/canaries.js';
import { openOrders } from './stage/orders.js';
import { onStage } from './stage/stage.js';

const stage = onStage(openOrders);

/** An order that the receiver refuses, with a payload of its own. */
async function refused(id: string, payload: object): Promise<string> {
  const { shop } = stage;
  shop.receiver.refuse(id);
  const { outboxEventId } = await shop.api.publishEvent({
    eventName: 'order.placed',
    sourceModule: 'shop',
    aggregateType: 'order',
    aggregateId: id,
    payload: { id, ...payload },
  });
  return outboxEventId;
}

const openCorrection = async (page: Page) => {
  await page.getByRole('button', { name: 'Correct it for billing' }).click();
  return page.getByRole('dialog');
};

test('a correction shows marks that turn the direction of writing, and keeps what was typed until it is sent', async () => {
  const { shop, database } = stage;
  const event = await refused('turned', { note: CANARIES.turned, total: 12 });
  await shop.has('billing', 'dead_letter', 1);
  const { page } = await stage.open(`#/events/${event}`);
  let dialog = await openCorrection(page);
  const text = () => dialog.getByLabel('Payload').inputValue();
  await dialog.getByText('What you type is kept').waitFor({ state: 'detached' });
  // Nothing stands elsewhere than where it is read, and it still is the same payload.
  await expect(dialog.getByLabel('Payload').inputValue()).resolves.toContain('order-\\u202etxt.exe\\u2066');
  expect(JSON.parse(await text()).note).toBe(CANARIES.turned);

  const corrected = (await text()).replace('12', '13');
  await dialog.getByLabel('Payload').fill(corrected);
  await dialog.getByRole('textbox', { name: /^Reason/ }).fill('the total was wrong');
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'detached' });
  dialog = await openCorrection(page);
  expect(await text()).toBe(corrected);
  await dialog.getByText('You have typed this before').waitFor();

  // They leave the page, also by a reload, and come back.
  await page.keyboard.press('Escape');
  await page.getByRole('link', { name: 'Audit' }).click();
  await page.getByRole('heading', { level: 1, name: 'Audit' }).waitFor();
  await page.reload();
  await page.goBack();
  dialog = await openCorrection(page);
  expect(await text()).toBe(corrected);
  expect(await dialog.getByRole('textbox', { name: /^Reason/ }).inputValue()).toBe('the total was wrong');

  shop.receiver.mend();
  await dialog.getByRole('button', { name: 'Publish the corrected event' }).click();
  await dialog.waitFor({ state: 'detached' });
  await shop.has('billing', 'dead_letter', 0);
  const { rows } = await database.pool.query(
    `SELECT payload FROM integration.outbox_event WHERE aggregate_id = 'turned' ORDER BY position DESC LIMIT 1`,
  );
  expect(rows[0]?.payload).toEqual({ id: 'turned', note: CANARIES.turned, total: 13 });
  expect(await page.evaluate(() => Object.keys(sessionStorage).filter((key) => /draft/.test(key)))).toEqual(
    [],
  );
});

test('a payload that is too large for a request is said when the correction opens, and while somebody types', async () => {
  const { shop } = stage;
  const large = await refused('large', { text: 'x'.repeat(70_000) });
  const small = await refused('small', {});
  await shop.has('billing', 'dead_letter', 2);
  const { page } = await stage.open(`#/events/${large}`);
  let dialog = await openCorrection(page);
  await dialog.getByText(/The payload has 68\.\d KB, and a request takes at most 59\.0 KB/).waitFor();
  const send = () => dialog.getByRole('button', { name: 'Publish the corrected event' });
  expect(await send().getAttribute('aria-disabled')).toBe('true');
  expect(await dialog.getByLabel('Payload').count()).toBe(0);

  await page.evaluate((id) => {
    location.hash = `#/events/${id}`;
  }, small);
  dialog = await openCorrection(page);
  await dialog.getByLabel('Payload').fill(JSON.stringify({ text: 'y'.repeat(70_000) }));
  await dialog.getByText(/The payload has 68\.\d KB/).waitFor();
  expect(await send().getAttribute('aria-disabled')).toBe('true');
  await dialog.getByLabel('Payload').fill('{"text": "y"}');
  await dialog.getByText(/The payload has/).waitFor({ state: 'detached' });
  expect(await send().getAttribute('aria-disabled')).toBe('false');
});

test('a note that was not kept yet is there again', async () => {
  const { shop } = stage;
  await shop.has('billing', 'dead_letter', 2);
  const { page } = await stage.open('#/dead-letters?consumer=billing');
  await page
    .getByRole('main')
    .getByRole('link', { name: /out for lunch/ })
    .click();
  await page.getByRole('button', { name: 'Write a note' }).click();
  await page.getByRole('dialog').getByLabel('Note', { exact: true }).fill('the receiver knows');
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Write a note' }).click();
  const dialog = page.getByRole('dialog');
  expect(await dialog.getByLabel('Note', { exact: true }).inputValue()).toBe('the receiver knows');
  await dialog.getByRole('button', { name: 'Keep the note' }).click();
  await page.getByRole('region', { name: 'Notes' }).getByText('the receiver knows').waitFor();
});

test('the error of an attempt is there to its end', async () => {
  const { shop, database } = stage;
  const event = await refused('long-error', {});
  await shop.has('billing', 'dead_letter', 3);
  const error = `Error: ${'a long way to say it, '.repeat(80)}and this is its end`;
  await database.pool.query(
    `UPDATE integration.inbox_event SET attempts = jsonb_build_array(jsonb_build_object('attempt', 1, 'at', now(), 'ms', 5,
       'process', gen_random_uuid(), 'host', 'h', 'pid', 1, 'error', $2::text, 'stack', $3::text, 'fingerprint', 'f'))
     WHERE outbox_event_id = $1 AND consumer_name = 'billing'`,
    // The stack is kept up to a length of its own.
    [event, error, `${error.slice(0, 400)}\n    at handler (billing.ts:7)`],
  );
  const { page } = await stage.open(`#/events/${event}`);
  await page.locator('details summary').filter({ hasText: 'Attempt 1' }).click();
  const whole = page.getByRole('region', { name: 'Error of attempt 1' });
  await whole.getByText('and this is its end').waitFor();
  await whole.getByText('at handler (billing.ts:7)').waitFor();
});
