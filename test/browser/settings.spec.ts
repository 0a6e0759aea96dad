import { expect, test } from '@jest/globals';
import { IntegrationSettingsService } from '../../src/index.js';
import { openOrders } from './stage/orders.js';
import { Person } from './stage/person.js';
import { openShop } from './stage/shop.js';
import { onStage } from './stage/stage.js';

const stage = onStage(openOrders);

test('the poll interval is changed, seen in each process, and put back to the value of yesterday in 3 clicks', async () => {
  const { shop, database } = stage;
  // Another process of the same application, and a change that somebody made yesterday.
  const other = await openShop(database);
  try {
    const settings = shop.app.get(IntegrationSettingsService, { strict: false });
    await settings.change({ pollingIntervalMs: 300 }, { by: 'eve@shop.example', reason: 'quiet days' });
    await database.pool.query(
      `UPDATE integration.integration_setting_change SET changed_at = now() - interval '1 day'`,
    );
    const { page } = await stage.open('#/settings');
    const main = page.getByRole('main');
    const values = main
      .getByRole('list', { name: 'Value of pollingIntervalMs in each process' })
      .getByRole('listitem');

    // Typed key by key: the field keeps the focus while the page says what the value would do.
    await main.getByLabel('pollingIntervalMs', { exact: true }).press('ControlOrMeta+a');
    await page.keyboard.type('350', { delay: 20 });
    // Before anything is stored, the page says what it would do.
    const changes = main.getByRole('region', { name: 'Changes that are not stored yet' });
    await changes.getByText(/300.* → 350/).waitFor();
    await changes.getByRole('button', { name: 'Store' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Store' }).click();
    const row = main
      .getByRole('listitem')
      .filter({ has: page.getByLabel('pollingIntervalMs', { exact: true }) });
    await row
      .getByText(/All \d+ processes use it/)
      .first()
      .waitFor();

    const person = new Person(page);
    await person.click(row.getByRole('button', { name: 'History and processes' }));
    await values.filter({ hasText: '350' }).nth(1).waitFor();
    expect(await values.count()).toBe(2);
    await person.click(row.getByRole('button', { name: 'Return to 300: pollingIntervalMs' }));
    await person.click(page.getByRole('dialog').getByRole('button', { name: 'Return to it' }));
    await values.filter({ hasText: '300' }).nth(1).waitFor();
    expect(person.clicks.length).toBeLessThanOrEqual(3);
    expect(settings.snapshot().pollingIntervalMs).toBe(300);
  } finally {
    await other.close();
  }
});

test('two people change one setting: the second keeps what they typed, sees who was faster, and may still store it', async () => {
  const { shop } = stage;
  const settings = shop.app.get(IntegrationSettingsService, { strict: false });
  const before = settings.snapshot().maxAttempts;
  const { page } = await stage.open('#/settings');
  const main = page.getByRole('main');
  const field = main.getByLabel('maxAttempts', { exact: true });
  await field.fill(String(before + 5));
  // Meanwhile somebody else changes the same one.
  await settings.change(
    { maxAttempts: before + 2 },
    { by: 'eve@shop.example', reason: 'the receiver is slow' },
  );
  const bar = main.getByRole('region', { name: 'Changes that are not stored yet' });
  await bar.getByRole('button', { name: 'Store' }).click();
  await page
    .getByRole('dialog')
    .getByRole('textbox', { name: /^Reason/ })
    .fill('as agreed');
  await page.getByRole('dialog').getByRole('button', { name: 'Store' }).click();

  const told = bar.getByRole('alert');
  await told
    .getByRole('listitem')
    .filter({ hasText: `maxAttempts: ${before} attempts → ${before + 2} attempts, by eve@shop.example` })
    .filter({ hasText: 'the receiver is slow' })
    .filter({ hasText: `Yours is ${before + 5}` })
    .waitFor();
  expect(await field.inputValue()).toBe(String(before + 5));
  expect(settings.snapshot().maxAttempts).toBe(before + 2);

  // They go to another page to ask, and come back. What they typed is there.
  await page.getByRole('link', { name: 'Audit' }).click();
  await page.getByRole('heading', { level: 1, name: 'Audit' }).waitFor();
  await page.goBack();
  await bar.getByText(`→ ${before + 5}`).waitFor();
  await bar.getByRole('button', { name: 'Store' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Store' }).click();
  await bar.waitFor({ state: 'detached' });
  expect(settings.snapshot().maxAttempts).toBe(before + 5);
});
