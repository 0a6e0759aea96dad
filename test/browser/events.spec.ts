import { describe, expect, test } from '@jest/globals';
import { CANARIES, LONG_NUMBERS, releaseCanaries } from './stage/canaries.js';
import { openOrders } from './stage/orders.js';
import { Person } from './stage/person.js';
import { searchBox } from './stage/search-box.js';
import { onStage } from './stage/stage.js';

const stage = onStage(openOrders);

test('what blocks the queue of one entity is two steps away', async () => {
  const { shop } = stage;
  shop.receiver.putOff('held', 3_600_000);
  const [first = ''] = await shop.place('held', 'held', 'held');
  await shop.has('billing', 'failed', 1);
  await shop.has('billing', 'received', 2);
  const { page } = await stage.open('#/overview');
  const person = new Person(page);
  let steps = 0;

  await person.type(searchBox(page), 'order/held');
  await page.keyboard.press('Enter');
  steps++;
  const main = page.getByRole('main');
  // The page of the entity says it already: which consumer, which event, how many wait, and until when.
  await main.getByText('Held up').waitFor();
  await main.getByText(/Later events of this entity wait: 2/).waitFor();
  await main.getByText('The receiver asks for patience').first().waitFor();
  await person.click(main.getByRole('link', { name: 'Open the event' }));
  steps++;
  await page.waitForURL(`**/ui#/events/${first}`);
  await main.getByText('The receiver asks for patience').first().waitFor();
  expect(steps).toBeLessThanOrEqual(2);
  shop.receiver.mend();
});

test('one request is followed over modules', async () => {
  const { shop, database } = stage;
  const [order = ''] = await shop.place('followed');
  await shop.settled();
  const { page } = await stage.open(`#/events/${order}`);
  const chain = page.getByRole('region', { name: 'Related events' });
  const rows = chain.getByRole('row').filter({ hasNotText: 'Module' });
  await rows.nth(1).waitFor();
  const texts = await rows.allTextContents();
  expect(texts).toHaveLength(2);
  expect(texts[0]).toMatch(/order\.placed.*this one.*shop.*order\/followed/s);
  expect(texts[1]).toMatch(/parcel\.sent.*shipping.*parcel\/parcel-of-followed/s);
  // From there to the other end, and back.
  await chain.getByRole('link', { name: 'parcel.sent' }).click();
  await page.getByRole('heading', { level: 1, name: 'parcel.sent' }).waitFor();
  await chain.getByRole('link', { name: 'order.placed' }).click();
  await page.waitForURL(`**/ui#/events/${order}`);
  // By the correlation in the search box too.
  const { rows: found } = await database.pool.query<{ id: string }>(
    `SELECT metadata->>'correlationId' AS id FROM integration.outbox_event WHERE id = $1`,
    [order],
  );
  await searchBox(page).fill(found[0]?.id ?? '');
  await page.keyboard.press('Enter');
  await page.getByRole('main').getByText('parcel.sent').first().waitFor();
});

test('what is called . or .. is asked for nowhere, because a browser takes such a name out of an address', async () => {
  const { page } = await stage.open('#/overview');
  const asked = new Set<string>();
  page.on('request', (request) => asked.add(`${request.method()} ${new URL(request.url()).pathname}`));
  const main = page.getByRole('main');
  for (const place of [
    'entities/../..?module=shop',
    'entities/order/..',
    'entities/./x',
    'events/..',
    'consumers/.',
    'consumers/..',
    'operations/..',
    'dead-letters/billing/..',
  ]) {
    await page.evaluate((to) => {
      location.hash = `#/${to}`;
    }, place);
    await main.getByText('This page cannot ask for such a name').first().waitFor();
    // The next page is another one.
    await page.evaluate(() => {
      location.hash = '#/overview';
    });
    await main.getByRole('heading', { level: 1, name: 'Overview' }).waitFor();
  }
  const known =
    /^GET \/ops\/integration\/(ui\/assets\/.+|session|stream|changes|overview|problems|rates|consumers|doctor|processes|settings|operations|dead-letters\/groups)$/;
  expect([...asked].filter((each) => !known.test(each))).toEqual([]);
});

test('the search box finds an event by its id and its position, an entity and a consumer, and says what it does not find', async () => {
  const { shop, database } = stage;
  const [event = ''] = await shop.place('sought');
  const { rows } = await database.pool.query<{ position: string }>(
    'SELECT position FROM integration.outbox_event WHERE id = $1',
    [event],
  );
  const { page } = await stage.open('#/overview');
  // It is searched at once, while the page that was found before may still be loaded.
  const search = async (text: string) => {
    await searchBox(page).fill(text);
    await page.keyboard.press('Enter');
  };
  await search(event);
  await page.waitForURL(`**/ui#/events/${event}`);
  await search('billing');
  await page.waitForURL('**/ui#/consumers/billing');
  await search(String(rows[0]?.position));
  await page.waitForURL(`**/ui#/events/${event}`);
  await search('order/sought');
  await page.waitForURL('**/ui#/entities/order/sought**');
  await search('no such thing');
  await page.getByRole('status').filter({ hasText: 'no such thing' }).waitFor();
});

describe('payloads', () => {
  test('numbers beyond 2^53 have every digit', async () => {
    const { numbers } = await released();
    const { page } = await stage.open(`#/events/${numbers}`);
    const payload = page.getByRole('region', { name: 'Payload', exact: true });
    for (const number of LONG_NUMBERS) await payload.getByText(number).first().waitFor();
    await page.getByRole('button', { name: 'Show the metadata' }).click();
    const metadata = page.getByRole('region', { name: 'Text of the metadata' });
    for (const number of LONG_NUMBERS) await metadata.getByText(number).waitFor();
  });

  test('20 levels are all there', async () => {
    const { deep } = await released();
    const { page } = await stage.open(`#/events/${deep}`);
    const panel = page.getByRole('region', { name: 'Payload', exact: true });
    await panel.getByText(CANARIES.img.slice(0, 10)).waitFor();
    expect((await panel.textContent())?.match(/"in"/g)).toHaveLength(20);
  });

  test('a megabyte leaves the page usable', async () => {
    const { large } = await released();
    const { page } = await stage.open(`#/events/${large}`);
    await page.getByRole('heading', { level: 1, name: 'canary.large' }).waitFor();
    const panel = page.getByRole('region', { name: 'Payload', exact: true });
    await panel.getByRole('button', { name: /^Read the/ }).click();
    await panel.getByText('canaryDied').waitFor();
    await panel.getByRole('button', { name: 'Show all of it' }).click();
    await page.waitForFunction(() => (document.querySelector('main')?.textContent?.length ?? 0) > 1_000_000);
    await page.getByRole('link', { name: 'Consumers', exact: true }).first().click();
    await page.getByRole('heading', { level: 1, name: 'Consumers' }).waitFor();
  });
});

let canaries: ReturnType<typeof releaseCanaries> | undefined;
function released(): ReturnType<typeof releaseCanaries> {
  canaries ??= releaseCanaries(stage.database);
  return canaries;
}
