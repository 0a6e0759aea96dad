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

test('a large payload is corrected, and only a change that is too large for a request is said while somebody types', async () => {
  const { shop, database } = stage;
  const lines = Array.from({ length: 3_000 }, (_, n) => ({
    sku: `sku-${n}`,
    price: n,
    note: 'x'.repeat(60),
  }));
  const large = await refused('large', { lines });
  await shop.has('billing', 'dead_letter', 1);
  const { page } = await stage.open(`#/events/${large}`);
  const dialog = await openCorrection(page);
  await dialog.getByText('The payload is being read').waitFor({ state: 'detached' });
  const field = dialog.getByLabel('Payload');
  const send = dialog.getByRole('button', { name: 'Publish the corrected event' });
  const text = await field.inputValue();
  expect(text.length).toBeGreaterThan(300_000);
  const payload = JSON.parse(text);
  expect(payload).toEqual({ id: 'large', lines });

  await field.fill(JSON.stringify({ ...payload, more: 'y'.repeat(70_000) }));
  await dialog
    .getByText(/What you have changed has 68\.\d KB, and a request takes at most 59\.0 KB/)
    .waitFor();
  expect(await send.getAttribute('aria-disabled')).toBe('true');

  payload.lines[2_000].price = -1;
  payload.lines.splice(10, 1);
  await field.fill(JSON.stringify(payload));
  await dialog.getByText(/What you have changed/).waitFor({ state: 'detached' });
  expect(await send.getAttribute('aria-disabled')).toBe('false');
  await dialog.getByRole('textbox', { name: /^Reason/ }).fill('a wrong line');
  shop.receiver.mend();
  const sent = page.waitForRequest(
    (request) => request.method() === 'POST' && /correct$/.test(request.url()),
  );
  await send.click();
  expect((await sent).postDataJSON().patch).toEqual([
    { op: 'replace', path: '/lines/2000/price', value: -1 },
    { op: 'remove', path: '/lines/10' },
  ]);
  await dialog.waitFor({ state: 'detached' });
  await shop.has('billing', 'dead_letter', 0);
  const { rows } = await database.pool.query(
    `SELECT payload FROM integration.outbox_event WHERE aggregate_id = 'large' ORDER BY position DESC LIMIT 1`,
  );
  expect(rows[0]?.payload).toEqual(payload);
});

test('a note that was not kept yet is there again', async () => {
  const { shop } = stage;
  await refused('noted', {});
  await shop.has('billing', 'dead_letter', 1);
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
  await shop.has('billing', 'dead_letter', 2);
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
