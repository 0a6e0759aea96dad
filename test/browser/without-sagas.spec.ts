import { expect, test } from '@jest/globals';
import { openShop } from './stage/shop.js';
import { onStage } from './stage/stage.js';

/** A consumer whose name is like that of a saga, in an application that has none. */
const stage = onStage((database) =>
  openShop(database, {
    subscribers: [{ eventName: 'mail.*', consumerName: 'saga.mail', handler: async () => {} }],
  }),
);

test('an application without sagas does not show their page', async () => {
  const { page } = await stage.open('#/sagas');
  await page.getByRole('heading', { name: 'There is no such page' }).waitFor();
  await page.goto(`${page.url().split('#')[0]}#/consumers/saga.mail`);
  await page.getByRole('heading', { level: 1, name: 'saga.mail' }).waitFor();
  expect(await page.getByRole('link', { name: /^(Sagas|See where its sagas stand)$/ }).count()).toBe(0);
});
