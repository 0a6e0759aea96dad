import { beforeAll, expect, test } from '@jest/globals';
import type { Locator, Page } from 'playwright-core';
import { until } from '../support/until.js';
import { atRest, everyPage, openPage } from './stage/every-page.js';
import { ids, openOrders } from './stage/orders.js';
import { PATH } from './stage/shop.js';
import { onStage } from './stage/stage.js';

const stage = onStage(openOrders);

beforeAll(async () => {
  const { shop, database } = stage;
  shop.receiver.refuse(...ids('order', 2));
  await shop.place(...ids('order', 2), 'handled');
  await shop.has('billing', 'dead_letter', 2);
  await database.pool.query(
    `INSERT INTO integration.integration_audit (actor, via, action, target, outcome)
     VALUES ('eve@shop.example', 'rest', 'consumers.pause', 'consumer/mail', 'done'), ('ada@shop.example', 'rest', 'consumers.pause', 'consumer/billing', 'done')`,
  );
  await database.pool.query(
    `INSERT INTO integration.integration_operation (kind, state, filter, planned_events, requested_by, via)
     VALUES ('redrive', 'done', '{"consumerName": "billing"}', 1, 'ada@shop.example', 'rest')`,
  );
  // A finding of the doctor that is only a warning, and a setting that is not what it usually is.
  await database.pool.query(
    `INSERT INTO integration.integration_setting (key, value) VALUES ('pollingIntervalMs', '-1')`,
  );
});

interface List {
  readonly route: string;
  /** Fields of the filter with what is put into them, and what is then in the URL. */
  readonly filter: readonly (readonly [label: string, value: string, inUrl: RegExp])[];
  /** What the list has with the filter, and what it has only without it. */
  readonly has: string | RegExp;
  readonly hasNot: string | RegExp;
}

const LISTS: readonly List[] = [
  {
    route: '#/consumers',
    filter: [
      ['Name contains', 'bill', /name=bill/],
      ['State', 'working', /state=working/],
      ['Order', 'deadLetters', /order=deadLetters/],
    ],
    has: 'billing',
    hasNot: 'shipping',
  },
  {
    route: '#/dead-letters',
    filter: [
      ['Consumer', 'mail', /consumer=mail/],
      ['Error contains', 'no such error', /error=no\+such\+error/],
    ],
    has: 'No kind of failure has such an error.',
    hasNot: /out for lunch/,
  },
  {
    route: '#/events',
    filter: [
      ['Event name', 'parcel.*', /name=parcel/],
      ['Module', 'shipping', /module=shipping/],
      ['From', '2020-01-02T03:04:05', /from=2020-01-02T02%3A04%3A05/],
    ],
    has: 'parcel.sent',
    hasNot: 'order.placed',
  },
  {
    route: '#/flow',
    filter: [
      ['Module', 'shipping', /module=shipping/],
      ['Event name', 'parcel.*', /name=parcel/],
      ['Consumer', 'mail', /consumer=mail/],
    ],
    // Names in the picture are found by their titles, which nobody sees.
    has: 'The same as tables: 1 name, 1 consumer',
    hasNot: /^The same as tables: (?!1 name)/,
  },
  {
    route: '#/operations',
    filter: [['State', 'failed', /state=failed/]],
    has: 'No operation is like that.',
    hasNot: /^Send again/,
  },
  {
    route: '#/settings',
    filter: [
      ['Text contains', 'maxAtt', /name=maxAtt/],
      ['Which', 'changed', /kind=changed/],
    ],
    has: 'maxAttempts',
    hasNot: 'processingLeaseMs',
  },
  {
    route: '#/audit',
    filter: [
      ['Who', 'eve@shop.example', /actor=eve/],
      ['Outcome', 'done', /outcome=done/],
      ['Until', '2099-01-02T03:04:05', /to=2099-01-02T02%3A04%3A05/],
    ],
    has: 'eve@shop.example',
    hasNot: 'ada@shop.example',
  },
  {
    route: '#/processes',
    filter: [
      ['Host or consumer', 'no such host', /text=no\+such\+host/],
      ['State', 'gone', /state=gone/],
    ],
    has: 'No process matches the filter.',
    hasNot: /^Role /,
  },
  {
    route: '#/doctor',
    filter: [['Severity', 'critical', /severity=critical/]],
    has: 'No finding matches the filter.',
    hasNot: 'What was found',
  },
  {
    route: '#/incident',
    filter: [['From', '2099-01-02T03:04:05', /from=2099-01-02T02%3A04%3A05/]],
    has: 'Nobody has changed anything in this time.',
    hasNot: 'eve@shop.example',
  },
];

