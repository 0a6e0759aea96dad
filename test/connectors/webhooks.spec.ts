import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { INestApplicationContext } from '@nestjs/common';
import { z } from 'zod';
import { ConnectionWebhookStore } from '../../src/connectors/connections/connection-webhook.store.js';
import { ConnectorsEngine } from '../../src/connectors/connectors-engine.js';
import { ConnectorsStart } from '../../src/connectors/connectors-start.js';
import {
  bearer,
  type ConnectionContext,
  ConnectionsService,
  type ConnectionWithEndpoints,
  Connector,
  ConnectorsModule,
  ConnectorWebhook,
  type ConnectorWebhookEvent,
  type EndedWebhookSubscription,
  isEchoOf,
  type WebhookSubscription,
} from '../../src/connectors/index.js';
import type { TenantParts } from '../../src/connectors/tenants/tenant-parts.js';
import { followWebhook } from '../../src/connectors/tenants/webhook-turn.js';
import { SecretsModule } from '../../src/secrets/index.js';
import { FakeProvider, signedDelivery } from '../../src/testing/fake-provider.js';
import {
  IncomingEndpointsService,
  IncomingWebhookService,
  standardSource,
  WebhooksModule,
} from '../../src/webhooks/index.js';
import { type PartApp, startPartApp } from '../support/part-app.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { KEYS } from './connector-app.js';

let database: TestDatabase;
let provider: FakeProvider;
let app: PartApp;
/** What the methods have got. */
let came: { event: ConnectorWebhookEvent; context: ConnectionContext }[];
let given: WebhookSubscription[];
/** Whether the next event fails. */
let isFailing: boolean;

@Connector({
  key: 'printer',
  name: 'Printer',
  category: 'print',
  auth: bearer({ secret: 'token' }),
  secrets: z.object({ token: z.string() }),
  config: z.object({}),
  http: { baseUrl: () => provider.url },
})
class PrinterConnector {
  @ConnectorWebhook<ConnectionContext>({
    source: standardSource({ key: 'printer', secrets: 'endpoint' }),
    types: { job: { label: 'Jobs' } },
    async subscribe({ http }, asked: WebhookSubscription) {
      given.push(asked);
      const { url, secret, types, isRepeated } = asked;
      if (isRepeated) {
        const { items } = await http.get<{ items: { id: string; url: string }[] }>('/webhooks');
        const there = items.find((each) => each.url === url);
        if (there !== undefined) return { id: there.id };
      }
      return http.post('/webhooks', { json: { url, secret, types } });
    },
    async unsubscribe({ http }, { url }: EndedWebhookSubscription) {
      const { items } = await http.get<{ items: { id: string; url: string }[] }>('/webhooks');
      for (const each of items) if (each.url === url) await http.delete(`/webhooks/${each.id}`);
    },
  })
  onWebhook(event: ConnectorWebhookEvent, context: ConnectionContext) {
    came.push({ event, context });
  }

  @ConnectorWebhook<ConnectionContext>({
    source: standardSource({ key: 'by-hand', secrets: 'endpoint' }),
    types: { paper: {} },
  })
  onPaper(event: ConnectorWebhookEvent, context: ConnectionContext) {
    if (isFailing) {
      isFailing = false;
      throw new Error('the printer is on fire');
    }
    came.push({ event, context });
  }
}

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());
beforeEach(async () => {
  came = [];
  given = [];
  isFailing = false;
  provider = await FakeProvider.start({
    accepts: ({ headers }) => headers.authorization === 'Bearer printer-token',
  });
  app = await startPartApp(
    database,
    // Nothing runs but what a test lets run.
    { settings: { 'processor.enabled': false } },
    {
      imports: [
        SecretsModule.forRoot({ keys: KEYS }),
        WebhooksModule.forRoot({ incoming: { sources: [] }, publicUrl: 'https://app.example' }),
        ConnectorsModule.forRoot({ network: provider.network }),
      ],
      providers: [PrinterConnector],
    },
  );
});
afterEach(async () => {
  const { connections } = await acme().list();
  for (const { id } of connections) await acme().remove(id);
  await app.close();
  await provider.close();
});

const service = <T>(type: new (...each: never[]) => T): T =>
  (app.context as INestApplicationContext).get(type as new () => T, { strict: false });
const acme = () => service(ConnectionsService).forTenant('acme');
/** Runs what is due, also what waits for a lease of a turn that has died. */
const settled = async () => {
  await service(ConnectorsStart).runDue();
};
const create = () =>
  acme().create({ connector: 'printer', name: 'Printer', secrets: { token: 'printer-token' } });

