import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { sendDue } from '../../src/testing/index.js';
import { webhooksExtension } from '../../src/webhooks/webhooks-extension.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';
import { type Reading, TestSdk } from '../telemetry/sdk.js';
import { type OutgoingApp, startOutgoingApp } from './outgoing-app.js';
import { destinationOf } from './outgoing-stage.js';
import { type Answer, LOOPBACK, type Receiver, startReceiver, storedDeliveries } from './sending-stage.js';

const PAGE = readFileSync(join(import.meta.dirname, '../../docs/guide/operate/telemetry.md'), 'utf8');
const OUTCOME = 'nestjs_integration.outcome';

/** What the receiver answers, by the path of the destination. */
const ANSWERS: Readonly<Record<string, Answer>> = {
  '/succeeded': { status: 204 },
  '/failed': { status: 500 },
  '/timed-out': 'hang',
  '/put-off': { status: 429, headers: { 'retry-after': '3600' } },
  '/gone': { status: 410 },
  '/not-signed': { status: 200 },
};

let database: TestDatabase;
let sdk: TestSdk;
let receiver: Receiver;
let app: OutgoingApp;
const ids = new Map<string, string>();

/** One event goes to several destinations, and each ends in another way. What is tried again fails twice. */
beforeAll(async () => {
  database = await createTestDatabase();
  sdk = new TestSdk();
  sdk.register();
  receiver = await startReceiver(({ path }) => ANSWERS[path] ?? { status: 404 });
  await database.pool.query(
    `INSERT INTO integration.integration_setting (key, value) VALUES ('core.integration.webhooks.outgoing.retrySchedule', '"100ms"')`,
  );
  app = await startOutgoingApp(database, {
    outgoing: { network: LOOPBACK },
    engine: { telemetry: { metrics: true } },
  });
  for (const path of [...Object.keys(ANSWERS), '/refused'])
    ids.set(path, await destinationOf(app, { url: `${receiver.url}${path}`, timeoutMs: 1_000 }));
  // Both are what may become of a destination after it was made.
  await database.pool.query(
    `UPDATE integration.webhook_destination SET url = 'https://10.0.0.1/' WHERE id = $1`,
    [ids.get('/refused')],
  );
  await database.pool.query('DELETE FROM integration.integration_secret WHERE owner_id = $1', [
    ids.get('/not-signed'),
  ]);
  await app.publish({});
  await app.route();
  await until('what fails is dead', async () => {
    await sendDue(app.context);
    const ended = ['/succeeded', '/failed', '/timed-out', '/refused'].map((path) => ids.get(path) ?? '');
    const rows = await Promise.all(ended.map((id) => storedDeliveries(database, id)));
    return rows.flat().every(({ status }) => status !== 'pending');
  });
});
afterAll(async () => {
  await app.close();
  await receiver.close();
  await sdk.unregister();
  await database.drop();
});

const readingsOf = async (name: string): Promise<Reading[]> =>
  (await sdk.readings()).filter((each) => each.name === `nestjs_integration.webhooks.${name}`);

/** The values of a metric by their outcome. */
const byOutcome = async (name: string) =>
  Object.fromEntries((await readingsOf(name)).map(({ attributes, value }) => [attributes[OUTCOME], value]));

const ATTEMPTS = {
  succeeded: 1,
  failed: 2,
  timed_out: 2,
  refused: 2,
  put_off: 1,
  gone: 1,
  not_signed: 1,
};

describe('the metrics of sending', () => {
  it('count attempts by what they came to, as they are stored', async () => {
    expect(await byOutcome('attempts')).toEqual(ATTEMPTS);
    const { rows } = await database.pool.query('SELECT count(*)::int FROM integration.webhook_attempt');
    expect(rows).toEqual([{ count: Object.values(ATTEMPTS).reduce((sum, each) => sum + each) }]);
  });

  it('time them', async () => {
    expect(await byOutcome('attempt.duration')).toEqual(ATTEMPTS);
  });

  it('count deliveries that have ended', async () => {
    expect(await byOutcome('deliveries')).toEqual({ delivered: 1, dead_letter: 3 });
  });

  it('tell neither tenants nor destinations apart', async () => {
    for (const name of ['attempts', 'attempt.duration', 'deliveries'])
      for (const { attributes } of await readingsOf(name))
        expect(Object.keys(attributes).sort()).toEqual(['messaging.system', OUTCOME]);
  });

  it('are in the guide, with all that the part brings, their outcomes, and no other', async () => {
    const { gauges, counters = [], durations = [] } = webhooksExtension;
    const brought = [...(gauges?.({} as never) ?? []), ...counters, ...durations];
    const [, table = ''] = PAGE.split(/^\| with `WebhooksModule` .*\n\|[ -|]*\|\n/m);
    const documented = table
      .split('\n\n', 1)[0]
      ?.split('\n')
      .map((row) => row.split('|').map((cell) => cell.trim().replaceAll('`', '')));
    expect(documented?.map(([, name, unit]) => [name, unit]).sort()).toEqual(
      brought.map((each) => [each.name, 'unit' in each ? each.unit : 's']).sort(),
    );
    for (const outcome of [...Object.keys(ATTEMPTS), 'delivered', 'dead_letter'])
      expect(table).toContain(`\`${outcome}\``);
  });
});
