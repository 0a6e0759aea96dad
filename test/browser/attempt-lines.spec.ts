import { beforeAll, describe, expect, test } from '@jest/globals';
import type { Page } from 'playwright-core';
import { NonRetryableError } from '../../src/index.js';
import { violationsOf } from './stage/accessibility.js';
import { CARD, deadCardOrder, openCardShop } from './stage/card-orders.js';
import type { Operator } from './stage/shop.js';
import { onStage } from './stage/stage.js';

/** Somebody who may not see what events carry. */
const NO_PAYLOADS: Operator = { name: 'eve@shop.example', may: (action) => action !== 'payloads.read' };

const stage = onStage((database) =>
  openCardShop(
    database,
    {
      consumerName: 'billing',
      eventName: 'order.placed',
      handler: ({ payload }, { logger, attempt }) => {
        logger.log(`pays by ${(payload as { card: string }).card}`);
        if (attempt === 5) logger.warn('the last try');
        if (attempt < 5) throw new Error('the bank is away');
        throw new NonRetryableError('refused by the bank');
      },
    },
    { maxAttempts: 5, retryBaseDelayMs: 100, retryMaxDelayMs: 100, pollingIntervalMs: 200 },
  ),
);

let id: string;

beforeAll(async () => {
  id = await deadCardOrder(stage);
});

/** Unfolds what has this summary, and returns it. */
async function unfold(page: Page, summary: string | RegExp): Promise<void> {
  await page.locator('summary').filter({ hasText: summary }).first().click();
}

/** All texts of the page, those that are folded too. */
const textOf = (page: Page) => page.evaluate(() => document.body.textContent ?? '');

describe('the attempts of an event', () => {
  test('are one line where they are the same, and each of them can be seen', async () => {
    const { page } = await stage.open(`#/events/${id}`);
    await unfold(page, 'Attempts 1–4: the same: Error: the bank is away');
    for (const attempt of [1, 2, 3, 4]) await page.getByText(`Attempt ${attempt}, `).waitFor();
    await page.getByText('Attempt 5, ').waitFor();
  });

  test('show what the handler logged, without what the mask hides', async () => {
    const { page } = await stage.open(`#/events/${id}`);
    await unfold(page, 'Attempt 5, ');
    await unfold(page, '2 lines of its logger');
    const lines = page.getByRole('region', { name: 'Lines of attempt 5' });
    await lines.getByText('log     pays by [hidden]').waitFor();
    await lines.getByText('warn    the last try').waitFor();
    expect(await textOf(page)).not.toContain(CARD);
  });

  test('are compared, at first the last two', async () => {
    const { page } = await stage.open(`#/events/${id}`);
    await unfold(page, 'Compare two attempts');
    await page.getByText('Attempts 4 and 5 failed by different errors, and wrote other lines.').waitFor();
    const lines = page.getByRole('region', { name: 'Lines of the logger, compared' });
    await lines.getByText('+ warn the last try').waitFor();
    await page.getByLabel('with attempt').selectOption({ index: 0 });
    await page.getByText('Attempts 4 and 1 failed in the same way.').waitFor();
    expect(await textOf(page)).not.toContain(CARD);
  });

  test('have one clock, that of the browser, in their list, their lines and where they are compared', async () => {
    const { page } = await stage.open(`#/events/${id}`);
    await unfold(page, 'Attempt 5, ');
    await unfold(page, '2 lines of its logger');
    const summary = page.locator('summary').filter({ hasText: 'Attempt 5, ' });
    const at = new Date((await summary.locator('time').getAttribute('datetime')) ?? '');
    const clock = at.toLocaleTimeString('en-GB', { timeZone: 'Europe/Berlin' });
    expect(await summary.textContent()).toContain(clock);
    const logged = await page
      .getByRole('region', { name: 'Lines of attempt 5' })
      .locator('pre')
      .textContent();
    // The handler may have logged in the next second.
    expect(logged?.slice(0, 3)).toBe(clock.slice(0, 3));
    expect(logged).toMatch(/^\d\d:\d\d:\d\d[.,]\d{3} log {5}pays/);
    await unfold(page, 'Compare two attempts');
    const options = await page.getByLabel('with attempt').locator('option').allTextContents();
    expect(options.at(-1)).toContain(clock);
    expect(options.join()).not.toContain('UTC');
  });

  test('keep what was logged from those who may not read payloads', async () => {
    const { page } = await stage.open(`#/events/${id}`, { operator: NO_PAYLOADS });
    await unfold(page, 'Attempt 5, ');
    await page.getByText(/^2 lines of its logger\. /).waitFor();
    expect(await textOf(page)).not.toMatch(/pays by|Compare two attempts/);
  });

  test('are fit for everybody, unfolded', async () => {
    const { page } = await stage.open(`#/events/${id}`);
    await unfold(page, 'Attempts 1–4');
    await unfold(page, 'Attempt 5, ');
    await unfold(page, '2 lines of its logger');
    await unfold(page, 'Compare two attempts');
    await page.getByRole('region', { name: 'Lines of the logger, compared' }).waitFor();
    await page.getByRole('region', { name: 'Lines of attempt 5' }).waitFor();
    expect(await violationsOf(page)).toEqual([]);
  });
});
