import { randomBytes, randomUUID } from 'node:crypto';
import { tmpdir } from 'node:os';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Webhook } from 'standardwebhooks';
import { OperationService } from '../../src/index.js';
import { runCommandIn } from '../support/command.js';
import { DESTINATION, withDeadWebhook } from '../support/dead-webhook.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';
import { type OutgoingApp, startOutgoingApp } from '../webhooks/outgoing-app.js';
import { destinationOf } from '../webhooks/outgoing-stage.js';
import { LOOPBACK, type Receiver, startReceiver } from '../webhooks/sending-stage.js';

const KEYS = `k1=${randomBytes(32).toString('base64')}`;
const HERE = `--allow ${LOOPBACK.allow.join(',')} --http`;

let database: TestDatabase;
let receiver: Receiver;
let status: number;
let app: OutgoingApp | undefined;

beforeAll(async () => {
  receiver = await startReceiver(() => ({ status, body: 'as they say' }));
});
beforeEach(async () => {
  status = 200;
  database = await createTestDatabase();
  await withDeadWebhook(database);
  await database.pool.query('UPDATE integration.webhook_destination SET url = $1', [receiver.url]);
});
afterEach(async () => {
  await app?.close();
  app = undefined;
  await database.drop();
});
afterAll(() => receiver.close());

const run = (words: string, keys = KEYS) =>
  runCommandIn(
    {
      folder: tmpdir(),
      environment: { ...process.env, DATABASE_URL: database.url, INTEGRATION_KEYS: keys },
      terminal: undefined,
    },
    words.split(' '),
  );

/** An application that routes, sends and works operations off by itself. */
async function startApp(): Promise<OutgoingApp> {
  app = await startOutgoingApp(database, { isRunning: true, outgoing: { network: LOOPBACK } });
  return app;
}

async function rotated(options = ''): Promise<string> {
  const { stdout } = await run(`webhooks rotate-secret ${DESTINATION} --yes${options}`);
  return /whsec_\S+/.exec(stdout)?.[0] ?? '';
}

describe('webhooks rotate-secret', () => {
  it('shows a secret with which the receiver can verify what is sent, and no table has it', async () => {
    const secret = await rotated();
    expect(await run(`webhooks test ${DESTINATION} --type order.placed ${HERE} --yes`)).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(
        /^The test was answered with 200 after \d+ ms\.\nThe answer says: as they say\n$/,
      ),
    });
    const got = receiver.got.all.at(-1);
    expect(got?.id).toMatch(/^msg_test_/);
    const body = new Webhook(secret).verify(got?.body ?? '', got?.headers as Record<string, string>);
    expect(body).toMatchObject({ type: 'order.placed', data: { test: true } });
    const { rows } = await database.pool.query(
      `SELECT row_to_json(a)::text AS text FROM integration.integration_audit a
       UNION ALL SELECT row_to_json(s)::text FROM integration.integration_secret s`,
    );
    expect(rows).toHaveLength(3);
    expect(JSON.stringify(rows)).not.toContain(secret.slice('whsec_'.length));
  });

  it('signs with the secret before it as well, until the overlap ends', async () => {
    const [before, after] = [await rotated(), await rotated(' --overlap-hours 1')];
    await run(`webhooks test ${DESTINATION} --type order.placed ${HERE} --yes`);
    const got = receiver.got.all.at(-1);
    for (const secret of [before, after])
      expect(
        new Webhook(secret).verify(got?.body ?? '', got?.headers as Record<string, string>),
      ).toBeDefined();
    const alone = await rotated(' --overlap-hours 0');
    await run(`webhooks test ${DESTINATION} --type order.placed ${HERE} --yes`);
    expect(String(receiver.got.all.at(-1)?.headers['webhook-signature'])).toMatch(/^v1,\S+$/);
    expect(alone).not.toBe(after);
  });

  it('shows the public key of v1a', async () => {
    await database.pool.query(`UPDATE integration.webhook_destination SET signing = 'v1a'`);
    const { stdout } = await run(`webhooks rotate-secret ${DESTINATION} --yes --json`);
    expect(JSON.parse(stdout)).toEqual({
      destination: DESTINATION,
      secret: null,
      publicKey: expect.stringMatching(/^whpk_/),
    });
  });

  it('needs a key, and says so', async () => {
    const { status: exit, stderr } = await run(`webhooks rotate-secret ${DESTINATION} --yes`, '');
    expect([exit, stderr]).toEqual([1, expect.stringContaining('INTEGRATION_KEYS')]);
  });
});

