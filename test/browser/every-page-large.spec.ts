import { expect, test } from '@jest/globals';
import type { Page } from 'playwright-core';
import { median } from '../../proof/harness/median.js';
import { fillBigDatabase } from '../../proof/ops/big-database.js';
import { everyPage } from './stage/every-page.js';
import { openOrders } from './stage/orders.js';
import { PATH } from './stage/shop.js';
import { onStage } from './stage/stage.js';

/* Every page with as much of everything as the largest users have. `npm run test:browser -- --large` runs it. */

const MUCH = { events: 5_000_000, consumers: 300, dead: 26_000, kinds: 300, full: true };
const MOST_MS = 1_000;
/** The search for the pages has opened each of them once before. */
const OPENINGS = 5;
/** Of single events, kinds and the like one is opened. */
const OF_A_KIND = 1;
const LARGE_ENTITY = '#/entities/thing/hot';

const stage = onStage(async (database) => {
  await fillBigDatabase({ query: (sql, values) => database.pool.query(sql, values) }, MUCH);
  return openOrders(database);
}, 1_800_000);

/** How long a page took, and the slowest answer among those that it waited for. */
interface Opening {
  readonly ms: number;
  readonly slowest: string;
}

test('every page stands within a second of its opening', async () => {
  const { page } = await stage.open();
  const dashboard = `${stage.shop.url}/${PATH}/ui`;
  const routes = await everyPage(page, dashboard, async () => {}, [LARGE_ENTITY], OF_A_KIND);
  const slow: Record<string, number> = {};
  for (const route of routes) {
    const openings: Opening[] = [];
    for (let opening = 0; opening < OPENINGS; opening++) openings.push(await opened(page, dashboard, route));
    const ms = Math.round(median(openings.map((opening) => opening.ms)));
    process.stderr.write(`${route}: ${ms} ms, ${openings.at(-1)?.slowest}\n`);
    if (ms > MOST_MS) slow[route] = ms;
  }
  expect(slow).toEqual({});
}, 1_800_000);

/** From the beginning of the navigation until nothing of the page is read any more. The page itself looks, in each of its frames. */
async function opened(page: Page, dashboard: string, route: string): Promise<Opening> {
  await page.goto('about:blank');
  await page.goto(`${dashboard}${route}`, { waitUntil: 'commit' });
  const opening = await page.waitForFunction(() => {
    const calls = performance
      .getEntriesByType('resource')
      .filter(
        ({ name }) => !name.includes('/ui/') && !name.endsWith('/stream'),
      ) as PerformanceResourceTiming[];
    const isLoading = document.querySelector('main .loading, main [aria-busy="true"]') !== null;
    if (document.querySelector('main h1') === null || isLoading || calls.length === 0) return;
    const [slowest] = calls.sort((a, b) => b.duration - a.duration);
    return {
      ms: performance.now(),
      slowest: `${new URL(slowest?.name ?? '').pathname} ${Math.round(slowest?.duration ?? 0)} ms`,
    };
  });
  return (await opening.jsonValue()) as Opening;
}
