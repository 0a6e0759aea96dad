import { expect, test } from '@jest/globals';
import { everyPage } from './stage/every-page.js';
import { ids, openOrders } from './stage/orders.js';
import { KeyboardPerson } from './stage/person.js';
import { PATH, READER } from './stage/shop.js';
import { onStage } from './stage/stage.js';

const stage = onStage(openOrders);

test('a reader finds what may not be done where it would be, and why', async () => {
  const { shop } = stage;
  shop.receiver.refuse(...ids('order', 2));
  await shop.place(...ids('order', 2));
  await shop.has('billing', 'dead_letter', 2);
  const { page } = await stage.open('#/dead-letters', { operator: READER });
  await page
    .getByRole('main')
    .getByRole('link', { name: /out for lunch/ })
    .click();
  const canary = page.getByRole('button', { name: 'Send 5 as a canary' });
  await canary.waitFor();
  expect(await canary.getAttribute('aria-disabled')).toBe('true');
  // The keyboard reaches it, and it says what is missing.
  await new KeyboardPerson(page).press(canary);
  await page.getByText('The permission that is missing is operations.plan').first().waitFor();
  expect(await page.getByRole('dialog').count()).toBe(0);
});

test('a reader sees every page, and sends nothing that changes anything', async () => {
  const { shop } = stage;
  const { page } = await stage.open('', { operator: READER });
  const refused: string[] = [];
  page.on('response', (response) => {
    const { method } = { method: response.request().method() };
    if (response.status() >= 400 || method !== 'GET')
      refused.push(`${method} ${response.url()} ${response.status()}`);
  });
  const enabled: string[] = [];
  await everyPage(page, `${shop.url}/${PATH}/ui`, async (route) => {
    const acts = page.locator(
      'main button.primary:not([aria-disabled="true"]), main button.danger:not([aria-disabled="true"])',
    );
    enabled.push(...(await acts.allTextContents()).map((text) => `${route}: ${text}`));
  });
  expect({ refused, enabled }).toEqual({ refused: [], enabled: [] });
}, 300_000);

test('whoever may see nothing but themselves is told so on every page', async () => {
  const nobody = { name: 'cleo@shop.example', may: (action: string) => action === 'session.read' };
  const { page } = await stage.open('#/overview', { operator: nobody });
  for (const route of ['overview', 'consumers', 'dead-letters', 'operations']) {
    await page.evaluate((to) => {
      location.hash = `#/${to}`;
    }, route);
    await page
      .getByRole('main')
      .getByText(/You \(cleo@shop\.example\) may not/)
      .first()
      .waitFor();
  }
});
