import { expect, test } from '@jest/globals';
import { OperationService } from '../../src/index.js';
import { SCREENS, tooWideAt, violationsOf } from './stage/accessibility.js';
import { ids, openOrders } from './stage/orders.js';
import { onStage } from './stage/stage.js';

const stage = onStage(openOrders);
const ERROR = 'The receiver answered 503: out for lunch';

test('a redrive that grows is seen, paused, made faster and comes to its end', async () => {
  const { shop } = stage;
  const orders = ids('grown', 60);
  shop.receiver.refuse(...orders);
  await shop.place(...orders);
  await shop.has('billing', 'dead_letter', 60);
  shop.receiver.mend();
  // axe looks into styles, which the page's own policy would not let a foreign script do.
  const { page } = await stage.open('#/dead-letters', { bypassCSP: true });
  const main = page.getByRole('main');
  await main.getByRole('link', { name: ERROR }).click();
  await page
    .getByRole('button', { name: /^Send all again|^Send them all|^Send all/ })
    .first()
    .click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('textbox', { name: /^Rate/ }).fill('1');
  await dialog.getByRole('textbox', { name: /^Stop above/ }).fill('10');
  await dialog.getByRole('button', { name: /^Send 60 events again/ }).click();

  const progress = page.getByRole('region', { name: 'Progress' });
  await progress.getByText(/^About .* left/).waitFor();
  // The page names the consumer and the error.
  const about = page.getByRole('region', { name: 'What it is about' });
  await about.getByRole('link', { name: 'billing' }).waitFor();
  await about.getByText(ERROR).waitFor();

  await page.getByRole('button', { name: 'Pause it' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Pause it' }).click();
  await progress.getByText('paused').waitFor();
  await page.getByRole('button', { name: 'Change the rate' }).click();
  await page.getByRole('dialog').getByLabel('Events a second').fill('500');
  await page.getByRole('dialog').getByRole('button', { name: 'Change it' }).click();
  await progress.getByText(/at most 500 a second/).waitFor();
  await page.getByRole('button', { name: 'Go on with it' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Go on with it' }).click();

  await page.getByText('All of them were handled').waitFor();
  await shop.has('billing', 'dead_letter', 0);
  // The table of the chart ends with what the figures say.
  const chart = page.getByRole('figure', { name: 'Sent, handled and failed' });
  // The pause, the other rate and the going on are marks, and have lines above the chart.
  await chart.getByRole('img', { name: /\b[1-9]\d* changes? marked/ }).waitFor();
  await page.getByText(/Each\s+has a mark in the charts/).waitFor();
  await chart.getByRole('button').first().click();
  await chart.getByRole('row').nth(1).getByText('60').first().waitFor();
  expect(await tooWideAt(page, SCREENS)).toEqual([]);
  expect(await violationsOf(page)).toEqual([]);
});

test('a replay is paused and goes on, as a redrive does', async () => {
  const { shop } = stage;
  await shop.place(...ids('replayed', 20));
  await shop.settled();
  const operations = shop.app.get(OperationService, { strict: false });
  const { id } = await operations.plan({
    kind: 'replay',
    filter: { consumerName: 'billing', from: 1 },
    rate: 1,
  });
  await operations.run(id);
  const { page } = await stage.open(`#/operations/${id}`);
  const progress = page.getByRole('region', { name: 'Progress' });
  await page.getByRole('button', { name: 'Pause it' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Pause it' }).click();
  await progress.getByText('paused').waitFor();
  expect((await operations.get(id)).state).toBe('paused');
  await operations.changeRate(id, null);
  await page.getByRole('button', { name: 'Go on with it' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Go on with it' }).click();
  await page.getByText('All of them were handled again.').waitFor();
});

test('after a cancel the rest can be sent, and the page does not say that all were handled', async () => {
  const { shop, database } = stage;
  const orders = ids('left', 30);
  shop.receiver.refuse(...orders);
  await shop.place(...orders);
  await shop.has('billing', 'dead_letter', 30);
  shop.receiver.mend();
  const { page } = await stage.open('#/dead-letters');
  await page.getByRole('main').getByRole('link', { name: ERROR }).click();
  await page
    .getByRole('button', { name: /^Send all/ })
    .first()
    .click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('textbox', { name: /^Rate/ }).fill('1');
  await dialog.getByRole('button', { name: /^Send 30 events again/ }).click();
  const became = page.getByRole('region', { name: 'What became of them' });
  await became.waitFor();
  await page.getByRole('button', { name: 'Cancel it' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Cancel it' }).click();
  await became.getByText('The rest was not sent.').waitFor();
  expect(await page.getByText('All of them were handled').count()).toBe(0);
  await page.getByRole('button', { name: 'Send the rest' }).click();
  const rest = page.getByRole('dialog');
  await rest.getByRole('button', { name: /^Send \d+ events? again/ }).click();
  await shop.has('billing', 'dead_letter', 0);
  const { rows } = await database.pool.query(
    `SELECT sum(changed)::int AS n FROM integration.integration_operation WHERE created_at > now() - interval '1 hour' AND changed < 60`,
  );
  expect(rows[0].n).toBe(30);
});
