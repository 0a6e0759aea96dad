import { beforeAll, describe, expect, test } from '@jest/globals';
import type { Page } from 'playwright-core';
import { until } from '../support/until.js';
import { atRest, everyPage } from './stage/every-page.js';
import { ids, openOrders } from './stage/orders.js';
import { hasFocus, KeyboardPerson } from './stage/person.js';
import { PATH } from './stage/shop.js';
import { onStage } from './stage/stage.js';

const stage = onStage(openOrders);
/** More than any page of this file needs. */
const MOST_TABS = 400;
/** A movement that is shorter than this is none. */
const MOST_MOTION_MS = 10;

beforeAll(async () => {
  const { shop } = stage;
  shop.receiver.refuse(...ids('order', 2));
  shop.receiver.putOff('held', 3_600_000);
  await shop.place(...ids('order', 2), 'held', 'held', 'handled');
  await shop.has('billing', 'dead_letter', 2);
  await shop.has('billing', 'failed', 1);
});

/** What the keyboard finds on one page. */
interface Walk {
  /** Stops whose focus cannot be seen, or that stand outside of the window. */
  readonly unseen: string[];
  /** Stops that come before the one that was reached before them. */
  readonly outOfOrder: string[];
  /** What can be reached by the mouse and not by Tab. */
  readonly unreached: string[];
  /** Undefined where Tab has come to the end of the page. */
  readonly trap: string | undefined;
  readonly stops: number;
}

/** Presses Tab from the top of the page until it has come to its end. */
async function walk(page: Page): Promise<Walk> {
  await page.evaluate(() => {
    for (const each of document.querySelectorAll('[data-stop]')) each.removeAttribute('data-stop');
    (document.activeElement as HTMLElement | null)?.blur();
    getSelection()?.removeAllRanges();
    scrollTo(0, 0);
    // The next Tab begins at the top of the document.
    const top = document.createElement('span');
    top.tabIndex = -1;
    document.body.prepend(top);
    top.focus();
    top.remove();
  });
  const found = { unseen: [] as string[], outOfOrder: [] as string[] };
  let stops = 0;
  let trap: string | undefined = 'it has no end';
  for (let tabs = 0; tabs < MOST_TABS; tabs++) {
    await page.keyboard.press('Tab');
    const stop = await page.evaluate(lookAtStop, stops);
    if (stop.kind === 'part') continue;
    if (stop.kind !== 'stop') {
      trap = stop.kind === 'end' ? undefined : stop.text;
      break;
    }
    stops++;
    if (!stop.isSeen) found.unseen.push(stop.text);
    if (!stop.follows) found.outOfOrder.push(stop.text);
  }
  const unreached = await page.evaluate(() =>
    [...document.querySelectorAll<HTMLElement>('a[href], button, input, select, textarea, summary')]
      .filter((each) => each.dataset.stop === undefined && each.tabIndex >= 0)
      .filter((each) => !each.matches(':disabled') && each.checkVisibility({ visibilityProperty: true }))
      .map((each) => each.outerHTML.slice(0, 120)),
  );
  return { ...found, unreached, trap, stops };
}

/** Runs in the page: what has the focus now, as the stop with this number. */
function lookAtStop(number: number) {
  const element = document.activeElement;
  if (!(element instanceof HTMLElement || element instanceof SVGElement) || element === document.body)
    return { kind: 'end' as const };
  const text = element.outerHTML.slice(0, 120);
  const { stop } = element.dataset;
  if (stop === '0') return { kind: 'end' as const };
  // A field of a time is one element with a stop for each of its parts.
  if (stop !== undefined)
    return { kind: stop === String(number - 1) ? ('part' as const) : ('again' as const), text };
  element.dataset.stop = String(number);
  const before = document.querySelector(`[data-stop="${number - 1}"]`);
  const follows =
    before === null || (before.compareDocumentPosition(element) & Node.DOCUMENT_POSITION_FOLLOWING) !== 0;
  const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(element);
  // A node of a graph shows it by its own border.
  const node = element.querySelector('.node');
  const hasRing =
    (outlineStyle !== 'none' && Number.parseFloat(outlineWidth) >= 2) ||
    boxShadow !== 'none' ||
    (node !== null && Number.parseFloat(getComputedStyle(node).strokeWidth) >= 3);
  // Nothing that stays at its place, such as the head of the page, may cover it.
  const { x = 0, y = 0, width = 0, height = 0 } = element.getClientRects()[0] ?? {};
  const hit = document.elementFromPoint(x + width / 2, y + height / 2);
  const isUncovered = hit !== null && (element.contains(hit) || hit.contains(element));
  return { kind: 'stop' as const, text, follows, isSeen: hasRing && isUncovered };
}

/** What moves although nobody wants it: animations and transitions that take their time. */
function motionOf(page: Page): Promise<string[]> {
  return page.evaluate((most) => {
    const longest = (text: string) =>
      Math.max(...text.split(',').map((each) => Number.parseFloat(each) * (/ms\s*$/.test(each) ? 1 : 1_000)));
    const moving = [...document.querySelectorAll('*')].flatMap((element) =>
      [null, '::before', '::after'].flatMap((part) => {
        const { transitionDuration, animationDuration, animationName, scrollBehavior } = getComputedStyle(
          element,
          part,
        );
        const isMoving =
          longest(transitionDuration) > most ||
          (animationName !== 'none' && longest(animationDuration) > most) ||
          scrollBehavior === 'smooth';
        return isMoving ? [`${element.tagName}.${element.className}${part ?? ''}`] : [];
      }),
    );
    const running = document
      .getAnimations()
      .filter(({ effect }) => Number(effect?.getComputedTiming().activeDuration) > most)
      .map(() => 'an animation runs');
    return [...new Set([...moving, ...running])];
  }, MOST_MOTION_MS);
}

