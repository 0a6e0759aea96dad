import { beforeAll, expect, test } from '@jest/globals';
import type { Page } from 'playwright-core';
import { NonRetryableError, PostponeError } from '../../src/index.js';
import { runCommand } from '../support/command.js';
import { until } from '../support/until.js';
import { THEMES } from './stage/accessibility.js';
import { openOrders } from './stage/orders.js';
import { PATH } from './stage/shop.js';
import { onStage } from './stage/stage.js';

/* What must be seen without a search: who is behind and since when, what the doctor found, and where an error is from. */

const stage = onStage((database) =>
  openOrders(database, {
    subscribers: [
      {
        consumerName: 'stock',
        eventName: 'order.placed',
        handler: () => {
          throw new NonRetryableError('nothing is left');
        },
      },
      {
        consumerName: 'later',
        eventName: 'order.placed',
        handler: () => {
          throw new PostponeError(3_600_000, 'the bank is closed');
        },
      },
    ],
  }),
);

/** At seven positions a second, this many take seven seconds. */
const WAITING = 49;
let dead = '';

/** A consumer that no process works on. Its oldest event was published at two minutes past nine in the browser's zone. */
beforeAll(async () => {
  const { shop, database } = stage;
  [dead = ''] = await shop.place('order-1');
  await shop.has('stock', 'dead_letter', 1);
  await shop.settled();
  await database.pool.query(
    `INSERT INTO integration.outbox_event (event_name, source_module, aggregate_type, aggregate_id, created_at)
     SELECT 'slow.made', 'shop', 'thing', 't', CASE WHEN nine > now() - interval '5 minutes' THEN nine - interval '1 day' ELSE nine END
     FROM generate_series(1, ${WAITING}), (SELECT (date_trunc('day', now() AT TIME ZONE 'Europe/Berlin') + interval '9 hours 2 minutes')
       AT TIME ZONE 'Europe/Berlin' AS nine) AS t;
     INSERT INTO integration.inbox_cursor (consumer_name, event_names, unread)
     SELECT 'slow', '{slow.*}', int8multirange(int8range(min(position), NULL)) FROM integration.outbox_event WHERE event_name = 'slow.made'`,
  );
  await database.pool.query('DROP INDEX integration.integration_audit_at_idx');
});

/** What samples say of the last minute: seven positions a second, and nothing was published. */
const sample = () =>
  stage.database.pool.query(
    `DELETE FROM integration.integration_sample;
     INSERT INTO integration.integration_sample (at, consumer_name, partition, head, backlog, dead)
     SELECT now() - n * interval '10 seconds', 'slow', 0, 1000, ${WAITING} + 70 * n, 0 FROM generate_series(0, 4) AS n`,
  );

test('page, API and command say in the same words since when a consumer is behind, and that it is caught up in 7 s', async () => {
  const { page } = await stage.open('#/consumers/slow');
  const says = page.getByText(
    /^It is \d+ \w+( \d+ \w+)? behind, and caught up in about 7 s at this rate\. Behind since .*09:02:00\.$/,
  );
  // The process writes samples too, so these are written until the page has read them.
  await until('the page says it', async () => {
    await sample();
    return (await says.count()) > 0;
  });
  const sentence = (await says.textContent())?.replace(/ Behind since .*/, '') ?? '';
  const withoutAge = (text: string) => text.replace(/\d+ \w+( \d+ \w+)? behind/, 'behind');
  let since = '';
  await until('the API says it', async () => {
    await sample();
    const answer = await page.request.get(`${stage.shop.url}/${PATH}/consumers/slow/backlog`);
    const { backlog } = (await answer.json()) as { backlog: { says: string; lag: { since: string } } };
    since = backlog.lag.since.slice(0, 16);
    return withoutAge(backlog.says) === withoutAge(sentence);
  });
  await until('the command says it', async () => {
    await sample();
    const { stdout } = await runCommand(['consumers', 'show', 'slow'], stage.database);
    return withoutAge(stdout).includes(withoutAge(sentence)) && stdout.includes(`Behind since ${since}`);
  });
});

