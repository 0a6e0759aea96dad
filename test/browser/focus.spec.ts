import { beforeAll, describe, expect, test } from '@jest/globals';
import type { Page } from 'playwright-core';
import { atRest } from './stage/every-page.js';
import { ids, openOrders } from './stage/orders.js';
import { hasFocus, KeyboardPerson } from './stage/person.js';
import { searchBox } from './stage/search-box.js';
import { onStage } from './stage/stage.js';

const stage = onStage(openOrders);
const ERROR = 'The receiver answered 503: out for lunch';

beforeAll(async () => {
  const { shop } = stage;
  shop.receiver.refuse(...ids('order', 2));
  await shop.place(...ids('order', 2));
  await shop.has('billing', 'dead_letter', 2);
});

/** Holds what the page asks for at such an address, until the test lets it go. */
async function hold(page: Page, address: RegExp): Promise<() => void> {
  let letGo = () => {};
  const isLetGo = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  await page.route(address, async (route) => {
    await isLetGo;
    await route.continue();
  });
  return letGo;
}

/** Opens the page of the one kind of failure as somebody does who has only the keyboard. */
async function openKind(page: Page, person: KeyboardPerson): Promise<void> {
  await person.press(page.getByRole('main').getByRole('link', { name: ERROR }));
  await page.getByRole('button', { name: 'Send 5 as a canary' }).waitFor();
}

/** Opens the page of an event in the same way. Until the test lets it go, the page says that the event is being read. */
async function openEvent(): Promise<{ page: Page; letGo: () => void }> {
  const { page } = await stage.open('#/dead-letters');
  await atRest(page);
  const person = new KeyboardPerson(page);
  await openKind(page, person);
  await atRest(page);
  const letGo = await hold(page, /\/events\/[0-9a-f-]{36}$/);
  await person.press(page.getByRole('main').getByRole('rowheader').first().getByRole('link'));
  await page.getByRole('heading', { level: 1, name: 'Event' }).waitFor();
  return { page, letGo };
}

describe('the focus stays where it is', () => {
  test('when the title of the page arrives late', async () => {
    const { page } = await stage.open('#/dead-letters');
    await atRest(page);
    const person = new KeyboardPerson(page);
    const letGo = await hold(page, /\/dead-letters\/groups\?/);
    await openKind(page, person);
    const canary = page.getByRole('button', { name: 'Send 5 as a canary' });
    await person.reach(canary);
    letGo();
    await page.getByRole('heading', { level: 1, name: ERROR }).waitFor();
    expect(await hasFocus(canary)).toBe(true);
  });

  test('when a whole page takes the place of the one that said that it is being read', async () => {
    const { page, letGo } = await openEvent();
    expect(await hasFocus(page.getByRole('heading', { level: 1, name: 'Event' }))).toBe(true);
    const search = searchBox(page);
    await search.focus();
    letGo();
    await page.getByRole('heading', { level: 1, name: 'order.placed' }).waitFor();
    expect(await hasFocus(search)).toBe(true);
  });

  test('at the title that is drawn anew', async () => {
    const { page, letGo } = await openEvent();
    letGo();
    const title = page.getByRole('heading', { level: 1, name: 'order.placed' });
    await title.waitFor();
    expect(await hasFocus(title)).toBe(true);
  });

  test('at a button that can no longer be pressed, and it says why', async () => {
    const { page } = await stage.open('#/dead-letters');
    await atRest(page);
    const person = new KeyboardPerson(page);
    await openKind(page, person);
    await atRest(page);
    await person.press(page.getByRole('button', { name: 'Discard all' }));
    const dialog = page.getByRole('dialog');
    await dialog.getByText('2 events will be set aside for good.').waitFor();
    await person.type(dialog.getByLabel(/^At most/), '7');
    await person.press(dialog.getByRole('button', { name: 'Count them' }));
    // It is planned, and a reason is missing.
    const discard = dialog.getByRole('button', { name: 'Discard 2 events' });
    await discard.waitFor();
    expect(await discard.getAttribute('aria-disabled')).toBe('true');
    expect(await hasFocus(discard)).toBe(true);
    const why = dialog.getByRole('tooltip');
    expect(await why.isVisible()).toBe(true);
    expect(await discard.getAttribute('aria-describedby')).toBe(await why.getAttribute('id'));
    await page.keyboard.press('Enter');
    await person.type(dialog.getByRole('textbox', { name: /^Reason/ }), 'a test');
    await person.reach(discard);
    expect(await discard.getAttribute('aria-disabled')).toBeNull();
  });

  test('in a list that grows meanwhile', async () => {
    const { shop } = stage;
    const { page } = await stage.open('#/events');
    await atRest(page);
    const person = new KeyboardPerson(page);
    const rows = page.getByRole('main').getByRole('rowheader');
    const before = await rows.count();
    const link = rows.first().getByRole('link');
    const href = await link.getAttribute('href');
    await person.reach(link);
    await shop.place('later');
    await page.waitForFunction((count) => document.querySelectorAll('main tbody tr').length > count, before);
    expect(await page.evaluate(() => document.activeElement?.getAttribute('href'))).toBe(href);
  });
});
