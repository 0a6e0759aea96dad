import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { runCommand, runJsonCommand } from '../support/command.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { type AdminApp, startAdminApp } from './admin-app.js';

/* Groups whose sizes tie, through the admin API and the command, and what people note about them. */

let database: TestDatabase;
let admin: AdminApp;

beforeAll(async () => {
  database = await createTestDatabase();
  await database.pool.query(
    `INSERT INTO integration.inbox_event (outbox_event_id, position, consumer_name, aggregate_type, aggregate_id, status, error_fingerprint)
     SELECT gen_random_uuid(), p, consumer, 'thing', 't', 'dead_letter', kind
     FROM (VALUES ('a', 'k1', 3, 10), ('a', NULL, 2, 30), ('b', 'k1', 2, 30), ('b', 'k2', 2, 12), ('c', 'k/1', 5, 20))
       AS g (consumer, kind, count, last), generate_series(last - count + 1, last) AS p`,
  );
  admin = await startAdminApp(database);
});
afterAll(async () => {
  await admin.close();
  await database.drop();
});

const ORDERS = {
  name: ['a k1', 'a null', 'b k1', 'b k2', 'c k/1'],
  size: ['c k/1', 'a k1', 'a null', 'b k1', 'b k2'],
  latest: ['a null', 'b k1', 'c k/1', 'b k2', 'a k1'],
};
interface Group {
  readonly consumerName: string;
  readonly fingerprint: string | null;
}
const nameOf = ({ consumerName, fingerprint }: Group) => `${consumerName} ${fingerprint}`;

it.each(Object.entries(ORDERS))('pages by %s lose no group, over REST', async (order, expected) => {
  for (const limit of [1, 2, 5]) {
    const found: string[] = [];
    for (let after: string | null = ''; after !== null; ) {
      const place: string = after === '' ? '' : `&after=${after}`;
      const { status, json } = await admin.ask(`dead-letters/groups?order=${order}&limit=${limit}${place}`);
      expect([status, json.isPartial]).toEqual([200, false]);
      found.push(...json.items.map(nameOf));
      after = json.next;
    }
    expect(found).toEqual(expected);
  }
});

it('by name is the order of who asks for none, and a place of another order is refused', async () => {
  const { items, next } = (await admin.ask('dead-letters/groups?limit=2')).json;
  expect(items.map(nameOf)).toEqual(ORDERS.name.slice(0, 2));
  const other = await admin.ask(`dead-letters/groups?order=size&after=${next}`);
  expect(other).toMatchObject({ status: 400, json: { errors: [{ in: 'query', pointer: '/after' }] } });
  const none = await admin.ask('dead-letters/groups?order=newest');
  expect(none).toMatchObject({ status: 400, json: { errors: [{ in: 'query', pointer: '/order' }] } });
});

it.each(Object.entries(ORDERS))(
  'pages by %s lose no group, as the command prints them',
  async (order, expected) => {
    const found: string[] = [];
    let words: string[] | undefined = ['dead-letters', 'groups', '--order', order, '--limit', '1'];
    while (words !== undefined) {
      const { result } = await runJsonCommand(words, database);
      found.push(...result.groups.map(nameOf));
      const more: RegExpMatchArray | null = (await runCommand(words, database)).stdout.match(
        /More: npx nestjs-integration (.*)/,
      );
      words = more?.[1]?.trim().split(' ');
    }
    expect(found).toEqual(expected);
  },
);

it.each([
  [{ note: 'known', acknowledged: true }, 'failure-groups.change', { note: 'known', acknowledged_upto: 12 }],
  [
    { removeNote: true, acknowledged: false },
    'failure-groups.change',
    { note: null, acknowledged_upto: null },
  ],
  [{ note: 'again' }, 'failure-groups.note', { note: 'again' }],
  [{ acknowledged: true }, 'failure-groups.acknowledge', { note: 'again', acknowledged_upto: 12 }],
])('a request that says %j is one change with one row in the audit', async (body, action, after) => {
  const written = async () =>
    (await admin.ask('audit?target=failure-group/b/k2')).json.items as { action: string; after: object }[];
  const before = (await written()).length;
  const path = 'dead-letters/groups/k2?consumer=b';
  expect((await admin.ask(path, { method: 'PATCH', json: body })).status).toBe(200);
  const rows = await written();
  expect(rows).toHaveLength(before + 1);
  expect(rows[0]).toMatchObject({ action, after });
});

it('an order that there is not is wrong use', async () => {
  const { status, stderr } = await runCommand(['dead-letters', 'groups', '--order', 'newest'], database);
  expect([status, stderr]).toEqual([2, expect.stringContaining('--order must be one of name, size, latest')]);
});
