import { createHmac } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { githubSource, IncomingWebhookService, WebhooksModule } from 'nestjs-integration/webhooks';
import type { Page } from 'playwright-core';
import { ConsumerService, IntegrationSettingsService } from '../../src/index.js';
import { Outage } from '../support/outage.js';
import type { TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';
import { atRest } from './stage/every-page.js';
import { Hands } from './stage/hands.js';
import { LARGE } from './stage/many-dead-letters.js';
import { openOrders } from './stage/orders.js';
import { openShop, READER } from './stage/shop.js';
import { type OpenOptions, onStage } from './stage/stage.js';
import { TaskTable } from './stage/task-table.js';

/*
 * What somebody on call does, from the overview on. The guide has a table of these tasks: each has the number of
 * clicks that stands there. `npm run test:browser -- --large` has the group of 10,000, and with
 * TASK_SECONDS=write the seconds are written into the guide.
 */

const GROUP = LARGE ? 10_000 : 300;
/** So slow that the group is under way for a while. */
const RATE = LARGE ? '50' : '2';
const ERROR = 'The receiver answered 503: out for lunch';
const TRACE = '0af7651916cd43dd8448eb211c80319c';
const WEEK = 'last 7 days';

const stage = onStage(async (database) => {
  await fill(database);
  return openOrders(database, {
    subscribers: [
      { consumerName: 'ledger', eventName: 'entry.*', handler: () => {} },
      { consumerName: 'letters', eventName: 'letter.*', handler: () => {} },
      {
        consumerName: 'bank',
        eventName: 'payment.*',
        handler: (_, { attempt }) => {
          throw new Error(attempt === 1 ? 'the bank is away' : 'refused by the bank');
        },
      },
    ],
    imports: [WebhooksModule.forRoot({ incoming: { sources: [githubSource({ secrets: 'of github' })] } })],
    admin: { links: { trace: 'https://traces.example.com/trace/{traceId}' } },
  });
});

/**
 * The log has a week of 27,000 events an hour. `ledger` has a group of dead letters. `reports` has three events
 * of two hours ago, and no process has its handler.
 */
async function fill({ pool }: TestDatabase): Promise<void> {
  await pool.query(
    `INSERT INTO integration.integration_hour (consumer_name, at, handled, failed, latency)
     SELECT name, date_trunc('hour', now()) - n * interval '1 hour', 27000, 0, '{}'
     FROM generate_series(1, 168) AS n, unnest(ARRAY['', 'billing']) AS name`,
  );
  await pool.query(
    `INSERT INTO integration.outbox_event (event_name, source_module, aggregate_type, aggregate_id, payload, payload_bytes)
     SELECT 'entry.made', 'shop', 'entry', 'entry-' || n, jsonb_build_object('n', n), 10 FROM generate_series(1, $1::int) AS n`,
    [GROUP],
  );
  await pool.query(
    `INSERT INTO integration.inbox_cursor (consumer_name, event_names, unread)
     SELECT 'ledger', '{entry.*}', int8multirange(int8range(max(position) + 1, NULL)) FROM integration.outbox_event`,
  );
  await pool.query(
    `INSERT INTO integration.inbox_event (outbox_event_id, position, consumer_name, aggregate_type, aggregate_id, status,
       attempt_count, last_error, error_fingerprint, processed_at)
     SELECT id, position, 'ledger', aggregate_type, aggregate_id, 'dead_letter', 2, 'The books are closed', 'c0ffee00c0ffee00', now()
     FROM integration.outbox_event`,
  );
  await pool.query(
    `INSERT INTO integration.outbox_event (event_name, source_module, aggregate_type, aggregate_id, payload, payload_bytes, created_at)
     SELECT 'report.due', 'shop', 'report', 'report-' || n, '{}', 2, now() - interval '2 hours' FROM generate_series(1, 3) AS n`,
  );
  await pool.query(
    `INSERT INTO integration.inbox_cursor (consumer_name, event_names, unread)
     SELECT 'reports', '{report.*}', int8multirange(int8range(min(position), NULL)) FROM integration.outbox_event
     WHERE event_name = 'report.due'`,
  );
}

/** Ids of the events that tasks are about. */
const events = { late: '', once: '', gone: '', chained: '', paid: '', traced: '' };

beforeAll(async () => {
  const { shop } = stage;
  const refused = ['late', 'once', 'gone'];
  shop.receiver.refuse(...refused);
  [events.late = '', events.once = '', events.gone = ''] = await shop.place(...refused);
  await shop.has('billing', 'dead_letter', refused.length);
  shop.receiver.mend();
  [events.chained = ''] = await shop.place('chained', 'again', 'again', 'again');
  await until('they are handled, and have led to others', async () => {
    const { rows } = await stage.database.pool.query(
      `SELECT FROM integration.outbox_event WHERE aggregate_id IN ('parcel-of-chained', 'parcel-of-again')`,
    );
    return rows.length === 4 && shop.receiver.accepted.length === 4;
  });
  const publish = async (name: string, entity: string, traceparent?: string) => {
    const { outboxEventId } = await shop.api.publishEvent({
      eventName: name,
      sourceModule: 'shop',
      aggregateType: name.split('.')[0] ?? '',
      aggregateId: entity,
      payload: {},
      ...(traceparent === undefined ? {} : { metadata: { traceparent } }),
    });
    return outboxEventId;
  };
  events.paid = await publish('payment.due', 'p1');
  events.traced = await publish('order.sent', 'traced', `00-${TRACE}-b7ad6b7169203331-01`);
  await shop.has('bank', 'dead_letter', 1);
  await shop.app
    .get(ConsumerService)
    .pause('letters', { by: 'ben@shop.example', reason: 'the printer is moved' });
  await shop.app
    .get(IntegrationSettingsService, { strict: false })
    .change({ idlePollingIntervalMs: 300 }, { by: 'eve@shop.example', reason: 'quiet days' });
  await refuseWebhooks();
});

/** Three deliveries that somebody has signed with another secret. */
async function refuseWebhooks(): Promise<void> {
  const body = JSON.stringify({ action: 'opened' });
  const signature = createHmac('sha256', 'of a stranger').update(body).digest('hex');
  for (const id of ['d1', 'd2', 'd3'])
    await fetch(`${stage.shop.url}/webhooks/github`, {
      method: 'POST',
      body,
      headers: {
        'x-github-event': 'push',
        'x-github-delivery': id,
        'x-hub-signature-256': `sha256=${signature}`,
      },
    });
  // A process writes what it has noted when it stops, and every five seconds.
  const webhooks = stage.shop.app.get(IncomingWebhookService, { strict: false });
  await (webhooks as unknown as { record: { flush(): Promise<void> } }).record.flush();
}

const table = new TaskTable();
const done: string[] = [];
const CLIPBOARD = { permissions: ['clipboard-read', 'clipboard-write'] };

/** A task of the table, done from the overview. It takes exactly the clicks that the table says. */
function task(name: string, act: (hands: Hands) => Promise<void>, options: OpenOptions = {}): void {
  done.push(name);
  test(name, async () => {
    const { page } = await stage.open('#/overview', { ...CLIPBOARD, ...options });
    await atRest(page);
    const hands = new Hands(page);
    await act(hands);
    table.took(name, hands.seconds);
    expect(hands.presses).toHaveLength(table.clicksOf(name));
  }, 180_000);
}

/** Presses the key that pastes an id, as it was copied out of a log or a chat. */
async function pasteId(hands: Hands, id: string): Promise<void> {
  await hands.page.evaluate((text) => navigator.clipboard.writeText(text), id);
  await hands.press('ControlOrMeta+v');
}

const main = ({ page }: Hands) => page.getByRole('main');
const dialog = ({ page }: Hands) => page.getByRole('dialog');
const title = ({ page }: Hands, name: string) => page.getByRole('heading', { level: 1, name });
const wrong = ({ page }: Hands) => page.getByRole('region', { name: 'What is wrong' });
const link = (hands: Hands, name: string | RegExp) => main(hands).getByRole('link', { name });
const button = (hands: Hands, name: string | RegExp) => main(hands).getByRole('button', { name });
const section = ({ page }: Hands, name: string) =>
  page.getByRole('navigation', { name: 'Sections' }).getByRole('link', { name, exact: true });
const became = (hands: Hands, words: string) =>
  hands.page.getByRole('region', { name: 'What became of them' }).getByText(words);
const succeeded = (hands: Hands, count: number) =>
  hands.page
    .getByRole('region', { name: 'What became of them' })
    .getByRole('listitem')
    .filter({ hasText: new RegExp(`^Succeeded\\s*${count}$`) });

task('Why an event did not arrive', async (hands) => {
  await pasteId(hands, events.late);
  const billing = main(hands).getByRole('listitem').filter({ hasText: 'billing' });
  await hands.read(billing.getByText('dead letter', { exact: true }), billing.getByText(ERROR).first());
});

task('By keyboard alone: from the first problem to a canary of 5', async (hands) => {
  const { page } = hands;
  const first = wrong(hands).getByRole('link', { name: /^See why: ledger/ });
  await hands.press('Tab');
  await hands.press('Enter');
  await hands.press('Tab');
  await hands.press('Tab');
  expect(await first.evaluate((element) => element === document.activeElement)).toBe(true);
  await hands.press('Enter');
  await title(hands, 'The books are closed').waitFor();
  await hands.press('Tab');
  await hands.press('Enter');
  await dialog(hands).getByRole('button', { name: 'Send 5 events again' }).waitFor();
  await hands.press('Enter');
  await hands.read(succeeded(hands, 5), became(hands, 'All of them were handled'));
  expect(page.url()).toMatch(/#\/operations\//);
});

task('One event is sent again', async (hands) => {
  await pasteId(hands, events.once);
  await hands.click(button(hands, 'Send again to billing'));
  await hands.click(dialog(hands).getByRole('button', { name: 'Send 1 event again' }));
  await hands.read(succeeded(hands, 1), became(hands, 'All of them were handled'));
  expect(stage.shop.receiver.accepted).toContain('once');
});

task('10,000 of one kind: a canary, then the rest, watched and stopped', async (hands) => {
  const { database } = stage;
  const left = await deadLettersOf(database, 'ledger');
  await hands.click(link(hands, /^See why: ledger: The books are closed/));
  await hands.click(button(hands, 'Send 5 as a canary'));
  await hands.click(dialog(hands).getByRole('button', { name: 'Send 5 events again' }));
  await hands.read(succeeded(hands, 5), became(hands, 'All of them were handled'));

  const rest = new Intl.NumberFormat('en-GB').format(left - 5);
  await hands.click(button(hands, 'Send the rest'));
  await hands.click(dialog(hands).getByLabel(/^Rate/));
  await hands.type(RATE);
  await hands.click(dialog(hands).getByRole('button', { name: `Send ${rest} events again` }));
  const progress = hands.page.getByRole('region', { name: 'Progress' });
  await hands.read(
    progress.getByText(
      new RegExp(`^[1-9][\\d,]* of ${rest} events were sent again, at most ${RATE} a second`),
    ),
    progress.getByText(/^About .* left/),
  );
  await hands.click(button(hands, 'Cancel it'));
  await hands.click(dialog(hands).getByRole('button', { name: 'Cancel it' }));
  await hands.read(became(hands, 'The rest was not sent.'), progress.getByText('cancelled'));
  const still = await deadLettersOf(database, 'ledger');
  expect(still).toBeGreaterThan(0);
  expect(still).toBeLessThan(left - 5);
});

async function deadLettersOf({ pool }: TestDatabase, consumer: string): Promise<number> {
  const { rows } = await pool.query<{ n: number }>(
    `SELECT count(*)::int AS n FROM integration.inbox_event WHERE consumer_name = $1 AND status = 'dead_letter'`,
    [consumer],
  );
  return rows[0]?.n ?? 0;
}

task('Pause the consumer that fails', async (hands) => {
  await hands.click(wrong(hands).getByRole('link', { name: 'bank', exact: true }));
  await hands.click(hands.page.getByRole('button', { name: 'Pause', exact: true }));
  await hands.type('incident 4711');
  await hands.click(dialog(hands).getByRole('button', { name: 'Pause' }));
  await hands.read(wrong(hands).getByText('was paused by ada@shop.example: incident 4711'));
  const [bank] = await stage.shop.app.get(ConsumerService).list({ consumerName: 'bank' });
  expect(bank).toMatchObject({ paused: true, pauseReason: 'incident 4711' });
});

task('How far a consumer is behind, and since when', async (hands) => {
  hands.begin();
  await hands.page.reload();
  const line = wrong(hands)
    .getByRole('listitem')
    .filter({ hasText: /reports is 2 h behind, with (?:up to )?\d+ events? to read/ });
  await hands.read(line.getByText('Since').locator('time'));
});

task('A setting is changed, and put back', async (hands) => {
  const settings = stage.shop.app.get(IntegrationSettingsService, { strict: false });
  await hands.click(section(hands, 'Settings'));
  const field = main(hands).getByLabel('idlePollingIntervalMs', { exact: true });
  await hands.click(field);
  await hands.type('0');
  await hands.click(main(hands).getByRole('button', { name: 'Store', exact: true }));
  await hands.click(dialog(hands).getByRole('button', { name: 'Store' }));
  const history = hands.page.getByRole('table', { name: 'Who changed what' });
  await history.getByRole('row').filter({ hasText: '300 → 3,000' }).waitFor();
  expect(settings.snapshot().idlePollingIntervalMs).toBe(3_000);

  await hands.click(history.getByRole('button', { name: 'Return to 300: idlePollingIntervalMs' }));
  await hands.click(dialog(hands).getByRole('button', { name: 'Return to it' }));
  await hands.read(history.getByRole('row').filter({ hasText: '3,000 → 300' }));
  expect(await field.inputValue()).toBe('300');
  expect(settings.snapshot().idlePollingIntervalMs).toBe(300);
});

task('Find an event by its name', async (hands) => {
  await hands.search('payment.due');
  await hands.read(main(hands).getByRole('row').filter({ hasText: 'payment/p1' }));
});

task('Find by the id of an entity alone', async (hands) => {
  await hands.search('late');
  await hands.read(main(hands).getByRole('row').filter({ hasText: 'order/late' }));
});

task('Find by the text of an error', async (hands) => {
  await hands.search('out for LUNCH');
  await hands.read(link(hands, ERROR));
});

task('Find by a value in the payload', async (hands) => {
  await hands.search('id=gone');
  await hands.read(main(hands).getByRole('row').filter({ hasText: 'order/gone' }));
});

task('What an event has led to', async (hands) => {
  await pasteId(hands, events.chained);
  const chain = hands.page.getByRole('table', { name: 'Events of the same request' });
  await hands.read(
    chain.getByRole('row').filter({ hasText: 'this one' }),
    chain.getByRole('row').filter({ hasText: 'parcel.sent' }).filter({ hasText: 'parcel-of-chained' }),
  );
});

task("A week's throughput", async (hands) => {
  await hands.choose(hands.page.getByRole('combobox', { name: /Charts show/ }), WEEK);
  const chart = hands.page.getByRole('figure', { name: 'Events per second', exact: true });
  await hands.page.waitForURL(/hours=168$/);
  // Its first step is a week ago, and a canvas says its values only where the pointer is.
  await hands.read(chart.locator('canvas'));
  await chart.getByRole('button', { name: 'As table' }).click();
  await chart.getByRole('row').nth(160).waitFor();
  const rows = await chart.getByRole('row').allInnerTexts();
  expect(rows.filter((row) => /\t7\.5\/s\t/.test(row)).length).toBeGreaterThan(160);
});

task('Which webhooks were refused, and at which step', async (hands) => {
  await hands.click(section(hands, 'Sources'));
  const refused = hands.page.getByRole('table', { name: 'Refused requests' });
  await hands.read(
    main(hands).getByRole('row').filter({ hasText: 'all refused' }).filter({ hasText: 'signature 3' }),
    ...['d1', 'd2', 'd3'].map((id) =>
      refused.getByRole('row').filter({ hasText: 'signature' }).filter({ hasText: id }),
    ),
  );
});

task('Discard an event, with a reason', async (hands) => {
  await pasteId(hands, events.gone);
  await hands.click(button(hands, 'Discard for billing'));
  await dialog(hands).getByText('1 event will be set aside for good.').waitFor();
  await hands.type('it was a test');
  await hands.press('Enter');
  await hands.read(main(hands).getByText('1 of 1 events were discarded'));
  const { rows } = await stage.database.pool.query(
    `SELECT resolution->>'reason' AS reason FROM integration.inbox_event WHERE consumer_name = 'billing' AND aggregate_id = 'gone'`,
  );
  expect(rows).toEqual([{ reason: 'it was a test' }]);
});

task('Replay of an entity that was handled', async (hands) => {
  const times = () => stage.shop.receiver.accepted.filter((id) => id === 'again').length;
  expect(times()).toBe(3);
  await hands.search('order/again');
  await hands.click(button(hands, 'Replay this entity at billing'));
  await hands.click(dialog(hands).getByRole('button', { name: 'Send 3 events again' }));
  await hands.read(succeeded(hands, 3), became(hands, 'All of them were handled again.'));
  expect(times()).toBe(6);
});

task('Two attempts beside each other', async (hands) => {
  await pasteId(hands, events.paid);
  await hands.click(main(hands).locator('summary').filter({ hasText: 'Compare two attempts' }));
  await hands.read(main(hands).getByText(/^Attempts 1 and 2 failed by different errors/));
});

task('An event is copied as a test', async (hands) => {
  await pasteId(hands, events.chained);
  await hands.click(button(hands, 'Copy as'));
  await hands.click(dialog(hands).getByLabel('Test', { exact: true }));
  await hands.click(dialog(hands).getByRole('button', { name: 'Copy: A test with such an event' }));
  await hands.read(dialog(hands).getByText('Copied.'));
  const copied = await hands.page.evaluate(() => navigator.clipboard.readText());
  expect(copied).toContain('publishAndDrain');
  expect(copied).toContain('"chained"');
});

task('A link that has the filter in it', async (hands) => {
  await hands.page.goto(hands.page.url().replace(/#.*/, '#/events'));
  await main(hands).getByLabel('Event name').fill('order.*');
  await main(hands).getByLabel('Id of entity').fill('late');
  await hands.page.keyboard.press('Enter');
  await main(hands).getByRole('row').filter({ hasText: 'order/late' }).waitFor();
  const { hash } = new URL(hands.page.url());

  // Somebody else opens it.
  hands.begin();
  const { page } = await stage.open(hash, { operator: READER });
  const rows = page.getByRole('table', { name: 'Events' }).getByRole('row');
  await hands.read(rows.filter({ hasText: 'order/late' }));
  expect(await rows.count()).toBe(2);
  expect(await page.getByLabel('Event name').inputValue()).toBe('order.*');
  expect(await page.getByLabel('Id of entity').inputValue()).toBe('late');
});

task('From a finding to what mends it', async (hands) => {
  await hands.click(wrong(hands).getByRole('button', { name: 'Resume letters' }));
  await hands.click(dialog(hands).getByRole('button', { name: 'Resume letters' }));
  await wrong(hands)
    .getByRole('listitem')
    .filter({ hasText: 'letters was paused' })
    .waitFor({ state: 'detached' });
  await hands.read(wrong(hands));
  const [letters] = await stage.shop.app.get(ConsumerService).list({ consumerName: 'letters' });
  expect(letters?.paused).toBe(false);
});

task(
  'The database is away',
  async (hands) => {
    const outage = await Outage.of(stage.database.url);
    const other = await openShop(stage.database, { engine: { connectionString: outage.url } });
    try {
      const { page } = hands;
      await other.sessions.signIn(page.context(), other.url);
      await page.goto(page.url().replace(stage.shop.url, other.url));
      await atRest(page);
      await page.getByRole('button', { name: /^(Live|Polling)\b/ }).waitFor();
      hands.begin();
      await outage.refuse();
      await hands.read(page.getByRole('status').filter({ hasText: 'Not up to date since' }));
      // What was known stays, in grey.
      await wrong(hands).getByText(ERROR).waitFor();
    } finally {
      await outage.end();
      await other.close();
      await outage.close();
    }
  },
  { mayComplain: true },
);

task('Two admins change one setting', async (hands) => {
  const settings = stage.shop.app.get(IntegrationSettingsService, { strict: false });
  await hands.click(section(hands, 'Settings'));
  const field = main(hands).getByLabel('batchSize', { exact: true });
  await hands.click(field);
  await hands.type('1');
  const typed = await field.inputValue();
  await settings.change({ batchSize: 77 }, { by: 'eve@shop.example', reason: 'the receiver is slow' });
  await hands.click(main(hands).getByRole('button', { name: 'Store', exact: true }));
  await hands.click(dialog(hands).getByRole('button', { name: 'Store' }));
  const told = main(hands).getByRole('alert').getByRole('listitem');
  await hands.read(told.filter({ hasText: /batchSize: .* → 77.*, by eve@shop.example/ }));
  expect(await field.inputValue()).toBe(typed);
  expect(settings.snapshot().batchSize).toBe(77);
});

task(
  "The handler's trace in the tool for traces",
  async (hands) => {
    const { page } = hands;
    await page
      .context()
      .route('https://traces.example.com/**', (route) =>
        route.fulfill({ body: 'a trace', contentType: 'text/html' }),
      );
    await pasteId(hands, events.traced);
    const opened = page.context().waitForEvent('page');
    await hands.click(link(hands, 'See the trace'));
    const trace: Page = await opened;
    await trace.waitForURL(`https://traces.example.com/trace/${TRACE}`);
    await hands.read(trace.getByText('a trace'));
  },
  // It leaves the dashboard, and is meant to.
  { mayComplain: true },
);

test('the table of the guide has these tasks, and no others', () => {
  expect([...done].sort()).toEqual([...table.tasks].sort());
});

afterAll(() => {
  if (process.env.TASK_SECONDS === 'write') table.write();
});
