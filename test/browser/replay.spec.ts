import { expect, test } from '@jest/globals';
import { ConsumerService } from '../../src/index.js';
import { pauseAndWait } from '../support/pause.js';
import { until } from '../support/until.js';
import { ids, openOrders } from './stage/orders.js';
import { Person } from './stage/person.js';
import { searchBox } from './stage/search-box.js';
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

  await person.type(searchBox(page), 'billing');
  await page.keyboard.press('Enter');
  steps++;
  await person.click(page.getByRole('main').getByRole('button', { name: 'Replay', exact: true }));
  const dialog = page.getByRole('dialog');
  // The field proposes the last hour, in the zone of the person.
  expect(await dialog.getByLabel('Since').inputValue()).not.toBe('');
  await person.type(dialog.getByLabel('Event names (optional)'), 'order.placed');
  await person.click(dialog.getByRole('button', { name: 'Count them' }));
  // Nothing is sent before somebody has seen how many there are.
  await dialog
    .getByText(/\b4 events/)
    .first()
    .waitFor();
  expect(shop.receiver.accepted).toHaveLength(7);
  await person.click(dialog.getByRole('button', { name: 'Replay 4 events' }));
  expect(steps + person.clicks.length).toBeLessThanOrEqual(4);
  // The dialog shows how far it is, and leads to the operation.
  await dialog.getByText('All is sent: 4 events were sent again').waitFor();
  const link = dialog.getByRole('link', { name: 'Open the operation' });
  const href = await link.getAttribute('href');
  await until('the replayed events are handled', async () => shop.receiver.accepted.length === 11);
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'detached' });
  expect(shop.receiver.accepted.slice(7).sort()).toEqual(ids('new', 4));
  const row = page
    .getByRole('region', { name: 'Replays' })
    .getByRole('row')
    .filter({ hasText: 'ada@shop.example' });
  await row.getByText('done').waitFor();
  expect(await row.getByRole('link', { name: /^Replay/ }).getAttribute('href')).toBe(href);
  await row.getByRole('link', { name: /^Replay/ }).click();
  await page.getByRole('heading', { name: 'Replay: billing, order.placed, since' }).waitFor();
  const became = page.getByRole('region', { name: 'What became of them' });
  await became.getByText('All of them were handled again.').waitFor();
});