test('every page with a filter is among those of this file', async () => {
  const { page } = await stage.open();
  const filtered = new Set<string>();
  await everyPage(page, `${stage.shop.url}/${PATH}/ui`, async (route) => {
    if ((await page.locator('main form.filter').count()) > 0) filtered.add(route.split('?', 1)[0] ?? '');
  });
  expect([...filtered].sort()).toEqual(LISTS.map(({ route }) => route).sort());
}, 300_000);

test.each(LISTS)(
  'the filter of $route stands in the URL: reload, back, forward and a link keep it',
  async ({ route, filter, has, hasNot }) => {
    const { page } = await stage.open(route);
    await atRest(page);
    const main = page.getByRole('main');
    await main.getByText(hasNot).first().waitFor();
    for (const [label, value] of filter) await set(fieldOf(page, label), value);
    await main.getByRole('button', { name: 'Filter', exact: true }).click();
    for (const [, , inUrl] of filter) await page.waitForURL(inUrl);
    const address = page.url();
    await isFiltered(page, filter, has, hasNot);

    await page.reload();
    await isFiltered(page, filter, has, hasNot);
    // Somebody else gets the same by the link.
    const { page: theirs } = await stage.open(address.slice(address.indexOf('#')));
    await isFiltered(theirs, filter, has, hasNot);

    await page.evaluate(() => {
      location.hash = '#/overview';
    });
    await page.getByRole('heading', { level: 1, name: 'Overview' }).waitFor();
    await page.goBack();
    await isFiltered(page, filter, has, hasNot);
    await main.getByRole('button', { name: 'Clear', exact: true }).click();
    await page.waitForURL((url) => url.hash === route);
    for (const [label] of filter) await untilValue(fieldOf(page, label), '');
    await page.goBack();
    await isFiltered(page, filter, has, hasNot);
    await page.goForward();
    for (const [label] of filter) await untilValue(fieldOf(page, label), '');
  },
);

test('the state of a backlog and the time of its charts stand in the URL, and neither changes the other', async () => {
  const { page } = await stage.open('#/consumers/billing?hours=6');
  await atRest(page);
  const main = page.getByRole('main');
  await main.getByRole('link', { name: /^Dead letters/ }).click();
  await page.waitForURL(/hours=6.*state=dead|state=dead.*hours=6/);
  const rows = main.getByRole('table', { name: 'Dead letters' }).getByRole('row');
  await rows.nth(2).waitFor();
  await main.getByRole('combobox', { name: /Charts show/ }).selectOption({ label: 'last 24 hours' });
  await page.waitForURL(/hours=24/);
  expect(page.url()).toContain('state=dead');
  await page.reload();
  await rows.nth(2).waitFor();
  expect(await main.getByRole('combobox', { name: /Charts show/ }).inputValue()).toBe('24');
  await page.goBack();
  await untilValue(main.getByRole('combobox', { name: /Charts show/ }), '6');
});

test('a page of a list stands in the URL', async () => {
  await stage.database.pool.query(
    `INSERT INTO integration.integration_audit (actor, via, action, target, outcome)
     SELECT 'ben@shop.example', 'rest', 'consumers.pause', 'consumer/mail', 'done' FROM generate_series(1, 60)`,
  );
  await openPageOf('#/audit?actor=ben%40shop.example');
});

async function openPageOf(route: string): Promise<void> {
  const { page } = await stage.open(route);
  await openPage(page, `${stage.shop.url}/${PATH}/ui`, route);
  const pager = page.getByRole('navigation', { name: 'Pages of the list' });
  await pager.getByRole('link', { name: 'Next page' }).click();
  await page.waitForURL(/after=/);
  await pager.getByText('10 on this page').waitFor();
  await page.reload();
  await pager.getByText('10 on this page').waitFor();
  await page.goBack();
  await pager.getByText('50 on this page').waitFor();
  expect(page.url()).not.toContain('after=');
}

function fieldOf(page: Page, label: string): Locator {
  return page.locator('main form.filter').getByLabel(label, { exact: true });
}

async function set(field: Locator, value: string): Promise<void> {
  const isChoice = await field.evaluate((element) => element instanceof HTMLSelectElement);
  if (isChoice) await field.selectOption(value);
  else await field.fill(value);
}

async function untilValue(field: Locator, value: string): Promise<void> {
  await until(`${field} is ${JSON.stringify(value)}`, async () => (await field.inputValue()) === value);
}

async function isFiltered(
  page: Page,
  filter: List['filter'],
  has: List['has'],
  hasNot: List['hasNot'],
): Promise<void> {
  for (const [label, value] of filter) await untilValue(fieldOf(page, label), value);
  const main = page.getByRole('main');
  await main.getByText(has).first().waitFor();
  await main.getByText(hasNot).first().waitFor({ state: 'hidden' });
}
