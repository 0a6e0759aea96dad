import { expect, test } from '@jest/globals';
import { NonRetryableError } from '../../src/index.js';
import { CARD, deadCardOrder, openCardShop } from './stage/card-orders.js';
import { onStage } from './stage/stage.js';

const stage = onStage((database) =>
  openCardShop(database, {
    consumerName: 'billing',
    eventName: 'order.placed',
    handler: ({ payload }: { payload: unknown }) => {
      if (!Object.hasOwn(payload as object, 'currency')) throw new NonRetryableError('no currency');
    },
  }),
);

test('a correction keeps what is masked, and does not publish what the mask shows', async () => {
  const { database } = stage;
  const id = await deadCardOrder(stage);
  const { page } = await stage.open(`#/events/${id}`);
  await page.getByRole('button', { name: 'Correct it for billing' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByText('The payload is being read').waitFor({ state: 'detached' });
  const field = dialog.getByLabel('Payload');
  expect(JSON.parse(await field.inputValue())).toEqual({ card: '****' });
  await dialog.getByRole('textbox', { name: /^Reason/ }).fill('the currency was missing');

  // They write the mask to a place where nothing is hidden. It is refused, and what was typed is still there.
  await field.fill('{ "card": "****", "before": "****" }');
  await dialog.getByRole('button', { name: 'Publish the corrected event' }).click();
  await dialog
    .getByText(/has a text that the mask shows/)
    .first()
    .waitFor();
  await field.fill('{ "card": "****", "currency": "EUR" }');
  await dialog.getByRole('button', { name: 'Publish the corrected event' }).click();
  await dialog.waitFor({ state: 'detached' });
  await page.getByText('"currency"').first().waitFor();
  expect(await page.content()).not.toContain(CARD);
  const { rows } = await database.pool.query(
    'SELECT payload FROM integration.outbox_event ORDER BY position DESC LIMIT 1',
  );
  expect(rows).toEqual([{ payload: { card: CARD, currency: 'EUR' } }]);
});