async function enabled() {
  const made = await create();
  await acme().enable(made.id);
  await settled();
  return made;
}

function endpointOf({ endpoints }: ConnectionWithEndpoints, source: string): { id: string; secret: string } {
  const found = endpoints.find((each) => each.source === source);
  return { id: found?.id ?? '', secret: found?.secret ?? '' };
}

const webhookOf = async (id: string, source = 'printer') =>
  (await acme().get(id)).webhooks.find((each) => each.source === source);

/** The claims of turns that were cut off are over. */
async function claimsEnd(): Promise<void> {
  await database.pool.query(
    'UPDATE integration.connection_webhook SET owner_until = now(), due_at = now() WHERE owner_token IS NOT NULL',
  );
  await database.pool.query(
    "UPDATE integration.outgoing_target SET ready_at = now() WHERE kind = 'connection'",
  );
}

function deliver(source: string, endpointId: string, type: string, data: unknown, secret: string) {
  const { headers, body } = signedDelivery(type, data, secret);
  return service(IncomingWebhookService).accept(source, {
    method: 'POST',
    url: `/webhooks/${source}/${endpointId}`,
    headers,
    body: Buffer.from(body),
    endpointId,
  } as never);
}

describe('endpoints of a connection', () => {
  it('are made with it, paused until it is enabled, and removed with it', async () => {
    const made = await create();
    const bySource = Object.fromEntries(made.endpoints.map((each) => [each.source, each]));
    expect(bySource['by-hand']).toMatchObject({ status: 'paused', secret: expect.stringMatching(/^whsec_/) });
    expect(bySource.printer).toMatchObject({
      secret: null,
      url: expect.stringMatching(/^https:\/\/app\.example\/webhooks\/printer\//),
    });
    const status = async () => (await acme().get(made.id)).webhooks.map((each) => each.status);
    expect(await status()).toEqual(['paused', 'paused']);
    expect((await acme().enable(made.id)).endpoints).toEqual([]);
    expect(await status()).toEqual(['active', 'active']);
    await acme().disable(made.id);
    expect(await status()).toEqual(['paused', 'paused']);
    const { id } = endpointOf(made, 'printer');
    await expect(service(IncomingEndpointsService).forTenant('acme').remove(id)).rejects.toMatchObject({
      code: 'INTEGRATION_ADMIN_INVALID',
      message: expect.stringContaining('goes with it'),
    });
    await acme().remove(made.id);
    const { rows } = await database.pool.query(
      `SELECT 1 FROM integration.webhook_inbound UNION ALL SELECT 1 FROM integration.connection_webhook
       UNION ALL SELECT 1 FROM integration.integration_secret WHERE owner_type = 'webhook_inbound'
       UNION ALL SELECT 1 FROM integration.outgoing_target WHERE kind = 'connection'`,
    );
    expect(rows).toEqual([]);
  });

  it('go when it is revoked, and another enabling makes other ones', async () => {
    const made = await enabled();
    await acme().revoke(made.id);
    expect((await acme().get(made.id)).webhooks).toEqual([]);
    expect(provider.subscriptions).toEqual([]);
    await acme().update(made.id, { secrets: { token: 'printer-token' } });
    const again = await acme().enable(made.id);
    expect(again.endpoints.map(({ source }) => source).sort()).toEqual(['by-hand', 'printer']);
    await settled();
    expect(provider.subscriptions).toHaveLength(1);
    await acme().remove(made.id);
  });

  it('belong to one tenant: no other connection can be written beside them', async () => {
    const made = await create();
    await expect(
      database.pool.query(
        `INSERT INTO integration.webhook_inbound (id, tenant_id, source, connection_id) VALUES (gen_random_uuid(), 'other', 'x', $1)`,
        [made.id],
      ),
    ).rejects.toMatchObject({ code: '23503' });
    await acme().remove(made.id);
  });
});

describe('what the other system delivers', () => {
  it('comes to the method, with the context of its connection, as an event that came from there', async () => {
    const made = await create();
    await acme().enable(made.id);
    const { id, secret } = endpointOf(made, 'by-hand');
    await deliver('by-hand', id, 'paper.empty', { tray: 2 }, secret);
    await deliver('by-hand', id, 'ink.empty', {}, secret);
    await app.processor.drain();
    expect(came).toHaveLength(1);
    const [{ event, context }] = came as [(typeof came)[0]];
    expect(event).toMatchObject({ source: 'by-hand', type: 'paper.empty', body: { data: { tray: 2 } } });
    expect(context).toMatchObject({ tenantId: 'acme', connection: { id: made.id } });
    expect(isEchoOf(event.event, made)).toBe(true);
    await acme().remove(made.id);
  });

  it('is refused while the connection is disabled, and is handled again when the method fails', async () => {
    const made = await create();
    await acme().enable(made.id);
    const { id, secret } = endpointOf(made, 'by-hand');
    await acme().disable(made.id);
    await expect(deliver('by-hand', id, 'paper.empty', {}, secret)).rejects.toMatchObject({
      code: 'INTEGRATION_WEBHOOK_ENDPOINT_PAUSED',
    });
    await acme().enable(made.id);
    isFailing = true;
    await deliver('by-hand', id, 'paper.empty', {}, secret);
    // The retry has its delay.
    while (came.length === 0) await app.processor.drain();
    expect([came.length, isFailing]).toEqual([1, false]);
    await acme().remove(made.id);
  });

  it('becomes a dead letter if the connection was disabled meanwhile, and nothing if it is gone', async () => {
    const made = await create();
    await acme().enable(made.id);
    const { id, secret } = endpointOf(made, 'by-hand');
    await deliver('by-hand', id, 'paper.empty', {}, secret);
    await acme().disable(made.id);
    await app.processor.drain();
    const deadLetters = async () =>
      (
        await database.pool.query(
          "SELECT last_error FROM integration.inbox_event WHERE consumer_name = 'connectors.printer.by-hand' AND status = 'dead_letter'",
        )
      ).rows;
    expect(await deadLetters()).toEqual([{ last_error: expect.stringContaining('is disabled') }]);
    await acme().enable(made.id);
    await deliver('by-hand', id, 'paper.empty', {}, secret);
    await acme().remove(made.id);
    await app.processor.drain();
    expect(await deadLetters()).toHaveLength(1);
    expect(came).toEqual([]);
  });
});

describe('subscribing at the other system', () => {
  it('gives it the URL, the secret and the types, and ends with the connection', async () => {
    const made = await enabled();
    expect(provider.subscriptions).toEqual([
      {
        id: expect.any(String),
        url: (await webhookOf(made.id))?.url,
        types: ['job'],
        secret: given[0]?.secret,
      },
    ]);
    expect(given[0]).toMatchObject({ isRepeated: false, subscription: undefined, types: ['job'] });
    expect(await webhookOf(made.id)).toMatchObject({ subscription: 'subscribed', lastError: null });
    const { id = '' } = (await webhookOf(made.id)) ?? {};
    await deliver('printer', id, 'job.done', { n: 1 }, given[0]?.secret ?? '');
    await app.processor.drain();
    expect(came.map(({ event }) => event.type)).toEqual(['job.done']);
    await acme().disable(made.id);
    await settled();
    expect(provider.subscriptions).toEqual([]);
    expect(await webhookOf(made.id)).toMatchObject({ subscription: 'none' });
    await acme().enable(made.id);
    await settled();
    expect(provider.subscriptions).toHaveLength(1);
    await acme().remove(made.id);
    expect(provider.subscriptions).toEqual([]);
  });

  it('is tried again after failures, whose reasons have no secrets', async () => {
    provider.next('/webhooks').answers(500);
    provider.next('/webhooks').answers(500);
    provider.next('/webhooks').answers(500);
    provider.next('/webhooks').answers(500);
    const made = await enabled();
    const { id = '', lastError } = (await webhookOf(made.id)) ?? {};
    expect(lastError).toMatch(/500/);
    expect(lastError).not.toContain('printer-token');
    await database.pool.query(
      'UPDATE integration.connection_webhook SET due_at = now() WHERE endpoint_id = $1',
      [id],
    );
    await claimsEnd();
    await settled();
    expect(await webhookOf(made.id)).toMatchObject({ subscription: 'subscribed', lastError: null });
    expect(provider.subscriptions).toHaveLength(1);
    await acme().remove(made.id);
  });

  it('tells why the other system was not told, and revokes all the same', async () => {
    const made = await enabled();
    provider.next('/webhooks').answers(401);
    const { notTold, connection } = await acme().revoke(made.id);
    expect(notTold).toMatch(/401/);
    expect(connection.state).toBe('revoked');
    await acme().remove(made.id);
  });
});

describe('a process that dies', () => {
  type Death = 'before' | 'during' | 'after';

  /** One turn of a process that dies: its claim stays, and nothing of it is saved. */
  async function deadTurn(endpointId: string, death: Death): Promise<void> {
    const { partsOfWork: parts } = service(ConnectorsEngine);
    const dying = new AbortController();
    if (death === 'before') {
      // It dies with its claim, before the other system has heard of it.
      await new ConnectionWebhookStore(parts.db).claim(
        { tenantId: 'acme', endpointId },
        '00000000-0000-4000-8000-000000000000',
        60_000,
      );
      return;
    }
    if (death === 'during') provider.next('/webhooks').hangs();
    const { requests } = provider;
    const turn = followWebhook(
      death === 'after' ? { ...parts, db: unsaving(parts.db) } : parts,
      { tenantId: 'acme', endpointId },
      { signal: dying.signal },
    );
    if (death === 'during') {
      while (provider.requests.length === requests.length)
        await new Promise((resolve) => setImmediate(resolve));
      dying.abort(new Error('it died'));
      expect(await turn).toEqual({ is: 'cut-off' });
      provider.release();
    } else await expect(turn).rejects.toThrow('it died');
  }

  /** The answer has come, and the process dies with the transaction that would save it. */
  function unsaving(db: TenantParts['db']): TenantParts['db'] {
    let transactions = 0;
    return new Proxy(db, {
      get(target, name) {
        const value = Reflect.get(target, name) as unknown;
        if (name === 'transaction' && ++transactions > 1) throw new Error('it died');
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
  }

  const DEATHS: Death[] = ['before', 'during', 'after'];

  it.each(DEATHS)('%s the answer to subscribing leaves one subscription in the end', async (death) => {
    const made = await create();
    await acme().enable(made.id);
    const { id = '' } = (await webhookOf(made.id)) ?? {};
    await deadTurn(id, death);
    expect(
      await followWebhook(service(ConnectorsEngine).partsOfWork, { tenantId: 'acme', endpointId: id }),
    ).toEqual({
      is: 'not-ours',
    });
    await claimsEnd();
    await settled();
    expect(provider.subscriptions).toHaveLength(1);
    expect(given.at(-1)?.isRepeated).toBe(true);
    expect(await webhookOf(made.id)).toMatchObject({ subscription: 'subscribed' });
    await acme().remove(made.id);
  });

  it.each(DEATHS)(
    '%s the answer to subscribing, and disabled then, leaves no subscription',
    async (death) => {
      const made = await create();
      await acme().enable(made.id);
      const { id = '' } = (await webhookOf(made.id)) ?? {};
      await deadTurn(id, death);
      await acme().disable(made.id);
      await claimsEnd();
      await settled();
      expect(provider.subscriptions).toEqual([]);
      expect(await webhookOf(made.id)).toMatchObject({ subscription: 'none' });
      await acme().remove(made.id);
    },
  );

  it('with a slow answer: what is wanted by then is asked for next', async () => {
    const made = await create();
    await acme().enable(made.id);
    const { id = '' } = (await webhookOf(made.id)) ?? {};
    provider.next('/webhooks').hangs();
    const turn = followWebhook(service(ConnectorsEngine).partsOfWork, { tenantId: 'acme', endpointId: id });
    while (provider.subscriptions.length === 0) await new Promise((resolve) => setImmediate(resolve));
    await acme().disable(made.id);
    provider.release();
    expect(await turn).toEqual({ is: 'done' });
    await claimsEnd();
    await settled();
    expect(provider.subscriptions).toEqual([]);
    await acme().remove(made.id);
  });

  it('what a turn has heard that another one has overtaken is not saved', async () => {
    const made = await create();
    await acme().enable(made.id);
    const { id = '' } = (await webhookOf(made.id)) ?? {};
    const store = new ConnectionWebhookStore(service(ConnectorsEngine).database);
    const of = { tenantId: 'acme', endpointId: id };
    const late = await store.claim(of, '00000000-0000-4000-8000-000000000001', -1);
    const next = await store.claim(of, '00000000-0000-4000-8000-000000000002', 60_000);
    if (late === undefined || next === undefined) throw new Error('a claim was refused');
    expect(await store.done(late, { id: 'late' })).toBe(false);
    expect(await store.done(next, { id: 'next' })).toBe(true);
    const { rows } = await database.pool.query('SELECT subscription FROM integration.connection_webhook');
    expect(rows).toEqual([{ subscription: { id: 'next' } }]);
    await acme().remove(made.id);
  });
});