describe('webhooks test', () => {
  it('fails where the receiver refuses, and says what it answered', async () => {
    await rotated();
    status = 500;
    expect(await run(`webhooks test ${DESTINATION} --type order.placed ${HERE} --yes`)).toMatchObject({
      status: 1,
      stdout: expect.stringContaining('The test was answered with 500'),
    });
  });

  it('connects to no inner address unless it is allowed', async () => {
    await rotated();
    const before = receiver.got.all.length;
    const { status: exit, stdout } = await run(`webhooks test ${DESTINATION} --type order.placed --yes`);
    expect([exit, stdout]).toEqual([1, expect.stringContaining('The test got no answer')]);
    expect(receiver.got.all).toHaveLength(before);
  });

  it('asks for a type where the destination names none', async () => {
    const { status: exit, stderr } = await run(`webhooks test ${DESTINATION} --yes`);
    expect([exit, stderr]).toEqual([2, expect.stringContaining('give one with --type')]);
  });
});

describe('webhooks redrive', () => {
  it('takes one delivery, or a destination, and not both or none', async () => {
    for (const words of ['', ` ${DESTINATION}.1 --destination ${DESTINATION}`])
      expect((await run(`webhooks redrive${words} --yes`)).status).toBe(2);
  });

  it.each(['redrive --destination', 'test', 'rotate-secret', 'replay --since 2026-01-01T00:00:00Z'])(
    '%s: says that a destination is not there',
    async (verb) => {
      const { status: exit, stderr } = await run(`webhooks ${verb} ${randomUUID()} --yes`);
      expect([exit, stderr]).toEqual([1, expect.stringContaining('has no destination')]);
    },
  );
});

describe('beside an application', () => {
  it('webhooks replay ends when all is sent, and the receiver has each event once more', async () => {
    const running = await startApp();
    const before = receiver.got.all.length;
    const destination = await destinationOf(running, { url: receiver.url, eventTypes: ['invoice.created'] });
    await running.publish(...[1, 2, 3].map((n) => ({ aggregateId: `i${n}`, payload: { n } })));
    const got = () =>
      receiver.got.all.slice(before).map(({ id, body }) => `${id} ${JSON.parse(body).data.n}`);
    await receiver.got.first(before + 3);
    const once = got().sort();
    await until('the first attempts are saved', async () => {
      const { deliveries } = await running.of('acme').deliveries({ destinationId: destination });
      return deliveries.length === 3 && deliveries.every((each) => each.status === 'delivered');
    });
    const words = `webhooks replay ${destination} --since 2026-01-01T00:00:00Z --by ann --yes`;
    const { status: exit, stdout } = await run(words);
    expect([exit, stdout]).toEqual([0, expect.stringMatching(/^3 events sent to the destination\.\n/)]);
    const operations = running.context.get(OperationService);
    const [operation] = (await operations.list()).operations;
    expect(operation).toMatchObject({
      kind: 'webhooks.replay',
      state: 'done',
      changed: 3,
      requestedBy: 'ann',
      error: null,
    });
    await receiver.got.first(before + 6);
    await until('the second attempts are saved', async () => {
      const { deliveries } = await running.of('acme').deliveries({ destinationId: destination });
      return deliveries.every((each) => each.status === 'delivered' && each.attempts === 2);
    });
    expect(got().sort()).toEqual([...once, ...once].sort());
  });

  it('webhooks redrive ends when all is sent, and says what could not be', async () => {
    await database.pool.query(
      `INSERT INTO integration.webhook_delivery (destination_id, position, tenant_id, entity, status, last_error)
       VALUES ($1, 2, 'acme', 0, 'dead', 'no body')`,
      [DESTINATION],
    );
    await startApp();
    const { status: exit, stdout } = await run(`webhooks redrive --destination ${DESTINATION} --yes`);
    expect([exit, ...stdout.split('\n').slice(0, 2)]).toEqual([
      0,
      '1 event sent to the destination again.',
      '1 event not sent: deleted by retention meanwhile, sent by somebody else, or without a body.',
    ]);
  });
});
