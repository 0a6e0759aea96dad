import { expect, test } from '@jest/globals';
import type { Page } from 'playwright-core';
import { violationsOf } from './stage/accessibility.js';
import { openOrders } from './stage/orders.js';
import { onStage } from './stage/stage.js';

/** There are three hundred consumers. Each has failed as often as its number says, in some hour. */
const stage = onStage(async (database) => {
  await database.pool.query(`
    INSERT INTO integration.integration_work (consumer_name, at, process_id, upto, handled, failed, latency)
      SELECT 'consumer-' || n, at, gen_random_uuid(), at + interval '1 minute', n, n, ('{' || n || ',' || n % 3 || '}')::int[]
      FROM generate_series(1, 300) AS n
      CROSS JOIN LATERAL (SELECT date_trunc('hour', now()) - (1 + n % 20) * interval '1 hour' AS at) AS t`);
  return openOrders(database);
});

const LATENCY = 'Latency: from created to handled';
const FAILURES = 'Failed attempts, the worst first';
const figureOf = (page: Page, title: string) => page.getByRole('figure', { name: title, exact: true });

interface Map {
  readonly steps: { readonly at: string; readonly latency: number[] }[];
  readonly failing: { readonly consumerName: string; readonly steps: number[] }[];
}
const mapOf = (page: Page): Promise<Map> =>
  page.evaluate(async () => {
    const { pathname } = location;
    const answer = await fetch(`${pathname.slice(0, pathname.indexOf('/ui'))}/heat`);
    return answer.json();
  });

test('picture and table agree with each other and with the API', async () => {
  const { page } = await stage.open('#/heat');
  const map = await mapOf(page);
  for (const [title, rows] of [
    [FAILURES, map.failing.map(({ steps }) => steps)],
    [
      LATENCY,
      map.steps[0]?.latency.map((_, index) => map.steps.map(({ latency }) => latency[index])).reverse(),
    ],
  ] as const) {
    const figure = figureOf(page, title);
    const image = figure.getByRole('img');
    await image.focus();
    await page.keyboard.press('ArrowRight');
    const said: number[] = [];
    const darkness: number[] = [];
    // The cells of the first row, from the last step back to the first one.
    for (let n = 0; n < map.steps.length; n++) {
      said.unshift(
        Number(
          (await figure.getByRole('status').textContent())
            ?.match(/: ([\d,]+) (?:events|failed)/)?.[1]
            ?.replace(',', ''),
        ),
      );
      darkness.unshift(
        Number((await figure.locator('rect.here').getAttribute('class'))?.match(/heat-(\d)/)?.[1]),
      );
      await page.keyboard.press('ArrowLeft');
    }
    expect(said).toEqual(rows?.[0]);
    for (const [n, value] of said.entries()) expect([n, (darkness[n] ?? 0) > 0]).toEqual([n, value > 0]);
    await figure.getByRole('button', { name: 'As table' }).click();
    const shown = await figure
      .locator('tbody tr')
      .evaluateAll((all) =>
        all.map((row) =>
          [...row.querySelectorAll('td')].map((cell) => Number(cell.textContent?.replace(',', ''))),
        ),
      );
    expect(shown.slice(0, rows?.length)).toEqual(rows);
  }
});

test('300 consumers are readable: the worst first, the others folded, and all of them by a press', async () => {
  const { page } = await stage.open('#/heat');
  const figure = figureOf(page, FAILURES);
  const names = () => figure.getByRole('listitem').allTextContents();
  await figure.getByText('consumer-300', { exact: true }).waitFor();
  const first = await names();
  expect([first.length, first[0], first.at(-1)]).toEqual([21, 'consumer-300', '280 others']);
  await page.getByRole('button', { name: 'Show them as well' }).click();
  await figure.getByText('consumer-1', { exact: true }).waitFor();
  expect((await names()).length).toBe(300);
});

test('is readable in light and dark, at a narrow and a wide width, as picture and as table', async () => {
  const { page } = await stage.open('#/heat');
  await figureOf(page, LATENCY).getByRole('img').waitFor();
  expect(await violationsOf(page)).toEqual([]);
  for (const title of [LATENCY, FAILURES])
    await figureOf(page, title).getByRole('button', { name: 'As table' }).click();
  expect(await violationsOf(page)).toEqual([]);
});

test('the failures of a window that was dragged are a link away', async () => {
  const { page } = await stage.open('#/heat');
  const figure = figureOf(page, FAILURES);
  await figure.getByRole('img').focus();
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  await page.getByRole('link', { name: 'Failures', exact: true }).click();
  await page.waitForURL(/#\/heat\?from=.*&to=/);
  await page.getByText('See the last 24 hours').waitFor();
});
