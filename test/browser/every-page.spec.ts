import { beforeAll, describe, expect, test } from '@jest/globals';
import type { Page } from 'playwright-core';
import { IntegrationSettingsService } from '../../src/index.js';
import { violationsOf } from './stage/accessibility.js';
import { CANARIES, releaseCanaries } from './stage/canaries.js';
import { everyPage } from './stage/every-page.js';
import { ids, openOrders } from './stage/orders.js';
import { PATH } from './stage/shop.js';
import { onStage } from './stage/stage.js';

/** Sections of the dashboard that have to be among the pages, so that none is left out. */
const SECTIONS = [
  'overview',
  'consumers',
  'dead-letters',
  'events',
  'flow',
  'operations',
  'settings',
  'processes',
  'doctor',
  'audit',
];

interface Findings {
  readonly route: string;
  readonly violations: readonly string[];
  readonly alive: readonly string[];
  readonly text: string;
}

const stage = onStage(openOrders);
const found: Findings[] = [];

beforeAll(async () => {
  const { shop, database } = stage;
  shop.receiver.refuse(...ids('order', 3));
  shop.receiver.putOff('order-9', 3_600_000);
  await shop.place(...ids('order', 3), 'order-9', 'order-9');
  await shop.has('billing', 'dead_letter', 3);
  await shop.has('billing', 'failed', 1);
  // Only then there is a button that puts it back.
  await shop.app.get(IntegrationSettingsService, { strict: false }).set('batchSize', 44, 'ann');
  const { hostile, large, deep, numbers } = await releaseCanaries(database);
  // axe looks into styles, which the page's own policy would not let a foreign script do.
  const { page } = await stage.open('', { bypassCSP: true });
  const events = [hostile, large, deep, numbers].map((id) => `#/events/${id}`);
  await everyPage(
    page,
    `${shop.url}/${PATH}/ui`,
    async (route) => {
      const violations = await violationsOf(page);
      found.push({ route, violations, alive: await aliveOn(page), text: await textOf(page) });
    },
    events,
  );
}, 600_000);

test('every section has been opened', () => {
  const opened = new Set(found.map(({ route }) => route.split(/[/?]/)[1]));
  expect(SECTIONS.filter((section) => !opened.has(section))).toEqual([]);
});

test('axe finds nothing, in both themes, at 360 and 1280 px', () => {
  expect(byFinding(({ violations }) => violations)).toEqual({});
});

describe('canaries in names, ids, payloads, errors, notes and links', () => {
  test('are nowhere more than text', () => {
    expect(byFinding(({ alive }) => alive)).toEqual({});
  });

  test.each(Object.entries(CANARIES).filter(([name]) => name !== 'turned'))(
    'are shown as they are: %s',
    (_, canary) => {
      expect(found.some(({ text }) => text.includes(canary))).toBe(true);
    },
  );

  test('turn no text around them', () => {
    const turning = /[\u202A-\u202E\u2066-\u2069\u200E\u200F]/;
    expect(found.filter(({ text }) => turning.test(text)).map(({ route }) => route)).toEqual([]);
    expect(found.some(({ text }) => text.includes('txt.exe'))).toBe(true);
  });
});

/** Each finding with the first pages that have it. */
function byFinding(of: (findings: Findings) => readonly string[]): Record<string, string[]> {
  const pages: Record<string, string[]> = {};
  for (const findings of found) {
    for (const finding of of(findings)) {
      pages[finding] ??= [];
      if (pages[finding].length < 5) pages[finding].push(findings.route);
    }
  }
  return pages;
}

/** Elements and attributes that the dashboard never makes, so a canary must have made them. */
function aliveOn(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const isOurs = ({ src }: HTMLScriptElement) => new URL(src, 'none:').pathname.includes('/ui/assets/');
    const isHandler = ({ name }: Attr) => name.startsWith('on');
    return [...document.querySelectorAll('*')]
      .filter(
        (element) =>
          [...element.attributes].some(isHandler) ||
          (element instanceof HTMLScriptElement && !isOurs(element)) ||
          (element instanceof HTMLAnchorElement && !/^https?:$/.test(element.protocol)) ||
          /^(?:iframe|object|embed|base|form\[action\])$/i.test(element.tagName) ||
          (element instanceof HTMLImageElement && element.getAttribute('src') === 'x'),
      )
      .map((element) => element.outerHTML.slice(0, 200));
  });
}

function textOf(page: Page): Promise<string> {
  return page.evaluate(() => `${document.title}\n${document.body.textContent}`);
}
