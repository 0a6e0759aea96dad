import { expect, test } from '@jest/globals';
import { until } from '../support/until.js';
import { ids, openOrders } from './stage/orders.js';
import { Person } from './stage/person.js';
import { onStage } from './stage/stage.js';

const stage = onStage(openOrders);

test('a running consumer gets the events since a time again in 4 steps, with the count first', async () => {
  const { shop, database } = stage;
  await shop.place(...ids('old', 3));
  await shop.settled();
  await database.pool.query(`UPDATE integration.outbox_event SET created_at = now() - interval '2 hours'`);
  await shop.place(...ids('new', 4));
  await shop.settled();
  expect(shop.receiver.accepted).toHaveLength(7);
  const { page } = await stage.open('#/overview');
  const person = new Person(page);
  let steps = 0;

  await person.type(page.getByRole('searchbox'), 'billing');
  await page.keyboard.press('Enter');
  steps++;
  await person.click(page.getByRole('main').getByRole('button', { name: 'Replay' }));
  const dialog = page.getByRole('dialog');
  // The field proposes the last hour, in the zone of the person.
  expect(await dialog.getByLabel('Since').inputValue()).not.toBe('');
  await person.type(dialog.getByLabel('Event name (optional)'), 'order.placed');
  await person.click(dialog.getByRole('button', { name: 'Count them' }));
  // Nothing is sent before somebody has seen how many there are.
  await dialog
    .getByText(/\b4 events/)
    .first()
    .waitFor();
  expect(shop.receiver.accepted).toHaveLength(7);
  await person.click(dialog.getByRole('button', { name: 'Replay 4 events' }));
  await dialog.waitFor({ state: 'detached' });
  await until('the replayed events are handled', async () => shop.receiver.accepted.length === 11);
  expect(shop.receiver.accepted.slice(7).sort()).toEqual(ids('new', 4));
  const row = page
    .getByRole('region', { name: 'Replays' })
    .getByRole('row')
    .filter({ hasText: 'ada@shop.example' });
  await row.getByText('done').waitFor();
  expect(steps + person.clicks.length).toBeLessThanOrEqual(4);
});
