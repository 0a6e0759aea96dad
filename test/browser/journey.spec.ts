import { beforeAll, expect, test } from '@jest/globals';
import type { Page } from 'playwright-core';
import { SCREENS, tooWideAt, violationsOf } from './stage/accessibility.js';
import { openOrders } from './stage/orders.js';
import { onStage } from './stage/stage.js';

/* The journey of a request and of an entity, as a picture and in words. */

const stage = onStage(openOrders);
let order = '';

beforeAll(async () => {
  const { shop } = stage;
  shop.receiver.refuse('order-1');
  [order = ''] = await shop.place('order-1');
  await shop.has('billing', 'dead_letter', 1);
  await shop.settled();
});

const picture = (page: Page) => page.getByRole('region', { name: 'Picture of the journey' });
const inWords = (page: Page) => page.getByRole('region', { name: 'In words' });

test('from an event to its journey: each mark says what stands beside it in words, and an arrow shows the cause', async () => {
  const { page } = await stage.open(`#/events/${order}`);
  await page.getByRole('link', { name: 'See the journey' }).click();
  await page.waitForURL(/#\/events\/.*\/journey$/);
  const dead = picture(page).getByRole('link', { name: /^1 at billing: dead letter after \d+ attempts?: / });
  await dead.waitFor();
  const [, says = ''] = (await dead.locator('title').textContent())?.split('1 at billing: ') ?? [];
  await inWords(page).getByText(says).first().waitFor();
  await picture(page).getByRole('link', { name: '2 at mail: done' }).waitFor();
  // The arrow begins in the lane of the consumer whose handler published, and ends at the event above.
  const arrow = picture(page).locator('path.cause');
  expect(await arrow.count()).toBe(1);
  const { from, to } = await arrow.evaluate((path) => {
    const line = path as unknown as SVGPathElement;
    return { from: line.getPointAtLength(0).y, to: line.getPointAtLength(line.getTotalLength()).y };
  });
  expect(from).toBeGreaterThan(to + 30);
  // A bar for each attempt that failed.
  const attempts = await inWords(page)
    .getByText(/attempts? that failed, at billing$/)
    .textContent();
  expect(await dead.locator('rect.attempt').count()).toBe(Number(attempts?.split(' ')[0]));
  await inWords(page)
    .getByText(/because of order\.placed at position \d+, handled by \w+$/)
    .waitFor();
  await inWords(page)
    .getByText(/^done at once, and no time of it is kept: /)
    .first()
    .waitFor();
  await dead.focus();
  await page.keyboard.press('Enter');
  await page.waitForURL(new RegExp(`#/events/${order}$`));
});

test('from an entity to its journey, which has its own events only', async () => {
  const { page } = await stage.open('#/entities/order/order-1');
  await page.getByRole('link', { name: 'See the journey' }).click();
  await page.waitForURL(/#\/entities\/order\/order-1\/journey$/);
  await picture(page)
    .getByRole('link', { name: /^1 at billing: dead letter/ })
    .waitFor();
  expect(
    await picture(page)
      .getByRole('link', { name: /parcel\.sent/ })
      .count(),
  ).toBe(0);
});

test('axe finds nothing in it, in both themes, and no width has to be scrolled sideways', async () => {
  const { page } = await stage.open(`#/events/${order}/journey`, { bypassCSP: true });
  await picture(page).getByRole('link').first().waitFor();
  await inWords(page)
    .getByText(/that failed, at billing$/)
    .click();
  await inWords(page)
    .getByText(/^Attempt 1, /)
    .waitFor();
  expect(await violationsOf(page)).toEqual([]);
  expect(await tooWideAt(page, SCREENS)).toEqual([]);
});
