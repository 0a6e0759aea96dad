import { randomBytes, randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Test } from '@nestjs/testing';
import { SecretsModule, staticKeys } from 'nestjs-integration/secrets';
import {
  githubSource,
  IncomingEndpointsService,
  IncomingWebhookService,
  WebhooksModule,
} from 'nestjs-integration/webhooks';
import { NonRetryableError } from '../../src/errors.js';
import {
  type DomainEventInput,
  IntegrationModule,
  type IntegrationModuleOptions,
  type Lease,
  LeaseService,
} from '../../src/index.js';
import { MaintenanceJob } from '../../src/maintenance/maintenance.job.js';
import type { AnySubscriberDefinition } from '../../src/subscribers/subscriber-definition.js';
import { startAdminApp } from '../admin/admin-app.js';
import { startApp, type TestApp } from '../support/app.js';
import { runCommand } from '../support/command.js';
import { hearLog, silenceLog, TEST_LOGGER } from '../support/log-lines.js';
import { Recorder } from '../support/recorder.js';
import type { TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';
import { fromGithub, startWebhookApp } from '../webhooks/webhook-app.js';
import { createGrantedDatabase, type GrantedDatabase, nameOf, type Role } from './granted-roles.js';

/* The roles and grants are those of the guide, as they are printed there. */

const HOST_TABLES = `
  CREATE TABLE invoice (id text PRIMARY KEY, total int NOT NULL DEFAULT 0, version int NOT NULL DEFAULT 1, created_at timestamptz NOT NULL DEFAULT now());
  GRANT ALL ON invoice TO PUBLIC`;

let granted: GrantedDatabase;
let database: TestDatabase;
let apps: Pick<TestApp, 'close'>[] = [];

beforeEach(async () => {
  granted = await createGrantedDatabase(HOST_TABLES);
  database = granted.database;
});
afterEach(async () => {
  silenceLog();
  for (const app of apps) await app.close();
  apps = [];
  await granted.drop();
});

const urlOf = (role: Role) => granted.urlOf(role);
const run = (role: Role, sql: string) => granted.run(role, sql);

async function start(
  engine: Role,
  client: Role | undefined,
  subscribers: AnySubscriberDefinition[] = [],
  options: IntegrationModuleOptions = {},
): Promise<TestApp> {
  const prisma = client === undefined ? undefined : database.prisma({ url: urlOf(client) });
  const app = await startApp(
    { ...database, url: urlOf(engine), ...(prisma && { prisma: () => prisma }) },
    subscribers,
    {
      ...(client === undefined && { client: undefined }),
      ...options,
    },
  );
  apps.push(app);
  return app;
}

/** Whatever the engine warned of or complained about; nothing of it is to be about rights. */
function complaints(): () => string[] {
  const lines = hearLog();
  return () => lines.texts('warn', 'error');
}

const EVENT: DomainEventInput = { eventName: 'a', sourceModule: 's', aggregateType: 't', aggregateId: '1' };
const LINK = {
  sourceModule: 'a',
  sourceEntityType: 'b',
  sourceEntityId: '1',
  targetModule: 'c',
  targetEntityType: 'd',
  targetEntityId: '2',
  linkType: 'reference',
} as const;

it('a publisher publishes in every way, creates links, and beats', async () => {
  const said = complaints();
  const { api, prisma } = await start('publisher', 'publisher', [], { role: 'publisher' });
  await prisma.$transaction(async (tx) => {
    await tx.invoice.create({ data: { id: 'i' } });
    await api.publishEvent(EVENT, { persistenceClient: tx });
    await api.publishEvents([EVENT, { ...EVENT, deduplicationKey: 'k' }], { persistenceClient: tx });
    await api.publishEvent({ ...EVENT, delayMs: 10 }, { persistenceClient: tx });
    expect(
      await api.publishEvent({ ...EVENT, deduplicationKey: 'k' }, { persistenceClient: tx }),
    ).toMatchObject({ duplicate: true });
    await api.createLink(LINK, tx);
  });
  const text = () =>
    Array.from({ length: 127 }, () =>
      String.fromCodePoint(0x20000 + Math.floor(Math.random() * 40_000)),
    ).join('');
  await api.createLink({
    ...LINK,
    sourceEntityId: text() + text(),
    targetEntityId: text() + text(),
    sourceModule: text(),
    targetModule: text(),
  });
  await api.transaction((tx) => api.publishEvent(EVENT, { persistenceClient: tx }));
  await until('it beats', async () => {
    const { rows } = await database.pool.query(
      `SELECT 1 FROM integration.integration_process WHERE role = 'publisher' AND seen_at >= started_at`,
    );
    return rows.length === 1;
  });
  const { rows } = await database.pool.query('SELECT count(*)::int AS events FROM integration.outbox_event');
  expect(rows).toEqual([{ events: 5 }]);
  expect(said()).toEqual([]);
});

describe('a worker', () => {
  it.each([
    ['with the client of the host', 'handlers' as const],
    ['with the engine’s own client', undefined],
  ])('%s handles, retries, kills and does its maintenance', async (_, client) => {
    if (client === undefined) await database.pool.query(`GRANT ${nameOf('handlers')} TO ${nameOf('worker')}`);
    const said = complaints();
    const handled = new Recorder<string>();
    const handler =
      (consumer: string) =>
      async ({ aggregateId }: { aggregateId: string }, { attempt }: { attempt: number }) => {
        if (aggregateId === 'dead') throw new NonRetryableError('no');
        if (aggregateId === 'later' && attempt === 1) throw new Error('later');
        handled.record(`${consumer} ${aggregateId}`);
      };
    const batch = async (events: readonly { aggregateId: string }[]) => {
      for (const { aggregateId } of events) handled.record(`batch ${aggregateId}`);
    };
    const { api, context, processor, inbox } = await start('worker', client, [
      { eventName: 'a', consumerName: 'plain', handler: handler('plain') },
      { eventName: 'a', consumerName: 'tx', transactional: true, handler: handler('tx') },
      { eventName: 'a', consumerName: 'batch', transactional: true, batch: { maxSize: 10 }, handler: batch },
    ] as AnySubscriberDefinition[]);
    for (const aggregateId of ['1', 'later', 'dead', 'dead'])
      await api.publishEvent({ ...EVENT, aggregateId });
    await api.publishEvent({ ...EVENT, aggregateId: 'delayed', delayMs: 10 });
    await api.publishEvent({ ...EVENT, eventName: 'unrouted' });
    await handled.find((each) => each === 'plain later');
    await handled.find((each) => each === 'tx later');
    await until('dead letters', async () => (await inbox.findDeadLetters()).length === 4);
    await processor.drain();
    expect([...handled.all].sort()).toEqual(
      ['1', 'dead', 'dead', 'delayed', 'later']
        .map((id) => `batch ${id}`)
        .concat(['plain', 'tx'].flatMap((name) => ['1', 'delayed', 'later'].map((id) => `${name} ${id}`)))
        .sort(),
    );
    const maintenance = context.get(MaintenanceJob, { strict: false });
    await maintenance.runRound();
    const countOf = async (table: string) =>
      (await database.pool.query(`SELECT FROM integration.${table}`)).rows.length;
    await until(
      'the note of an event that nobody consumes',
      async () => (await countOf('unrouted_event')) === 1,
    );
    await database.pool.query(`UPDATE integration.outbox_event SET created_at = now() - interval '90 days';
        UPDATE integration.integration_maintenance SET done_at = '-infinity'`);
    await maintenance.runRound();
    // The dead ones are kept.
    await until('retention', async () => (await countOf('outbox_event')) === 2);
    // A stack names this file, whose name has one of the words.
    const withoutStacks = said().map((words) => words.replace(/^ +at .*$/gm, ''));
    expect(withoutStacks.filter((words) => /permission|privilege|42501|GRANT/.test(words))).toEqual([]);
  });
});

it('an admin pauses, replays, redrives, discards, repartitions, changes settings, removes and examines', async () => {
  const handled = new Recorder<string>();
  let fails = true;
  const { api, inbox, processor } = await start('worker', 'handlers', [
    {
      eventName: 'a',
      consumerName: 'c',
      retry: { maxAttempts: 1 },
      handler: async ({ aggregateId }: { aggregateId: string }) => {
        if (fails && aggregateId !== 'good') throw new Error('no');
        handled.record(aggregateId);
      },
    } as AnySubscriberDefinition,
  ]);
  for (const aggregateId of ['1', '2', '3', 'good']) await api.publishEvent({ ...EVENT, aggregateId });
  await until('dead letters', async () => (await inbox.findDeadLetters()).length === 3);
  fails = false;
  const cli = async (...line: string[]): Promise<string> => {
    // What a change would do is read with the grants of the same role, at a terminal as well.
    if (line.includes('--yes')) await cli(...line.filter((word) => word !== '--yes'), '--dry-run');
    const { status, stdout, stderr } = await runCommand(line, { ...database, url: urlOf('admin') });
    expect({ line, status, stdout: status === 0 ? '' : stdout, stderr }).toEqual({
      line,
      status: 0,
      stdout: '',
      stderr: '',
    });
    return stdout;
  };
  expect(await cli('status')).toContain('current');
  await cli('consumers', 'list');
  await cli('dead-letters', 'list');
  await cli('consumers', 'discard', 'c', '--position', '1', '--reason', 'test', '--yes');
  await cli('dead-letters', 'redrive', '--consumer', 'c', '--yes');
  await handled.first(3);
  await cli('consumers', 'pause', 'c', '--yes');
  await api.publishEvent({ ...EVENT, aggregateId: 'paused' });
  await cli('consumers', 'resume', 'c', '--yes');
  await handled.find((id) => id === 'paused');
  await cli('replay', 'c', '--from', '4', '--at-once', '--yes');
  // What is on its way is not counted by a plan, and would outgrow it by having arrived.
  await processor.drain();
  await cli('replay', 'c', '--from', '4', '--yes');
  await processor.drain();
  await cli('replay', 'c', '--event', 'a', '--aggregate-type', 't', '--yes');
  await cli('consumers', 'repartition', 'c', '2', '--yes');
  await cli('settings', 'set', 'batchSize', '70', '--yes');
  await cli('settings', 'reset', 'batchSize', '--yes');
  await processor.drain();
  await cli('doctor');
  await cli('consumers', 'remove', 'c', '--force', '--yes');
});

const GITHUB = [githubSource({ secrets: 'endpoint' }), githubSource({ key: 'own', secrets: 'own secret' })];

/** An application that takes in webhooks for its tenants, unless something else is given. */
async function startWebhooks(
  engine: Role,
  client: Role,
  role: 'publisher' | 'all',
  webhooks = WebhooksModule.forRoot({ incoming: { sources: GITHUB } }),
) {
  const prisma = database.prisma({ url: urlOf(client) });
  const context = await Test.createTestingModule({
    imports: [
      IntegrationModule.forRoot({ connectionString: urlOf(engine), client: prisma, role }),
      SecretsModule.forRoot({ keys: staticKeys({ k1: randomBytes(32) }) }),
      webhooks,
    ],
  })
    .setLogger(TEST_LOGGER)
    .compile();
  apps.push(context);
  await context.init();
  return context;
}

it.each([
  ['publisher', 'publisher', 'publisher'],
  ['worker', 'handlers', 'all'],
] as const)(
  'a %s takes in webhooks, also those of endpoints, which it creates, rotates and removes',
  async (engine, client, role) => {
    const said = complaints();
    const context = await startWebhooks(engine, client, role);
    const webhooks = context.get(IncomingWebhookService);
    const acme = context.get(IncomingEndpointsService).forTenant('acme');
    const { endpoint, secret } = await acme.create({ source: 'github', by: 'ann' });
    const accept = (source: string, text: string | Buffer, signedWith: string, endpointId?: string) => {
      const { headers } = fromGithub(text, { id: String(text), secret: signedWith });
      const request = { method: 'POST', url: '', headers, body: Buffer.from(text), endpointId };
      return webhooks.accept(source, request);
    };
    expect(await accept('github', '{}', secret ?? '', endpoint.id)).toMatchObject({ status: 'accepted' });
    const kept = await accept('own', 'no JSON', 'own secret');
    expect(kept).toMatchObject({ status: 'accepted' });
    expect(
      await webhooks.bodyOf({ outboxEventId: (kept as { outboxEventId: string }).outboxEventId }),
    ).toBeDefined();
    expect(
      await webhooks.once({ source: 'own', key: 'k', type: 't' }, async (_, emit) => emit(EVENT)),
    ).toMatchObject({ status: 'processed' });
    await acme.rotateSecret(endpoint.id);
    await acme.pause(endpoint.id);
    await acme.resume(endpoint.id);
    await acme.remove(endpoint.id);
    if (role === 'all') await context.get(MaintenanceJob, { strict: false }).runRound();
    await context.close();
    const { rows } = await database.pool.query('SELECT FROM integration.webhook_count');
    expect(rows.length).toBeGreaterThan(0);
    expect(said().filter((words) => /permission|privilege|42501|GRANT/.test(words))).toEqual([]);
  },
);

describe('an application that only receives webhooks', () => {
  const OF_SENDING = [
    'webhook_destination',
    'webhook_subscription',
    'webhook_delivery',
    'webhook_message',
    'webhook_attempt',
    'outgoing_target',
  ];
  /** A role that has only the grants of receiving. */
  const takeSending = (role: Role) =>
    run('migrator', `REVOKE ALL ON ${OF_SENDING.map((each) => `integration.${each}`)} FROM ${nameOf(role)}`);
  const made = (options: object) =>
    WebhooksModule.forRootAsync({ useFactory: async () => ({ incoming: { sources: GITHUB }, ...options }) });

  it.each([
    ['publisher', 'publisher', 'publisher', undefined],
    ['worker', 'handlers', 'all', undefined],
    ['worker', 'handlers', 'all', made({})],
  ] as const)('needs no right of sending as %s', async (engine, client, role, webhooks) => {
    const said = complaints();
    await takeSending(engine);
    const context = await startWebhooks(engine, client, role, webhooks);
    const { headers } = fromGithub('{}', { id: 'd1', secret: 'own secret' });
    const request = { method: 'POST', url: '', headers, body: Buffer.from('{}') };
    expect(await context.get(IncomingWebhookService).accept('own', request)).toMatchObject({
      status: 'accepted',
    });
    if (role === 'all') await context.get(MaintenanceJob, { strict: false }).runRound();
    await context.close();
    const { rows } = await database.pool.query(
      `SELECT task FROM integration.integration_maintenance WHERE task LIKE 'webhook-%'`,
    );
    expect(rows).toEqual(role === 'all' ? [{ task: 'webhook-receipts' }] : []);
    expect(said().filter((words) => /permission|privilege|42501|GRANT/.test(words))).toEqual([]);
  });

  it.each([
    ['forRoot', WebhooksModule.forRoot({ incoming: { sources: GITHUB }, outgoing: {} })],
    ['forRootAsync', made({ outgoing: {} })],
  ] as const)('needs them as soon as it sends, by %s', async (_, webhooks) => {
    await takeSending('worker');
    const boot = await startWebhooks('worker', 'handlers', 'all', webhooks).catch((error: unknown) => error);
    expect(boot).toMatchObject({
      code: 'INTEGRATION_PRIVILEGES_MISSING',
      message: expect.stringContaining(`"webhook_destination" TO "${nameOf('worker')}"`),
    });
  });
});

describe('leases of other work', () => {
  it('are taken, renewed, fenced and given back by a worker with these grants', async () => {
    const said = complaints();
    const { context, prisma } = await start('worker', 'handlers');
    const began = new Recorder<Lease>();
    const hold = context.get(LeaseService).hold('n', async (lease) => {
      began.record(lease);
      await new Promise((resolve) => lease.signal.addEventListener('abort', resolve));
    });
    const [lease] = await began.first(1);
    await prisma.$transaction(async (tx) => {
      await lease?.fence(tx);
      await tx.invoice.create({ data: { id: 'i' } });
    });
    await hold.release();
    expect(said()).toEqual([]);
  });

  it('need no grant where nobody uses them, and are the only thing that fails without theirs', async () => {
    await run('migrator', `REVOKE ALL ON integration.integration_lease FROM ${nameOf('worker')}`);
    const lines = hearLog();
    const handled = new Recorder<string>();
    const { api, context } = await start('worker', 'handlers', [
      {
        eventName: 'a',
        consumerName: 'c',
        handler: async ({ aggregateId }: { aggregateId: string }) => handled.record(aggregateId),
      } as AnySubscriberDefinition,
    ]);
    await api.publishEvent(EVENT);
    await handled.first(1);
    expect(lines.texts('warn', 'error')).toEqual([]);
    context.get(LeaseService).hold('n', async () => {});
    const words = await lines.saying('Leases cannot be taken');
    expect(words).toContain(
      `GRANT SELECT, INSERT, UPDATE, DELETE ON "integration".integration_lease TO "${nameOf('worker')}"`,
    );
    await api.publishEvent(EVENT);
    await handled.first(2);
  });
});

describe('a right that is missing is named', () => {
  const plain = { eventName: 'a', consumerName: 'c', handler: async () => {} } as AnySubscriberDefinition;
  const transactional = { ...plain, transactional: true } as AnySubscriberDefinition;
  const revoke = (right: string, role: Role) => run('migrator', `REVOKE ${right} FROM ${nameOf(role)}`);

  it.each([
    ['USAGE ON SCHEMA integration', 'GRANT USAGE ON SCHEMA "integration"'],
    ['SELECT ON integration.integration_setting', 'GRANT SELECT ON "integration"."integration_setting"'],
    ['SELECT ON integration.integration_migration', 'GRANT SELECT ON "integration"."integration_migration"'],
    ['INSERT ON integration.inbox_event', 'GRANT INSERT ON "integration"."inbox_event"'],
    ['UPDATE ON integration.inbox_cursor', 'GRANT UPDATE ON "integration"."inbox_cursor"'],
  ])('without %s a worker does not boot, and the GRANT that it prints mends it', async (right, grant) => {
    await revoke(right, 'worker');
    const boot = await start('worker', 'handlers', [plain]).catch((error: unknown) => error);
    expect(boot).toMatchObject({
      code: 'INTEGRATION_PRIVILEGES_MISSING',
      message: expect.stringContaining(`${grant} TO "${nameOf('worker')}"`),
    });
    const statement = /owner of the tables: (.*?)\. docs/.exec((boot as Error).message)?.[1];
    await run('migrator', statement ?? '');
    await start('worker', 'handlers', [plain]);
  });

  it('a client that cannot run transactional handlers fails the boot of those alone', async () => {
    await revoke('INSERT, UPDATE ON integration.inbox_event', 'handlers');
    await expect(start('worker', 'handlers', [transactional])).rejects.toMatchObject({
      code: 'INTEGRATION_PRIVILEGES_MISSING',
      message: expect.stringContaining(
        `GRANT INSERT, UPDATE ON "integration"."inbox_event" TO "${nameOf('handlers')}"`,
      ),
    });
    await start('worker', 'handlers', [plain]);
  });

  it('what only a part of the work needs is a warning', async () => {
    const said = complaints();
    await revoke('DELETE ON integration.outbox_event', 'worker');
    await revoke('SELECT ON SEQUENCE integration.outbox_event_position_seq', 'worker');
    await revoke('INSERT ON integration.outbox_event', 'handlers');
    await start('worker', 'handlers', [plain]);
    const worker = nameOf('worker');
    expect(said()).toEqual([
      expect.stringContaining(
        `GRANT DELETE ON "integration"."outbox_event" TO "${worker}"; GRANT SELECT ON SEQUENCE "integration"."outbox_event_position_seq" TO "${worker}"`,
      ),
      expect.stringContaining(`GRANT INSERT ON "integration"."outbox_event" TO "${nameOf('handlers')}"`),
    ]);
  });

  it.each([
    ['INSERT ON integration.webhook_receipt', 'publisher', 'GRANT INSERT ON "integration"."webhook_receipt"'],
    ['UPDATE ON integration.webhook_count', 'publisher', 'GRANT UPDATE ON "integration"."webhook_count"'],
    ['SELECT ON integration.webhook_inbound', 'publisher', 'GRANT SELECT ON "integration"."webhook_inbound"'],
    [
      'DELETE ON integration.integration_secret',
      'publisher',
      'GRANT DELETE ON "integration"."integration_secret"',
    ],
  ] as const)('without %s no application with webhooks boots', async (right, role, grant) => {
    await revoke(right, role);
    const boot = await startWebhooks(role, role, 'publisher').catch((error: unknown) => error);
    expect(boot).toMatchObject({
      code: 'INTEGRATION_PRIVILEGES_MISSING',
      message: expect.stringContaining(`${grant} TO "${nameOf(role)}"`),
    });
    await run('migrator', `GRANT ${right} TO ${nameOf(role)}`);
    await startWebhooks(role, role, 'publisher');
  });

  it.each([
    ['INSERT ON integration.webhook_receipt', 'handlers', 'own'],
    ['INSERT ON integration.outbox_event', 'handlers', 'own'],
    ['SELECT ON integration.webhook_inbound', 'worker', `github/${randomUUID()}`],
    ['USAGE ON SCHEMA integration', 'handlers', 'own'],
  ] as const)(
    'a sender learns nothing of %s that was taken away, and the log says it once',
    async (right, role, path) => {
      const sources = [
        githubSource({ key: 'own', secrets: 'own secret' }),
        githubSource({ secrets: 'endpoint' }),
      ];
      const started = await startWebhookApp(
        { ...database, url: urlOf('worker') },
        {
          webhooks: { incoming: { sources } },
          engine: { client: database.prisma({ url: urlOf('handlers') }) },
          module: { imports: [SecretsModule.forRoot({ keys: staticKeys({ k1: randomBytes(32) }) })] },
        },
      );
      apps.push(started);
      const said = complaints();
      await revoke(right, role);
      const deliver = (id: string) =>
        started.send(`/webhooks/${path}`, fromGithub('{}', { id, secret: 'own secret' }));
      for (const id of ['d1', 'd2', 'd3']) {
        const refused = await deliver(id);
        expect(refused).toMatchObject({ status: 503 });
        expect(refused.headers.get('retry-after')).toBe('30');
        expect(refused.json).toEqual({
          message: 'The delivery cannot be stored at the moment. Send it again',
        });
      }
      const lines = said().filter((words) => words.includes('A webhook was not accepted'));
      expect(lines).toEqual([expect.stringContaining(`TO "${nameOf(role)}"`)]);
      expect(lines[0]).toContain('docs/guide/operate/security.md');
      const statement = /owner of the tables: (.*?)\. docs/.exec(lines[0] ?? '')?.[1];
      await run('migrator', statement ?? '');
      expect((await deliver('d1')).status).toBe(path === 'own' ? 200 : 404);
    },
  );

  it('without a right for their maintenance webhooks come in, and a WARN names it', async () => {
    const said = complaints();
    await revoke('DELETE ON integration.webhook_receipt', 'worker');
    await startWebhooks('worker', 'handlers', 'all');
    expect(said()).toEqual([
      expect.stringContaining(`GRANT DELETE ON "integration"."webhook_receipt" TO "${nameOf('worker')}"`),
    ]);
  });

  it.each([
    ['USAGE ON SCHEMA integration', 'GRANT USAGE ON SCHEMA "integration"'],
    [
      'SELECT ON integration.integration_failure_group',
      'GRANT SELECT ON "integration"."integration_failure_group"',
    ],
  ])('a command without %s names the grant', async (right, grant) => {
    await revoke(right, 'admin');
    const { status, stderr } = await runCommand(['dead-letters', 'groups'], {
      ...database,
      url: urlOf('admin'),
    });
    expect(status).toBe(1);
    expect(stderr).toContain(`${grant} TO "${nameOf('admin')}"`);
    expect(stderr).toContain('docs/guide/operate/security.md');
  });

  it('the admin API says which right the role of its connections lacks, without a statement or a stack', async () => {
    const admin = await startAdminApp({ ...database, url: urlOf('worker') });
    apps.push(admin);
    for (const path of ['settings', 'dead-letters/groups']) {
      const answer =
        path === 'settings'
          ? await admin.ask(path, { method: 'PATCH', json: { values: { batchSize: 41 } } })
          : await admin.ask(path);
      const lack = path === 'settings' ? 'integration_setting' : 'integration_failure_group';
      expect(answer).toMatchObject({ status: 500, json: { code: 'INTEGRATION_PRIVILEGES_MISSING' } });
      expect(answer.json.detail).toMatch(new RegExp(`lacks .*(INSERT|SELECT) on ${lack}`));
      expect(answer.text).not.toMatch(/GRANT|FROM|VALUES| at |node_modules|permission denied/);
      expect(answer.text).not.toContain(nameOf('worker'));
    }
  });
});