test('what handlers have put off is among the figures of a consumer, and its reason behind it', async () => {
  const { page } = await stage.open('#/consumers/later');
  const figure = page.getByRole('link', { name: /^Postponed/ });
  await figure.filter({ hasText: /^Postponed1$/ }).waitFor();
  await figure.click();
  const events = page.getByRole('table', { name: 'Postponed' });
  await events.getByRole('link', { name: 'order.placed' }).waitFor();
  await events.getByText('the bank is closed').first().waitFor();
  const { stdout } = await runCommand(['consumers', 'show', 'later'], stage.database);
  expect(stdout).toMatch(/^Postponed +1$/m);
});

/** The colour of a name of the style sheet, as the browser computes it. */
const colourOf = (page: Page, name: string) =>
  page.evaluate((variable) => {
    const probe = document.body.appendChild(document.createElement('i'));
    probe.style.color = `var(${variable})`;
    const { color } = getComputedStyle(probe);
    probe.remove();
    return color;
  }, name);

test('the map of the flow has a colour of its own for who is behind, in light and dark', async () => {
  const { page } = await stage.open('#/flow');
  const map = page.getByRole('region', { name: 'Map of the flow' });
  const strokeOf = (name: RegExp) =>
    map
      .getByRole('link', { name })
      .locator('rect')
      .evaluate((rect) => getComputedStyle(rect).stroke);
  const lineOf = (style: string) =>
    map
      .locator(`path.edge${style}`)
      .first()
      .evaluate((path) => getComputedStyle(path).stroke);
  for (const colorScheme of THEMES) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    expect(await strokeOf(/^slow: \d+ \w+.* behind/)).toBe(await colourOf(page, '--warn'));
    expect(await strokeOf(/^stock: 1 dead letter/)).toBe(await colourOf(page, '--bad'));
    const strokes = [
      await strokeOf(/^slow: /),
      await strokeOf(/^stock: /),
      await strokeOf(/^mail: /),
      await lineOf('.behind'),
      await lineOf('.dead-letters'),
      await lineOf('.in-time'),
    ];
    expect(new Set(strokes).size).toBe(strokes.length);
  }
});

test('a finding of the doctor is a line of what is wrong, with the words of the API and the command', async () => {
  const { page } = await stage.open('#/overview');
  const finding = await until('the doctor has found it', async () => {
    const answer = await page.request.get(`${stage.shop.url}/${PATH}/problems`);
    const { problems } = (await answer.json()) as {
      problems: { kind: string; check: string | null; says: string }[];
    };
    return problems.find(({ kind, check }) => kind === 'finding' && check === 'indexes');
  });
  const { stdout } = await runCommand(['problems'], stage.database);
  expect(stdout).toContain(finding.says);
  const wrong = page.getByRole('region', { name: 'What is wrong' });
  const line = wrong.getByRole('listitem').filter({ hasText: finding.says });
  await line.waitFor();
  expect(await line.count()).toBe(1);
});

test('a stack is set in letters of one width', async () => {
  const { page } = await stage.open(`#/events/${dead}`);
  await page.locator('summary').filter({ hasText: 'Attempt 1, ' }).click();
  const stack = page.getByRole('region', { name: 'Error of attempt 1' }).locator('pre');
  await stack.filter({ hasText: /nothing is left[\s\S]*\n\s+at / }).waitFor();
  const widths = await stack.evaluate((element) => {
    const letters = document.createElement('canvas').getContext('2d') as CanvasRenderingContext2D;
    letters.font = getComputedStyle(element).font;
    return ['iiiiiiii', 'MMMMMMMM'].map((text) => letters.measureText(text).width);
  });
  expect(widths[0]).toBeGreaterThan(0);
  expect(widths[0]).toBe(widths[1]);
});
