import type pg from 'pg';
import { runIn, withClient } from '../harness/bench-server.js';
import { AskedProcess } from '../outgoing/asked-process.js';
import { openStores } from '../outgoing/clients.js';
import { FILL_THEIR_MESSAGES, FILL_WAITING, MAKE_READY, SETTLE } from '../outgoing/outgoing.store.js';
import type { SenderCommands } from '../outgoing/protocol.js';
import type { Bench, Scenario } from './scenario.js';

const DESTINATIONS = 20;
/** Deliveries of each that wait, so that no plan reads a table of a page or two as a whole. */
const FEW = 1_000;
const WAITING = 50_000;
const QUICK_WAITING = 5_000;
const TENANT = 'many';
/** Indexes of many rows are a level or two deeper, at each place where one is entered. */
const MORE_PAGES = 64;
const LANES = Array.from({ length: 64 }, (_, lane) => lane);

interface Cost {
  readonly statement: string;
  readonly rows: number;
  readonly pages: number;
}

export const lookWebhooks: Scenario = {
  name: 'look-webhooks',
  promise:
    'what the statements of a sender read with a million deliveries that wait, by the counters of the server',
  run: async (bench: Bench) => {
    const waiting = bench.sizes.quick ? QUICK_WAITING : WAITING;
    const [none, few, many] = await measure(bench, waiting);
    bench.report.table(
      `What the statements of a sender read, with 10 due deliveries of each of ${DESTINATIONS} destinations, and others that wait`,
      [
        'statement',
        'rows, none waiting',
        `${FEW * DESTINATIONS}`,
        `${waiting * DESTINATIONS}`,
        'pages, none waiting',
        `${FEW * DESTINATIONS}`,
        `${waiting * DESTINATIONS}`,
      ],
      none.map(({ statement, rows, pages }, i) => [
        statement,
        ...[rows, few[i]?.rows, many[i]?.rows, pages, few[i]?.pages, many[i]?.pages].map(Number),
      ]),
    );
    bench.report.detail('look-webhooks', { none, few, many });
    const more = (of: 'rows' | 'pages', base: readonly Cost[]) =>
      Math.max(...base.map((cost, i) => (many[i]?.[of] ?? Number.NaN) - cost[of]));
    bench.report.atMost('look-webhooks-more-rows', more('rows', none), 0);
    bench.report.atMost('look-webhooks-more-pages', more('pages', few), MORE_PAGES);
  },
};

async function measure(
  { server }: Bench,
  waiting: number,
): Promise<readonly [none: Cost[], few: Cost[], many: Cost[]]> {
  const database = await server.createDatabase();
  const sender = AskedProcess.start<SenderCommands>('sender-process', {
    SENDER_DATABASE_URL: database.url,
    SENDER_SETTINGS: JSON.stringify({ 'processor.enabled': false }),
  });
  try {
    const url = 'http://127.0.0.1:9999';
    const ids = await sender.ask('destinations', {
      count: DESTINATIONS,
      url,
      tenant: TENANT,
      perTenant: DESTINATIONS,
    });
    return await withClient(database, async (client) => {
      await client.query(FILL_THEIR_MESSAGES, [1, 10, `${TENANT}-0`]);
      await client.query(MAKE_READY, [ids]);
      for (const id of ids) await client.query(FILL_WAITING, [id, 1, 10, new Date(0), false, 'pending']);
      await runIn(database, SETTLE);
      const none = await costs(client, ids);
      await fillWaiting(client, ids, 1_000, FEW);
      await runIn(database, SETTLE);
      const few = await costs(client, ids);
      await fillWaiting(client, ids, 1_000_000, waiting - FEW);
      await runIn(database, SETTLE);
      return [none, few, await costs(client, ids)] as const;
    });
  } finally {
    await sender.end();
    await database.drop();
  }
}

/** Of each destination: half of them behind one entity that fails, and half for a time that is to come. */
async function fillWaiting(
  client: pg.Client,
  ids: readonly string[],
  from: number,
  waiting: number,
): Promise<void> {
  const later = new Date(Date.now() + 86_400_000);
  for (const id of ids) {
    await client.query(FILL_WAITING, [id, from, waiting / 2, 'infinity', true, 'pending']);
    await client.query(FILL_WAITING, [id, from + waiting, waiting / 2, later, false, 'pending']);
  }
}

/** What each statement of a round reads, by EXPLAIN, in transactions that are rolled back. */
async function costs(client: pg.Client, ids: readonly string[]): Promise<Cost[]> {
  const found: Cost[] = [];
  let statement = '';
  const stores = await openStores(async (sql, values) => {
    await client.query('BEGIN');
    const { rows } = await client.query(
      `EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ${sql}`,
      values as unknown[],
    );
    await client.query('ROLLBACK');
    const plan = rows[0]['QUERY PLAN'][0].Plan;
    const pages = plan['Shared Hit Blocks'] + plan['Shared Read Blocks'];
    found.push({ statement, rows: plan['Actual Rows'], pages });
    return [];
  });
  // The plans are those of the sessions of the engine.
  await client.query(stores.settings);
  statement = 'targets that are ready';
  await stores.rounds.ready('webhook', LANES, [], 2_000, 500);
  statement = 'deliveries that are due';
  await stores.sending.due(new Map(ids.map((id) => [id, 10])));
  statement = 'when the next one is due';
  await stores.sending.nextDue(stores.session, ids);
  statement = 'the release of the next one of an entity';
  await stores.sending.releaseNext(
    stores.session,
    'entity',
    ids.map((destinationId) => ({ destinationId, position: 2 })),
  );
  await client.query('RESET ALL');
  return found;
}
