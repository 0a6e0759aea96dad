import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { InboxService } from '../../src/index.js';
import { type AdminApp, startAdminApp } from '../admin/admin-app.js';
import { runCommand, runJsonCommand } from '../support/command.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';

/*
 * No index has the event names and the aggregates of dead letters. So a look reads 100,000 of them. Here, the
 * last of these is one of two that have the same position, and one more lies behind them.
 */

const OTHERS = 99_999;
const LAST_LOOKED_AT = 200_000;
const BEHIND = 300_000;
const EXPECTED = [`${LAST_LOOKED_AT} second`, `${LAST_LOOKED_AT} third`, `${BEHIND} first`];
const FILTERS = { aggregate: 'aggregateType=place&aggregateId=far', event: 'eventName=thing.rare' };
const COMMANDS = {
  aggregate: ['--aggregate-type', 'place', '--aggregate-id', 'far'],
  event: ['--event', 'thing.rare'],
};

let database: TestDatabase;
let admin: AdminApp;

interface Letter {
  readonly position: number;
  readonly consumerName: string;
}
const nameOf = ({ position, consumerName }: Letter) => `${position} ${consumerName}`;

beforeAll(async () => {
  database = await createTestDatabase();
  admin = await startAdminApp(database);
  await database.pool.query(
    `INSERT INTO integration.outbox_event (position, id, event_name, source_module, aggregate_type, aggregate_id, payload)
     OVERRIDING SYSTEM VALUE
     SELECT p, gen_random_uuid(), CASE WHEN p < ${LAST_LOOKED_AT} THEN 'thing.other' ELSE 'thing.rare' END, 'shop', 'place', 'far', '{}'
     FROM unnest(ARRAY[1, ${LAST_LOOKED_AT}, ${BEHIND}]) AS p`,
  );
  await database.pool.query(
    `INSERT INTO integration.inbox_event (outbox_event_id, position, consumer_name, aggregate_type, aggregate_id, status)
     SELECT gen_random_uuid(), n, 'first', 'place', 'other', 'dead_letter' FROM generate_series(1, ${OTHERS}) AS n
     UNION ALL
     SELECT e.id, e.position, consumer, 'place', 'far', 'dead_letter'
     FROM integration.outbox_event e CROSS JOIN unnest(ARRAY['first', 'second', 'third']) AS consumer
     WHERE (e.position = ${LAST_LOOKED_AT} AND consumer <> 'first') OR (e.position = ${BEHIND} AND consumer = 'first')`,
  );
});
afterAll(async () => {
  await admin.close();
  await database.drop();
});

it.each(Object.entries(FILTERS))(
  'REST looks at 100,000 for an %s, and says how far it came',
  async (_, filter) => {
    const first = await admin.ask(`dead-letters?${filter}`);
    expect(first.json).toMatchObject({ scannedTo: LAST_LOOKED_AT, next: expect.any(String) });
    const second = await admin.ask(`dead-letters?${filter}&after=${first.json.next}`);
    expect(second.json).toMatchObject({ scannedTo: null, next: null });
    expect([...first.json.items, ...second.json.items].map(nameOf)).toEqual(EXPECTED);
  },
);

it('a page that is full ends where its last event ends', async () => {
  const full = await admin.ask(`dead-letters?${FILTERS.aggregate}&limit=1`);
  expect(full.json.items.map(nameOf)).toEqual(EXPECTED.slice(0, 2));
  expect(full.json).toMatchObject({ scannedTo: LAST_LOOKED_AT });
  const all = await admin.ask('dead-letters?consumer=second');
  expect(all.json).toMatchObject({ scannedTo: null, next: null });
});

it.each(Object.entries(COMMANDS))(
  'the command does so too for an %s, and names the next one',
  async (_, options) => {
    const command = ['dead-letters', 'list', '--limit', '3', ...options];
    const { result } = await runJsonCommand(command, database);
    expect(result).toMatchObject({ next: LAST_LOOKED_AT });
    expect(result.deadLetters.map(nameOf)).toEqual(EXPECTED.slice(0, 2));
    const { stdout } = await runCommand(command, database);
    expect(stdout).toContain(`There may be more: npx nestjs-integration dead-letters list`);
    expect(stdout).toContain(`--after ${LAST_LOOKED_AT}`);
    const last = await runCommand([...command, '--after', String(BEHIND)], database);
    expect(last.stdout).toBe('No dead letters.\n');
  },
);

it('the command says so where nothing was found yet', async () => {
  const { stdout } = await runCommand(['dead-letters', 'list', '--aggregate-id', 'nowhere'], database);
  expect(stdout).toMatch(
    new RegExp(`^No such dead letter up to position ${LAST_LOOKED_AT}\\.\nThere may be more: `),
  );
});

it.each([1, 2, 3, 50])('the service looks on until a page of %s is full', async (limit) => {
  const inbox = admin.app.get(InboxService);
  const found: string[] = [];
  for (let after: number | undefined = 0; after !== undefined; ) {
    const filter = { aggregateType: 'place', aggregateId: 'far' };
    const page: readonly Letter[] = await inbox.findDeadLetters(filter, { limit, after });
    found.push(...page.map(nameOf));
    after = page.at(-1)?.position;
  }
  expect(found).toEqual(EXPECTED);
});
