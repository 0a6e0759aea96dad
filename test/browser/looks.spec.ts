import { beforeAll, expect, test } from '@jest/globals';
import type { Locator, Page } from 'playwright-core';
import { ConsumerService, NonRetryableError } from '../../src/index.js';
import { TEST_LOGGER } from '../support/log-lines.js';
import { until } from '../support/until.js';
import { SCREENS, THEMES } from './stage/accessibility.js';
import { openPage } from './stage/every-page.js';
import { ids, openOrders } from './stage/orders.js';
import { searchBox } from './stage/search-box.js';
import { PATH } from './stage/shop.js';
import { onStage } from './stage/stage.js';

/*
 * What somebody on call looks for is seen and can be used: on a phone, a tablet, half a screen and a wide one, in
 * light and dark. That no page is wider than its window is held by widths.spec.ts, and axe by every-page.spec.ts.
 */

const stage = onStage((database) =>
  openOrders(database, {
    subscribers: [
      {
        consumerName: 'stock',
        eventName: 'order.placed',
        transactional: true,
        handler: ({ aggregateId }: { aggregateId: string }, { logger }) => {
          logger.log(`reserves ${aggregateId}`);
          if (aggregateId === 'order-1') throw new NonRetryableError('nothing is left');
        },
      },
    ],
    engine: { handlerLines: { redact: (text) => text } },
    // Without a logger nothing is written, and so nothing is kept.
    prepare: (app) => app.useLogger(TEST_LOGGER),
  }),
);

let dead = '';
let waiting = '';

beforeAll(async () => {
  const { shop, database } = stage;
  await database.pool.query(`
    INSERT INTO integration.integration_work (consumer_name, at, process_id, upto, handled, failed, latency)
      SELECT 'billing', at, gen_random_uuid(), at + interval '1 minute', n * 60, n, ('{' || n * 60 || repeat(',0', 15) || '}')::int[]
      FROM generate_series(2, 40) AS n CROSS JOIN LATERAL (SELECT date_trunc('minute', now()) - n * interval '1 minute' AS at) AS t`);
  shop.receiver.refuse(...ids('order', 3));
  [dead = ''] = await shop.place(...ids('order', 3));
  await shop.has('billing', 'dead_letter', 3);
  await shop.has('stock', 'dead_letter', 1);
  await shop.settled();
  const consumers = shop.app.get(ConsumerService, { strict: false });
  await consumers.pause('mail', { by: 'anna', reason: 'the mail server moves' });
  await until('nobody works on it', async () => {
    const { rows } = await database.pool.query(
      `SELECT FROM integration.inbox_cursor WHERE consumer_name = 'mail' AND lease_owner IS NULL`,
    );
    return rows.length === 1;
  });
  const { outboxEventId } = await shop.api.publishEvent({
    eventName: 'parcel.sent',
    sourceModule: 'shipping',
    aggregateType: 'parcel',
    aggregateId: 'waits',
    payload: {},
  });
  waiting = outboxEventId;
});

interface Look {
  readonly route: () => string;
  /** What has to be done first, at each size. */
  readonly open?: (page: Page) => Promise<void>;
  /** What is looked for, and what is pressed. */
  readonly things: (page: Page) => readonly Locator[];
}

const inDialog = (name: string | RegExp) => async (page: Page) => {
  await page.getByRole('main').getByRole('button', { name }).first().click();
  await page.getByRole('dialog').waitFor();
};
const figure = (page: Page, name: string) => page.getByRole('figure', { name, exact: true }).getByRole('img');

