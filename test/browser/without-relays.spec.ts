import { expect, test } from '@jest/globals';
import { openShop } from './stage/shop.js';
import { onStage } from './stage/stage.js';

/** A consumer whose name is like that of a relay, in an application that has none. */
const stage = onStage((database) =>
  openShop(database, {
    subscribers: [{ eventName: 'mail.*', consumerName: 'relay.mail', handler: async () => {} }],
  }),
);

test('an application without relays does not show their page', async () => {
  const { page } = await stage.open('#/relays');
  await page.getByRole('heading', { name: 'There is no such page' }).waitFor();
  await page.goto(`${page.url().split('#')[0]}#/consumers/relay.mail`);
  await page.getByRole('heading', { level: 1, name: 'relay.mail' }).waitFor();
  expect(await page.getByRole('link', { name: /^(Relays|See how its broker does)$/ }).count()).toBe(0);
  await page.goto(`${page.url().split('#')[0]}#/consumers`);
  await page.getByRole('link', { name: 'relay.mail' }).waitFor();
  expect(await page.locator('[data-head="Broker"]').count()).toBe(0);
});
