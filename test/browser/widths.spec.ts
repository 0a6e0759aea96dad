import { beforeAll, expect, test } from '@jest/globals';
import { tooWideAt } from './stage/accessibility.js';
import { everyPage } from './stage/every-page.js';
import { ids, openOrders } from './stage/orders.js';
import { PATH } from './stage/shop.js';
import { onStage } from './stage/stage.js';

/** From the narrowest phone to a wide screen, with both sides of each width at which the page changes its layout. */
const WIDTHS = [
  320, 344, 390, 430, 479, 480, 540, 600, 680, 720, 760, 761, 768, 800, 834, 900, 960, 1_000, 1_024, 1_080,
  1_120, 1_170, 1_171, 1_240, 1_280, 1_366, 1_440, 1_920, 2_560,
] as const;
/** As long as an id may be, without a place at which it could be broken. */
const LONG_ID = 'x'.repeat(255);

const stage = onStage(openOrders);
const tooWide: Record<string, readonly number[]> = {};

beforeAll(async () => {
  const { shop, database } = stage;
  shop.receiver.refuse(...ids('order', 3), LONG_ID);
  const [long = ''] = await shop.place(LONG_ID, ...ids('order', 3));
  await shop.has('billing', 'dead_letter', 4);
  await shop.settled();
  // Times of another day take more room.
  await database.pool.query(
    `UPDATE integration.inbox_event SET updated_at = now() - interval '3 days', processed_at = now() - interval '3 days'`,
  );
  const { page } = await stage.open();
  await everyPage(
    page,
    `${shop.url}/${PATH}/ui`,
    async (route) => {
      tooWide[route] = await tooWideAt(page, WIDTHS);
    },
    [`#/events/${long}`, `#/entities/order/${LONG_ID}`, `#/events?aggregateId=${LONG_ID}`],
    1,
  );
}, 300_000);

test('no page has to be scrolled sideways, from 320 to 2,560 px, and a long id tears none', () => {
  expect(Object.keys(tooWide).length).toBeGreaterThan(12);
  expect(Object.entries(tooWide).filter(([, widths]) => widths.length > 0)).toEqual([]);
});