test('Tab alone goes through every page in its order, shows where it is, and is nowhere caught; nothing moves for whoever wants no motion', async () => {
  const { page } = await stage.open('', { reducedMotion: 'reduce' });
  const wrong: Record<string, Partial<Walk> & { motion?: string[] }> = {};
  let pages = 0;
  await everyPage(
    page,
    `${stage.shop.url}/${PATH}/ui`,
    async (route) => {
      const { unseen, outOfOrder, unreached, trap, stops } = await walk(page);
      const motion = await motionOf(page);
      pages++;
      expect(stops).toBeGreaterThan(10);
      if (unseen.length + outOfOrder.length + unreached.length + motion.length > 0 || trap !== undefined)
        wrong[route] = { unseen, outOfOrder, unreached, ...(trap && { trap }), motion };
    },
    [],
    1,
  );
  expect(pages).toBeGreaterThan(10);
  expect(wrong).toEqual({});
}, 300_000);

test('the first stop skips to the page, and the next one is in it', async () => {
  const { page } = await stage.open('#/consumers');
  await atRest(page);
  const person = new KeyboardPerson(page);
  await page.keyboard.press('Tab');
  const skip = page.getByRole('button', { name: 'Skip to the page' });
  expect(await hasFocus(skip)).toBe(true);
  expect(await skip.evaluate((element) => element.getBoundingClientRect().top >= 0)).toBe(true);
  await person.press(skip);
  expect(await hasFocus(page.getByRole('heading', { level: 1 }))).toBe(true);
  await page.keyboard.press('Tab');
  expect(await page.evaluate(() => document.activeElement?.closest('main') !== null)).toBe(true);
});

test('a page that opens has the focus on its title, and a filter keeps the focus where it is', async () => {
  const { page } = await stage.open('#/overview');
  await atRest(page);
  const person = new KeyboardPerson(page);
  await person.press(
    page.getByRole('navigation', { name: 'Sections' }).getByRole('link', { name: 'Consumers' }),
  );
  const title = page.getByRole('heading', { level: 1, name: 'Consumers' });
  await title.waitFor();
  await until('the title has the focus', () => hasFocus(title));
  const state = page.getByLabel('State', { exact: true });
  await person.reach(state);
  await page.keyboard.press('w');
  await page.waitForURL(/state=working/);
  await until('the field still has the focus', () => hasFocus(page.getByLabel('State', { exact: true })));
  const name = page.getByLabel('Name contains');
  await name.focus();
  await page.keyboard.type('bill');
  await page.keyboard.press('Enter');
  await page.waitForURL(/name=bill/);
  await until('the text still has the focus', () => hasFocus(page.getByLabel('Name contains')));
});

describe('a dialog', () => {
  const DIALOGS = [
    ['#/consumers/billing', 'Pause'],
    ['#/consumers/billing', 'Replay'],
    ['#/consumers/billing', 'Partitions'],
    ['#/consumers/billing', 'Delete'],
    ['a kind of failure', 'Send 5 as a canary'],
    ['a kind of failure', 'Send all again'],
    ['a kind of failure', 'Discard all'],
    ['a kind of failure', 'Write a note'],
    ['a kind of failure', 'Acknowledge'],
    ['a dead letter', 'Send again'],
    ['a dead letter', 'Correct'],
    ['a dead letter', 'Discard'],
  ] as const;

  async function openPlace(place: (typeof DIALOGS)[number][0]): Promise<Page> {
    const { page } = await stage.open(place.startsWith('#') ? place : '#/dead-letters');
    const main = page.getByRole('main');
    if (!place.startsWith('#')) {
      await main.getByRole('link', { name: /out for lunch/ }).click();
      await main.getByRole('button', { name: 'Send 5 as a canary' }).waitFor();
      await atRest(page);
    }
    if (place === 'a dead letter') await main.getByRole('rowheader').first().getByRole('link').click();
    await atRest(page);
    return page;
  }

  test.each(DIALOGS)(
    'of %s (%s) keeps the focus, ends with Escape, and gives the focus back',
    async (place, name) => {
      const page = await openPlace(place);
      const person = new KeyboardPerson(page);
      const button = page
        .getByRole('main')
        .getByRole('button', { name: new RegExp(`^${name}\\b`) })
        .first();
      await person.press(button);
      const dialog = page.getByRole('dialog');
      await dialog.waitFor();
      const isIn = () => page.evaluate(() => document.activeElement?.closest('dialog') != null);
      expect(await isIn()).toBe(true);
      // Tab goes round in it, and beyond it only to the browser itself.
      for (let tabs = 0; tabs < 20; tabs++) {
        await page.keyboard.press('Tab');
        const isOutside = await page.evaluate(
          () => document.activeElement !== document.body && document.activeElement?.closest('dialog') == null,
        );
        expect(isOutside).toBe(false);
      }
      await page.keyboard.press('Escape');
      await dialog.waitFor({ state: 'detached' });
      await until('the button has the focus again', () => hasFocus(button));
    },
  );
});