test('a replay with a rate is cancelled from the page of its consumer, which says so, and its rest can be sent', async () => {
  const { shop } = stage;
  const before = shop.receiver.accepted.length;
  const { page } = await stage.open('#/consumers/billing');
  await page.getByRole('button', { name: 'Replay', exact: true }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Since').fill('2020-01-01T00:00:00');
  await dialog.getByLabel('Rate').fill('1');
  await dialog.getByRole('button', { name: 'Count them' }).click();
  await dialog.getByRole('button', { name: 'Replay 7 events' }).click();
  await dialog
    .getByText(/^[1-5] of 7 events were sent again, up to position \d+ of \d+, at most 1 a second/)
    .waitFor();
  await dialog.getByRole('button', { name: 'Close' }).click();
  const row = page.getByRole('region', { name: 'Replays' }).getByRole('row').nth(1);
  await row.getByText('running').waitFor();
  await row.getByRole('button', { name: /^Cancel the replay/ }).click();
  await dialog.getByLabel('Reason (optional)').fill('the wrong hour');
  await dialog.getByRole('button', { name: 'Cancel it' }).click();
  await row.getByText('cancelled').waitFor();
  await row.getByRole('link', { name: /^Replay/ }).click();
  await page.getByText(/^It was cancelled: [1-6] events? (was|were) sent again, up to position/).waitFor();
  await page.getByRole('button', { name: 'Send the rest' }).click();
  await dialog.getByRole('button', { name: /^Send [1-6] events? again$/ }).click();
  await page.getByText(/^All is sent: /).waitFor();
  await until('each is handled once more', async () => shop.receiver.accepted.length === before + 7);
});

test('a replay is of a few event names, positions or one entity, where the form says so', async () => {
  const { rows: placed } = await stage.database.pool.query<{ position: string }>(
    `SELECT position FROM integration.outbox_event WHERE event_name = 'order.placed' ORDER BY position`,
  );
  const { page } = await stage.open('#/consumers/billing');
  await page.getByRole('button', { name: 'Replay', exact: true }).click();
  const dialog = page.getByRole('dialog');
  const counts = async (expected: string) => {
    await dialog.getByRole('button', { name: 'Count them' }).click();
    await dialog.getByRole('status').getByText(expected, { exact: true }).waitFor();
  };
  await dialog.getByLabel('Since').fill('');
  expect(await dialog.getByRole('button', { name: 'Count them' }).getAttribute('aria-disabled')).toBe('true');
  await dialog
    .getByText('Give a time or a position to begin at, event names')
    .first()
    .waitFor({ state: 'attached' });
  await dialog.getByLabel('Event names (optional)').fill('order.placed, order.sent');
  await counts('7 events');
  await dialog.getByText('By position or entity').click();
  await dialog.getByLabel('From position').fill(placed[1]?.position ?? '');
  await dialog.getByLabel('To position').fill(placed[4]?.position ?? '');
  await counts('4 events');
  await dialog.getByLabel('Event names (optional)').fill('order.sent');
  await counts('0 events');
  await dialog.getByLabel('Event names (optional)').fill('');
  await dialog.getByLabel('From position').fill('first');
  await dialog.getByRole('button', { name: 'Count them' }).click();
  await dialog.getByText(/from/).first().waitFor();
  await dialog.getByLabel('From position').fill('');
  await dialog.getByLabel('To position').fill('');
  await dialog.getByLabel('Type of the entity').fill('order');
  await dialog.getByLabel('Id of the entity').fill('old-1');
  await counts('1 event');
});

test('a replay of a paused consumer says what it waits for, and goes on when the consumer is resumed', async () => {
  const { shop } = stage;
  const before = shop.receiver.accepted.length;
  const consumers = shop.app.get(ConsumerService);
  await pauseAndWait(consumers, 'billing');
  const { page } = await stage.open('#/consumers/billing');
  await page.getByRole('button', { name: 'Replay', exact: true }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('At most').fill('2');
  await dialog.getByLabel('Since').fill('2020-01-01T00:00:00');
  await dialog.getByRole('button', { name: 'Count them' }).click();
  await dialog.getByRole('button', { name: 'Replay 2 events' }).click();
  await dialog.getByRole('link', { name: 'Open the operation' }).click();
  await page.getByText('Nothing is sent while the consumer is paused').waitFor();
  await consumers.resume('billing');
  await page.getByText(/^All is sent: 2 events/).waitFor();
  await until('both are handled', async () => shop.receiver.accepted.length === before + 2);
});

test.each([
  ['operations.plan', 'plan operations'],
  ['consumers.replay', 'replay events'],
])('somebody who lacks %s sees why nothing can be replayed', async (action, words) => {
  const operator = { name: 'cy@shop.example', may: (each: string) => each !== action };
  const { page } = await stage.open('#/consumers/billing', { operator });
  const button = page.getByRole('button', { name: 'Replay', exact: true });
  await button.waitFor();
  expect(await button.getAttribute('aria-disabled')).toBe('true');
  await page
    .getByText(`You (cy@shop.example) may not ${words}. The permission that is missing is ${action}.`)
    .first()
    .waitFor({ state: 'attached' });
});

test('somebody who may only plan counts, and sees why it cannot be run', async () => {
  const operator = { name: 'cy@shop.example', may: (each: string) => each !== 'operations.run' };
  const { page } = await stage.open('#/consumers/billing', { operator });
  await page.getByRole('button', { name: 'Replay', exact: true }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('button', { name: 'Count them' }).click();
  const run = dialog.getByRole('button', { name: /^Replay \d+ events?$/ });
  await run.waitFor();
  expect(await run.getAttribute('aria-disabled')).toBe('true');
  await dialog.getByText('The permission that is missing is operations.run.').waitFor({ state: 'attached' });
});