const LOOKS: Readonly<Record<string, Look>> = {
  'why an event waits, with its button': {
    route: () => `#/events/${waiting}`,
    things: (page) => [
      page.getByText(/mail was paused by anna .*the mail server moves/),
      page.getByRole('button', { name: 'Resume mail' }),
    ],
  },
  'problems by cause': {
    route: () => '#/overview',
    things: (page) => [
      page.getByText('out for lunch').first(),
      page.getByRole('link', { name: /^See why: / }).first(),
    ],
  },
  'charts on one axis of time': {
    route: () => '#/overview?hours=1',
    things: (page) => [figure(page, 'Events per second')],
  },
  'heat maps': {
    route: () => '#/heat',
    things: (page) => [
      figure(page, 'Latency: from created to handled'),
      figure(page, 'Failed attempts, the worst first'),
    ],
  },
  'the flow': {
    route: () => '#/flow',
    things: (page) => [
      page.getByRole('region', { name: 'Map of the flow' }).getByRole('link', { name: /^shop/ }).first(),
    ],
  },
  'a redrive, as a dialog': {
    route: () => '#/dead-letters?consumer=billing',
    open: async (page) => {
      if ((await page.getByRole('button', { name: /^Send all/ }).count()) === 0)
        await page
          .getByRole('main')
          .getByRole('link', { name: /out for lunch/ })
          .click();
      await inDialog(/^Send all/)(page);
    },
    things: (page) => [
      page.getByRole('dialog').getByRole('textbox', { name: /^Stop above/ }),
      page.getByRole('dialog').getByRole('button', { name: /^Send \d events again|^Count them/ }),
    ],
  },
  'copy as, as a dialog': {
    route: () => `#/events/${dead}`,
    open: inDialog('Copy as'),
    things: (page) => [page.getByRole('dialog').getByRole('button', { name: 'Copy: ' })],
  },
  'a rehearsal, as a dialog': {
    route: () => `#/events/${dead}`,
    open: inDialog('Rehearse it at stock'),
    things: (page) => [page.getByRole('dialog').getByRole('button', { name: 'Rehearse', exact: true })],
  },
  'what is to read, of all and of one': {
    route: () => '#/overview',
    things: (page) => [page.getByText('Events to read').first()],
  },
  'the state of each event in a list, and a group': {
    route: () => '#/events',
    things: (page) => [page.getByRole('main').locator('[data-head="State"] .mark').first()],
  },
  'what is sent again from where it is seen': {
    route: () => '#/entities/order/order-2',
    things: (page) => [page.getByRole('button', { name: /^Replay this entity/ }).first()],
  },
  'a setting that is typed': {
    route: () => '#/settings',
    open: (page) => page.getByLabel('batchSize', { exact: true }).fill('44'),
    things: (page) => [page.getByRole('button', { name: /^Store/ }).first()],
  },
  'a correction, as a dialog': {
    route: () => `#/events/${dead}`,
    open: inDialog(/^Correct it for billing/),
    things: (page) => [
      page.getByRole('dialog').getByRole('textbox', { name: 'Payload' }),
      page.getByRole('dialog').getByRole('button', { name: 'Publish the corrected event' }),
    ],
  },
  'a payload with its tools': {
    route: () => `#/events/${dead}`,
    things: (page) => [page.getByRole('searchbox', { name: /^Find in: Text of the payload/ })],
  },
  'lines of the handler': {
    route: () => `#/events/${dead}`,
    open: async (page) => {
      if ((await page.getByText('reserves order-1').count()) > 0) return;
      await page.locator('summary').filter({ hasText: 'of its logger' }).first().click();
    },
    things: (page) => [page.getByText('reserves order-1').first()],
  },
  'the search': {
    route: () => '#/events?about=order-2',
    things: (page) => [
      searchBox(page),
      page.getByRole('main').getByRole('link', { name: 'order.placed' }).first(),
    ],
  },
  'a journey': {
    route: () => `#/events/${dead}/journey`,
    things: (page) => [
      // The picture scrolls in its own box.
      page.getByRole('region', { name: 'Picture of the journey' }),
      page.getByRole('region', { name: 'In words' }).getByRole('link').first(),
    ],
  },
  'many consumers, chosen and in an order': {
    route: () => '#/consumers',
    open: (page) => page.getByRole('checkbox', { name: 'Select billing' }).check(),
    things: (page) => [page.getByRole('button', { name: 'Pause 1 consumer' })],
  },
  'a wall page': {
    route: () => '#/wall',
    things: (page) => [
      page.getByText('out for lunch').first(),
      page.getByRole('link', { name: 'Back to the dashboard' }),
    ],
  },
  'an incident': {
    route: () => '#/incident',
    things: (page) => [
      page.getByRole('button', { name: 'Print' }),
      page.getByRole('table', { name: 'Causes' }).getByRole('link', { name: /out for lunch/ }),
      page.getByRole('table', { name: 'Failed attempts' }).getByRole('link', { name: 'billing' }),
    ],
  },
};

test.each(Object.entries(LOOKS))(
  '%s: seen and in reach at each width, in light and dark',
  async (_, { route, open, things }) => {
    const { shop } = stage;
    const { page } = await stage.open();
    await openPage(page, `${shop.url}/${PATH}/ui`, route());
    for (const width of SCREENS) {
      await page.setViewportSize({ width, height: 900 });
      await open?.(page);
      for (const colorScheme of THEMES) {
        await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
        for (const thing of things(page)) {
          // It is there, stands still, and nothing covers the place that is pressed.
          await thing.click({ trial: true });
          const { x = -1, width: wide = 0 } = (await thing.boundingBox()) ?? {};
          const right = x + Math.min(wide, width);
          expect([String(thing), width, colorScheme, x >= 0 && right <= width]).toEqual([
            String(thing),
            width,
            colorScheme,
            true,
          ]);
        }
      }
      if (await page.getByRole('dialog').isVisible()) await page.keyboard.press('Escape');
    }
  },
);

test('an incident fits on paper: nothing is cut off, nothing to press, days in its times, and dark letters on white', async () => {
  const { page } = await stage.open('#/incident', { colorScheme: 'dark' });
  await page.getByRole('table', { name: 'Causes' }).getByText('out for lunch').waitFor();
  await page.getByRole('table', { name: 'Failed attempts' }).getByText('billing').waitFor();
  // A4 without its margins, in pixels of CSS.
  await page.setViewportSize({ width: 718, height: 1_046 });
  await page.emulateMedia({ media: 'print', colorScheme: 'dark' });
  for (const hidden of ['navigation', 'banner', 'searchbox', 'button'] as const)
    expect([hidden, await page.getByRole(hidden).count()]).toEqual([hidden, 0]);
  for (const field of ['From', 'Until']) expect(await page.getByLabel(field).isVisible()).toBe(false);
  const { cut, letters, ground, day } = await page.evaluate(() => ({
    cut: [...document.querySelectorAll('main *')]
      .filter((element) => element.getBoundingClientRect().right > innerWidth + 1)
      .map((element) => element.outerHTML.slice(0, 120)),
    letters: getComputedStyle(document.body).color,
    ground: getComputedStyle(document.querySelector('.panel') as Element).backgroundColor,
    day: getComputedStyle(document.querySelector('.time') as Element, '::after').content,
  }));
  expect(cut).toEqual([]);
  const sum = (colour: string) =>
    (colour.match(/\d+/g) ?? []).slice(0, 3).reduce((all, each) => all + Number(each), 0);
  expect(sum(letters)).toBeLessThan(200);
  expect(sum(ground)).toBeGreaterThan(700);
  expect(day).toContain(String(new Date().getFullYear()));
});
