import { expect, test } from '@jest/globals';
import { ids, openOrders } from './stage/orders.js';
import { onStage } from './stage/stage.js';

const stage = onStage(openOrders);

test('who sent what again last night, and why', async () => {
  const { shop, database } = stage;
  shop.receiver.refuse(...ids('order', 3));
  await shop.place(...ids('order', 3));
  await shop.has('billing', 'dead_letter', 3);
  const night = { name: 'dora@shop.example', may: () => true };
  const { page: hers } = await stage.open('#/dead-letters', { operator: night });
  shop.receiver.mend();
  await hers
    .getByRole('main')
    .getByRole('link', { name: /out for lunch/ })
    .click();
  await hers.getByRole('button', { name: 'Send all again' }).click();
  const dialog = hers.getByRole('dialog');
  await dialog.getByRole('textbox', { name: /^Reason/ }).fill('the receiver is up again');
  await dialog.getByRole('button', { name: 'Send 3 events again' }).click();
  await hers.getByText('All of them were handled').waitFor();
  // It was last night, at half past two.
  await database.pool.query(
    `UPDATE integration.integration_audit SET at = date_trunc('day', now()) + interval '2 hours 30 minutes'`,
  );
  await database.pool.query(
    `INSERT INTO integration.integration_audit (at, actor, via, action, target, outcome)
     SELECT now() - n * interval '1 minute', 'somebody', 'rest', 'consumers.pause', 'consumer/mail', 'done' FROM generate_series(1, 120) AS n`,
  );

  const { page } = await stage.open('#/audit');
  const main = page.getByRole('main');
  const day = new Date().toISOString().slice(0, 10);
  await main.getByLabel('What').first().fill('operations.run');
  await main.getByLabel('From').fill(`${day}T00:00:00`);
  await main.getByLabel('Until').fill(`${day}T06:00:00`);
  await main.getByRole('button', { name: 'Filter' }).click();
  const row = main.getByRole('row').filter({ hasText: 'dora@shop.example' });
  await row.first().waitFor();
  await row.filter({ hasText: 'the receiver is up again' }).first().waitFor();
  expect(await main.getByText('somebody', { exact: true }).count()).toBe(0);
  // The filter stands in the URL, so it can be sent to somebody.
  const address = page.url();
  expect(address).toContain('action=operations.run');
  const { page: theirs } = await stage.open(address.slice(address.indexOf('#')));
  await theirs.getByRole('main').getByRole('row').filter({ hasText: 'dora@shop.example' }).first().waitFor();
  // From the row to what was sent again.
  await row.first().getByRole('link').first().click();
  await page.getByRole('heading', { level: 1, name: /^Send again/ }).waitFor();
});
