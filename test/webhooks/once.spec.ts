import { createHmac } from 'node:crypto';
import { afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { Controller, Inject, Logger, Post } from '@nestjs/common';
import {
  githubSource,
  graphHandshake,
  hmacSource,
  IncomingWebhookService,
  metaHandshake,
  sharedSecretSource,
  slackSource,
  stripeSource,
  VerifiedWebhook,
  type VerifiedWebhookRequest,
  WebhookEvent,
  zoomHandshake,
} from 'nestjs-integration/webhooks';
import { MaintenanceJob } from '../../src/maintenance/maintenance.job.js';
import { runJsonCommand } from '../support/command.js';
import { emptyTables } from '../support/empty-tables.js';
import { gate } from '../support/gate.js';
import { until } from '../support/until.js';
import {
  fromGithub,
  PLATFORMS,
  SECRET,
  storedEvents,
  storedRows,
  type WebhookApp,
  type WebhookAppSetup,
} from './webhook-app.js';
import { webhookStage } from './webhook-stage.js';

const BODY = JSON.stringify({ repository: { id: 7 } });
const github = { incoming: { sources: [githubSource({ secrets: SECRET })] } };

const stage = webhookStage();
beforeAll(async () => {
  await stage.database.pool.query('CREATE TABLE paid_invoice (id text PRIMARY KEY)');
});
afterEach(async () => {
  await emptyTables(stage.database.pool, 'paid_invoice');
});

const start = async (setup: Partial<WebhookAppSetup> = {}): Promise<WebhookApp> => {
  return stage.start({ webhooks: github, ...setup });
};

const delivery = { source: 'own', key: 'k1', type: 'paid' };
const paid = {
  eventName: 'invoice.paid',
  sourceModule: 'finance',
  aggregateType: 'invoice',
  aggregateId: 'i1',
};
const write = (tx: { $executeRawUnsafe(sql: string, ...values: unknown[]): PromiseLike<number> }) =>
  tx.$executeRawUnsafe('INSERT INTO paid_invoice (id) VALUES ($1)', 'i1');

async function written(): Promise<object> {
  const { rows } = await stage.database.pool.query('SELECT count(*)::int AS invoices FROM paid_invoice');
  return { ...(await storedRows(stage.database)), ...rows[0] };
}

describe('once', () => {
  it('commits the claim, the writes and the events together, and does nothing the second time', async () => {
    const { webhooks } = await start();
    const act = () =>
      webhooks.once(delivery, async (tx, emit) => {
        await write(tx);
        return (await emit(paid)).position;
      });
    expect(await act()).toEqual({ status: 'processed', result: expect.any(Number) });
    expect(await act()).toEqual({ status: 'duplicate' });
    expect(await written()).toEqual({ events: 1, receipts: 1, bodies: 0, invoices: 1 });
  });

  it.each([
    ['before it writes', 0],
    ['after its write', 1],
    ['after its event', 2],
  ])('leaves nothing if it fails %s, and is done by the next call', async (_, step) => {
    const { webhooks } = await start();
    const act = (failsAt: number) =>
      webhooks.once(delivery, async (tx, emit) => {
        const steps = [() => write(tx), () => emit(paid), () => {}];
        for (const [place, each] of steps.entries()) {
          if (place === failsAt) throw new Error('it failed');
          await each();
        }
      });
    await expect(act(step)).rejects.toThrow('it failed');
    expect(await written()).toEqual({ events: 0, receipts: 0, bodies: 0, invoices: 0 });
    expect(await act(-1)).toMatchObject({ status: 'processed' });
  });

  it('lets equal deliveries wait: one does it, and where it rolls back, another does', async () => {
    const { webhooks } = await start();
    const [entered, opened] = [gate(), gate()];
    const first = webhooks.once(delivery, async (tx) => {
      await write(tx);
      entered.open();
      await opened.opened;
      throw new Error('rolled back');
    });
    await entered.opened;
    const others = Array.from({ length: 5 }, () => webhooks.once(delivery, async (tx) => write(tx)));
    opened.open();
    await expect(first).rejects.toThrow('rolled back');
    const statuses = (await Promise.all(others)).map(({ status }) => status).sort();
    expect(statuses).toEqual(['duplicate', 'duplicate', 'duplicate', 'duplicate', 'processed']);
    expect(await written()).toMatchObject({ receipts: 1, invoices: 1 });
  });

  it('knows equal keys of two tenants and of two sources as different deliveries', async () => {
    const { webhooks } = await start();
    const act = (its: object) =>
      webhooks.once({ ...delivery, ...its }, (_, emit) => emit(paid)).then(({ status }) => status);
    expect([
      await act({ tenantId: 'a' }),
      await act({ tenantId: 'b' }),
      await act({ tenantId: 'a' }),
      await act({ source: 'other' }),
    ]).toEqual(['processed', 'processed', 'duplicate', 'processed']);
    const events = await storedEvents(stage.database);
    expect(events.map(({ metadata }) => metadata.tenantId)).toEqual(['a', 'b', undefined]);
    const raw = fromGithub(BODY);
    const request = { method: 'POST', url: '', headers: raw.headers, body: Buffer.from(BODY) };
    const accepted = [];
    for (const tenantId of ['a', 'b', 'a'])
      accepted.push((await webhooks.accept('github', request, { tenantId })).status);
    expect(accepted).toEqual(['accepted', 'accepted', 'repeated']);
    const marks = (await storedEvents(stage.database))
      .slice(3)
      .map(({ metadata }) => metadata.webhook.repeatedBody);
    expect(marks).toEqual([undefined, undefined]);
  });

  it('does not hear of bodies that another tenant got under another id', async () => {
    const { webhooks } = await start();
    const accept = (id: string, tenantId: string) => {
      const { headers } = fromGithub(BODY, { id });
      return webhooks.accept(
        'github',
        { method: 'POST', url: '', headers, body: Buffer.from(BODY) },
        { tenantId },
      );
    };
    for (const [id, tenantId] of [
      ['d1', 'a'],
      ['d2', 'b'],
      ['d3', 'b'],
    ] as const)
      expect(await accept(id, tenantId)).toMatchObject({ status: 'accepted' });
    const events = await storedEvents(stage.database);
    expect(events.map(({ metadata }) => [metadata.tenantId, metadata.webhook.repeatedBody])).toEqual([
      ['a', undefined],
      ['b', undefined],
      ['b', true],
    ]);
  });

  it('refuses what is no delivery', async () => {
    const { webhooks } = await start();
    const refused = webhooks.once({ source: 'own', key: '', type: 'x'.repeat(256) }, async () => {});
    await expect(refused).rejects.toMatchObject({
      code: 'INTEGRATION_EVENT_INVALID',
      details: { fields: ['key', 'type'] },
    });
  });
});

@Controller('payments')
class PaymentsController {
  @Post()
  @VerifiedWebhook('github')
  paid(@WebhookEvent() { deliveryId, type, json, secret }: VerifiedWebhookRequest): object {
    return { deliveryId, type, json, secret };
  }

  @Post('unknown')
  @VerifiedWebhook('nobody')
  never(): object {
    return {};
  }
}

@Controller('own')
class OwnController {
  constructor(@Inject(IncomingWebhookService) private readonly webhooks: IncomingWebhookService) {}

  @Post()
  @VerifiedWebhook('github')
  paid(@WebhookEvent() { source, deliveryId: key, type }: VerifiedWebhookRequest): Promise<object> {
    return this.webhooks.once({ source, key, type }, async () => 'done');
  }

  /** Does each element of a list once. */
  @Post('list')
  @VerifiedWebhook('github')
  async list(@WebhookEvent() { source, type, json }: VerifiedWebhookRequest): Promise<object> {
    const statuses: string[] = [];
    for (const key of json as string[])
      statuses.push((await this.webhooks.once({ source, key, type }, async () => {})).status);
    return statuses;
  }
}

const rejecting = { incoming: { sources: [githubSource({ secrets: SECRET, repeatedBody: 'reject' })] } };

describe.each(PLATFORMS)("with repeatedBody: 'reject' on %s, a route with `once`", (platform) => {
  const setup = { platform, webhooks: rejecting, module: { controllers: [OwnController] } };
  const refused = { status: 409, json: { code: 'INTEGRATION_WEBHOOK_REPEATED', step: 'repeated-body' } };

  it('refuses a body under another id, and knows a repetition', async () => {
    const { send } = await start({ ...setup, create: { rawBody: true } });
    expect(await send('/own', fromGithub(BODY, { id: 'a' }))).toMatchObject({
      json: { status: 'processed' },
    });
    expect(await send('/own', fromGithub(BODY, { id: 'a' }))).toMatchObject({
      json: { status: 'duplicate' },
    });
    expect(await send('/own', fromGithub(BODY, { id: 'b' }))).toMatchObject(refused);
    // What was taken in by one of the two ways is known to the other.
    expect(await send('/webhooks/github', fromGithub(BODY, { id: 'c' }))).toMatchObject(refused);
    await send('/webhooks/github', fromGithub('{"n":2}', { id: 'd' }));
    expect(await send('/own', fromGithub('{"n":2}', { id: 'e' }))).toMatchObject(refused);
  });

  it('does each element of a list, and refuses the list under other ids', async () => {
    const { send } = await start({ ...setup, create: { rawBody: true } });
    const list = JSON.stringify(['k1', 'k2']);
    expect((await send('/own/list', fromGithub(list, { id: 'a' }))).json).toEqual(['processed', 'processed']);
    expect((await send('/own/list', fromGithub(list, { id: 'b' }))).json).toEqual(['duplicate', 'duplicate']);
    expect(await send('/own', fromGithub(list, { id: 'c' }))).toMatchObject(refused);
  });
});

describe("with repeatedBody: 'reject', `once` outside of a route", () => {
  const body = 'a'.repeat(64);
  const take = (webhooks: WebhookApp['webhooks'], key: string, bodyHash?: string) =>
    webhooks.once({ source: 'github', key, type: 'paid', bodyHash }, async () => key);

  it('takes the hash that `verify` returned', async () => {
    const { webhooks } = await start({ webhooks: rejecting });
    const sent = fromGithub(BODY);
    const verified = await webhooks.verify('github', {
      method: 'POST',
      url: 'https://example.com/own',
      headers: sent.headers,
      body: Buffer.from(sent.body),
    });
    expect(await take(webhooks, 'a', verified.bodyHash)).toEqual({ status: 'processed', result: 'a' });
    await expect(take(webhooks, 'b', verified.bodyHash)).rejects.toMatchObject({
      code: 'INTEGRATION_WEBHOOK_REPEATED',
    });
    expect(await take(webhooks, 'c')).toMatchObject({ status: 'processed' });
    await expect(take(webhooks, 'd', 'no hash')).rejects.toThrow(/bodyHash must be/);
  });

  it('does one of two keys that bring a body at the same moment', async () => {
    const { webhooks } = await start({ webhooks: rejecting });
    const [inside, mayEnd] = [gate(), gate()];
    const first = webhooks.once({ source: 'github', key: 'a', type: 'paid', bodyHash: body }, async () => {
      inside.open();
      await mayEnd.opened;
    });
    await inside.opened;
    const second = take(webhooks, 'b', body);
    // The second one waits for the end of the first one in the database.
    await until('a transaction waits for the body', async () => {
      const { rows } = await stage.database.pool.query(
        `SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
         AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
      );
      return rows.length > 0;
    });
    mayEnd.open();
    expect(await first).toMatchObject({ status: 'processed' });
    await expect(second).rejects.toMatchObject({ code: 'INTEGRATION_WEBHOOK_REPEATED' });
  });
});

describe.each(PLATFORMS)('on %s, a route of the application', (platform) => {
  const module = { controllers: [PaymentsController] };

  it('gets requests that its source has signed, and no others', async () => {
    const { send } = await start({ platform, module, create: { rawBody: true } });
    expect(await send('/payments', fromGithub(BODY))).toMatchObject({
      status: 201,
      json: { deliveryId: 'd1', type: 'push', json: { repository: { id: 7 } }, secret: 0 },
    });
    expect(await send('/payments', fromGithub(BODY, { secret: 'x' }))).toMatchObject({
      status: 401,
      json: { code: 'INTEGRATION_WEBHOOK_SIGNATURE', step: 'signature' },
    });
    expect(await send('/payments/unknown', fromGithub(BODY))).toMatchObject({ status: 404 });
    expect(await storedRows(stage.database)).toEqual({ events: 0, receipts: 0, bodies: 0 });
  });

  it('says what to do where the bytes are gone, and not that the signature is wrong', async () => {
    const { send } = await start({ platform, module });
    expect(await send('/payments', fromGithub(BODY))).toMatchObject({
      status: 500,
      json: {
        code: 'INTEGRATION_WEBHOOK_RAW_BODY_MISSING',
        message: expect.stringContaining('rawBody: true'),
      },
    });
  });
});

describe('a process whose clock is ten minutes off', () => {
  it.each([-600_000, 600_000])(
    'accepts what is signed by the right time, and says so (%d ms)',
    async (off) => {
      const warned: string[] = [];
      const spy = jest.spyOn(Logger.prototype, 'warn').mockImplementation((text) => {
        warned.push(String(text));
      });
      try {
        const sources = [stripeSource({ secrets: 'secret' })];
        const { send } = await start({ webhooks: { incoming: { sources } } });
        const now = Date.now();
        jest.useFakeTimers({ now: now + off, doNotFake: DO_NOT_FAKE });
        const signed = (at: number, id: string) => {
          const body = JSON.stringify({ id, type: 'a' });
          const time = String(Math.floor(at / 1_000));
          const v1 = createHmac('sha256', 'secret').update(`${time}.${body}`).digest('hex');
          return {
            body,
            headers: { 'content-type': 'application/json', 'stripe-signature': `t=${time},v1=${v1}` },
          };
        };
        expect(await send('/webhooks/stripe', signed(now, 'e1'))).toMatchObject({ status: 200 });
        expect(await send('/webhooks/stripe', signed(now + off, 'e2'))).toMatchObject({
          status: 401,
          json: { code: 'INTEGRATION_WEBHOOK_TIMESTAMP' },
        });
        expect(warned.join()).toMatch(/clock of this process is (599|600|601) s (ahead of|behind)/);
      } finally {
        spy.mockRestore();
      }
    },
  );
});

/** Only the clock is to be wrong. Timers run. */
const DO_NOT_FAKE = [
  'hrtime',
  'nextTick',
  'performance',
  'queueMicrotask',
  'setImmediate',
  'clearImmediate',
  'setInterval',
  'clearInterval',
  'setTimeout',
  'clearTimeout',
] as const as never;

describe('during a rotation', () => {
  it('the new and the old secret are accepted, and the event says which one it was', async () => {
    const sources = [githubSource({ secrets: ['new', 'old'] })];
    const { send } = await start({ webhooks: { incoming: { sources } } });
    for (const [id, secret] of [
      ['d1', 'old'],
      ['d2', 'new'],
      ['d3', 'older'],
    ] as const)
      await send('/webhooks/github', fromGithub(`{"id":"${id}"}`, { id, secret }));
    const events = await storedEvents(stage.database);
    expect(events.map(({ metadata }) => [metadata.webhook.deliveryId, metadata.webhook.secret])).toEqual([
      ['d1', 1],
      ['d2', 0],
    ]);
  });
});

describe('handshakes', () => {
  it('that answer what is no reply lose no delivery, and neither do times that are none', async () => {
    const answers: unknown[] = [undefined, null, false, true, '', 'challenge', 0, 1];
    const sources = answers.flatMap((answer, index) =>
      [answer, Promise.resolve(answer)].map((given, kind) =>
        githubSource({
          key: `own${index}-${kind}`,
          secrets: 'secret',
          handshake: () => given as undefined,
          occurredAt: () => answer as undefined,
        }),
      ),
    );
    const { send } = await start({ webhooks: { incoming: { sources } } });
    const body = '{"a":1}';
    const signature = createHmac('sha256', 'secret').update(body).digest('hex');
    const headers = {
      'content-type': 'application/json',
      'x-github-event': 'push',
      'x-github-delivery': 'd1',
    };
    for (const { key } of sources) {
      const genuine = { ...headers, 'x-hub-signature-256': `sha256=${signature}` };
      const answer = await send(`/webhooks/${key}`, { body, headers: genuine });
      expect([key, answer.status, answer.json.status]).toEqual([key, 200, 'accepted']);
      const forged = await send(`/webhooks/${key}`, { body, headers });
      expect([key, forged.status >= 400]).toEqual([key, true]);
    }
  });

  const zoom = {
    header: 'x-zm-signature',
    prefix: 'v0=',
    timestampHeader: 'x-zm-request-timestamp',
    signed: ({ body }: { body: Buffer }, time: string) => [`v0:${time}:`, body],
  };
  const own = { deliveryId: () => undefined, type: () => 'x' };
  const sources = [
    slackSource({ secrets: 'secret' }),
    githubSource({ key: 'meta', secrets: 'secret', handshake: metaHandshake({ verifyToken: 'typed in' }) }),
    sharedSecretSource({
      ...own,
      key: 'graph',
      secrets: 'state',
      where: 'x-state',
      handshake: graphHandshake(),
    }),
    hmacSource({
      ...own,
      key: 'zoom',
      secrets: 'secret',
      signature: zoom,
      handshake: zoomHandshake({ secret: 'secret' }),
    }),
  ];
  const signed = (body: string, header: string, timeHeader: string, secret = 'secret') => {
    const time = String(Math.floor(Date.now() / 1_000));
    const v0 = createHmac('sha256', secret).update(`v0:${time}:${body}`).digest('hex');
    return {
      body,
      headers: { 'content-type': 'application/json', [timeHeader]: time, [header]: `v0=${v0}` },
    };
  };

  it.each(PLATFORMS)(
    'of Slack, Meta, Microsoft Graph and Zoom are answered and publish nothing (%s)',
    async (platform) => {
      const { send } = await start({ platform, webhooks: { incoming: { sources } } });
      const slack = (secret?: string) =>
        signed(
          '{"type":"url_verification","challenge":"c1"}',
          'x-slack-signature',
          'x-slack-request-timestamp',
          secret,
        );
      const challenge = '{"event":"endpoint.url_validation","payload":{"plainToken":"p1"}}';
      const ofZoom = (secret?: string) =>
        signed(challenge, 'x-zm-signature', 'x-zm-request-timestamp', secret);
      const hub = (token: string) =>
        `/webhooks/meta?hub.mode=subscribe&hub.challenge=42&hub.verify_token=${token}`;
      const answers = [
        await send('/webhooks/slack', slack()),
        await send('/webhooks/slack', slack('x')),
        await send(hub('typed%20in'), { method: 'GET' }),
        await send(hub('guessed'), { method: 'GET' }),
        await send('/webhooks/graph?validationToken=a%20%3Cb%3E', {}),
        await send('/webhooks/zoom', ofZoom()),
        await send('/webhooks/zoom', ofZoom('x')),
      ];
      const encryptedToken = createHmac('sha256', 'secret').update('p1').digest('hex');
      expect(answers.map(({ status, text }) => [status, status === 200 ? text : undefined])).toEqual([
        [200, 'c1'],
        [401, undefined],
        [200, '42'],
        [403, undefined],
        [200, 'a <b>'],
        [200, JSON.stringify({ plainToken: 'p1', encryptedToken })],
        [401, undefined],
      ]);
      expect(answers[4]?.headers.get('content-type')).toMatch(/^text\/plain/);
      expect(answers[6]?.text).not.toContain(encryptedToken);
      expect(await storedRows(stage.database)).toEqual({ events: 0, receipts: 0, bodies: 0 });
    },
  );
});

describe('the counts', () => {
  it('are written in batches, and the command shows them by source', async () => {
    const { send, close } = await start();
    await send('/webhooks/github', fromGithub(BODY));
    await send('/webhooks/github', fromGithub(BODY));
    for (let n = 0; n < 3; n++) await send('/webhooks/github', fromGithub(BODY, { secret: 'x' }));
    await send('/webhooks/planted', fromGithub(BODY));
    await close();
    const shown = await runJsonCommand(['webhooks', 'sources', '--days', '2'], stage.database);
    expect(shown.result).toMatchObject({
      sources: [
        { source: null, accepted: 0, refused: { source: 1 } },
        { source: 'github', accepted: 1, repeated: 1, failed: 0, refused: { signature: 3 } },
      ],
    });
    expect(JSON.stringify(shown)).not.toContain('planted');
  });
});

describe('the retention', () => {
  it('deletes receipts that are too old, and bodies whose event is gone', async () => {
    const { send, app: nest } = await start({ engine: { role: 'all' } });
    for (const id of ['d1', 'd2']) await send('/webhooks/github', fromGithub(`no JSON ${id}`, { id }));
    await stage.database.pool.query(`UPDATE integration.webhook_receipt SET received_at = now() - interval '31 days'
      WHERE outbox_event_id = (SELECT id FROM integration.outbox_event ORDER BY position LIMIT 1)`);
    await stage.database.pool.query(
      'DELETE FROM integration.outbox_event WHERE position = (SELECT min(position) FROM integration.outbox_event)',
    );
    await nest.get(MaintenanceJob, { strict: false }).runRound();
    expect(await storedRows(stage.database)).toEqual({ events: 1, receipts: 1, bodies: 1 });
  });
});
