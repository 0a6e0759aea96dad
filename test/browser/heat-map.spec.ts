import { expect, test } from '@jest/globals';
import type { Page } from 'playwright-core';
import { THEMES, violationsOf } from './stage/accessibility.js';
import { openOrders } from './stage/orders.js';
import { onStage } from './stage/stage.js';

/**
 * There are three hundred consumers. Each has failed as often as its number says, in one of twenty hours. In the
 * hour before them nothing was done. Of the other hours nothing is known.
 */
const stage = onStage(async (database) => {
  await database.pool.query(`
    INSERT INTO integration.integration_work (consumer_name, at, process_id, upto, handled, failed, latency)
      SELECT 'consumer-' || n, at, gen_random_uuid(), at + interval '1 minute', n, n, ('{' || n || ',' || n % 3 || '}')::int[]
      FROM generate_series(1, 300) AS n
      CROSS JOIN LATERAL (SELECT date_trunc('hour', now()) - (1 + n % 20) * interval '1 hour' AS at) AS t`);
  await database.pool.query(`
    INSERT INTO integration.integration_sample (consumer_name, partition, at, head, backlog, dead)
      VALUES ('consumer-1', 0, date_trunc('hour', now()) - interval '21 hours', 1, 0, 0)`);
  return openOrders(database);
});

const LATENCY = 'Latency: from created to handled';
const FAILURES = 'Failed attempts, the worst first';
const figureOf = (page: Page, title: string) => page.getByRole('figure', { name: title, exact: true });

interface Map {
  readonly steps: { readonly at: string; readonly latency: number[] | null }[];
  readonly failing: { readonly consumerName: string; readonly steps: (number | null)[] }[];
  readonly others: { readonly steps: (number | null)[] };
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
      Array.from({ length: 16 }, (_, index) =>
        map.steps.map(({ latency }) => latency && (latency[index] ?? 0)),
      ).reverse(),
    ],
  ] as const) {
    const figure = figureOf(page, title);
    const image = figure.getByRole('img');
    await image.focus();
    await page.keyboard.press('ArrowRight');
    const said: (number | null)[] = [];
    const colours: (string | undefined)[] = [];
    // The cells of the first row, from the last step back to the first one.
    for (let n = 0; n < map.steps.length; n++) {
      said.unshift(
        figureIn(await figure.getByRole('status').textContent(), /: (no data|[\d,]+(?= events| failed))/),
      );
      colours.unshift((await figure.locator('rect.here').getAttribute('class'))?.match(/heat-(\w+)/)?.[1]);
      await page.keyboard.press('ArrowLeft');
    }
    expect(said).toEqual(rows?.[0]);
    expect(new Set(said.map((value) => value === null)).size).toBe(2);
    for (const [n, value] of said.entries()) {
      if (value === null || value === 0) expect([n, colours[n]]).toEqual([n, value === null ? 'none' : '0']);
      else expect([n, Number(colours[n]) > 0]).toEqual([n, true]);
    }
    // The strongest colour is that of the largest figure, and the figure of a stronger one is never smaller.
    const all = await figure
      .locator('svg rect')
      .evaluateAll((cells) => cells.map((cell) => cell.classList[0]));
    const drawn = title === FAILURES ? [...(rows ?? []), map.others.steps] : (rows ?? []);
    const levels = drawn.flatMap((values, y) =>
      values.map((value, x) => ({
        value: value ?? -1,
        level: Number(all[y * values.length + x]?.replace('heat-', '').replace('none', '-1')),
      })),
    );
    levels.sort((a, b) => a.value - b.value);
    expect(levels).toHaveLength(all.length);
    expect(levels.at(-1)?.level).toBe(5);
    expect(levels.map(({ level }) => level)).toEqual(levels.map(({ level }) => level).sort((a, b) => a - b));
    await figure.getByRole('button', { name: 'As table' }).click();
    const shown = await figure
      .locator('tbody tr')
      .evaluateAll((all) =>
        all.map((row) =>
          [...row.querySelectorAll('td')].map((cell) =>
            cell.textContent === 'no data' ? null : Number(cell.textContent?.replace(',', '')),
          ),
        ),
      );
    expect(shown.slice(0, rows?.length)).toEqual(rows);
  }
});

/** The figure in a text. Null where it says that there is none. */
function figureIn(text: string | null, pattern: RegExp): number | null {
  const found = text?.match(pattern)?.[1];
  return found === 'no data' ? null : Number(found?.replace(',', ''));
}

test('more is a stronger colour, in light and dark, and no data is a colour of its own', async () => {
  const { page } = await stage.open('#/heat');
  const figure = figureOf(page, FAILURES);
  await figure.getByRole('img').waitFor();
  for (const colorScheme of THEMES) {
    await page.emulateMedia({ colorScheme });
    // A cell that is asked for each colour: not each of them is in this map.
    const contrasts = await figure.locator('svg').evaluate((svg) => {
      const light = (colour: string): number => {
        const parts = (colour.match(/[\d.]+/g) ?? []).slice(0, 3).map(Number);
        const [r = 0, g = 0, b = 0] = parts.map((part) => {
          const share = colour.startsWith('rgb') ? part / 255 : part;
          return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
        });
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
      };
      const ground = light(getComputedStyle(svg).backgroundColor);
      const cell = svg.querySelector('rect') as SVGRectElement;
      return ['none', 1, 2, 3, 4, 5].map((level) => {
        cell.setAttribute('class', `heat-${level}`);
        const colour = light(getComputedStyle(cell).fill);
        return (Math.max(colour, ground) + 0.05) / (Math.min(colour, ground) + 0.05);
      });
    });
    const [none = 0, ...levels] = contrasts;
    expect(none).toBeGreaterThan(1.1);
    expect(levels).toEqual([...levels].sort((a, b) => a - b));
    expect(levels.at(-1)).toBeGreaterThan(4.5);
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

test('what was changed is a mark in both maps, at the step of its time', async () => {
  await stage.database.pool.query(
    `INSERT INTO integration.integration_audit (at, actor, via, action, target, outcome)
     VALUES (now(), 'ben', 'service', 'consumers.pause', 'consumer/billing', 'done')`,
  );
  const { page } = await stage.open('#/heat');
  for (const title of [LATENCY, FAILURES]) {
    const figure = figureOf(page, title);
    await figure.getByRole('img', { name: /\d+ changes? marked\./ }).waitFor();
    expect(await figure.locator('.heat-mark').count()).toBeGreaterThan(0);
    await figure.getByRole('img').focus();
    await page.keyboard.press('ArrowLeft');
    await figure.getByText(/ben paused consumer billing/).waitFor();
  }
});
