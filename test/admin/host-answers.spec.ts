import { request as send } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type CanActivate, ForbiddenException, type INestApplication } from '@nestjs/common';
import type { AdminHttpRequest } from 'nestjs-integration/admin';
import { emptyTables } from '../support/empty-tables.js';
import { hearLog, type LogLines, silenceLog, TEST_LOGGER } from '../support/log-lines.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { type AdminApp, PLATFORMS, type Platform, registerConsumer, startAdminApp } from './admin-app.js';
import { EVENT_ID, fillWithSomething } from './something-of-everything.js';

/* What the application's own functions answer decides, whatever it is. */

const SECRET = 'http://10.0.0.7/me?token=planted';
/** As the clients of HTTP and of clouds throw them. */
const clientError = (statusCode: number) =>
  Object.assign(new Error(`GET ${SECRET}: ${statusCode}`), { statusCode, status: statusCode });

let database: TestDatabase;

const auditRows = async () =>
  (
    await database.pool.query(
      'SELECT actor, action, target, outcome, after FROM integration.integration_audit ORDER BY id',
    )
  ).rows;

describe.each(PLATFORMS)('on %s, the functions of the application', (platform) => {
  let admin: AdminApp;
  let said: LogLines;
  /** What they answer now. */
  let answers: {
    guard: () => unknown;
    permission: () => unknown;
    actor: (request: AdminHttpRequest) => unknown;
    mask: (payload: unknown) => unknown;
  };

  beforeAll(async () => {
    database = await createTestDatabase();
    answers = { guard: () => true, permission: () => true, actor: () => 'ann', mask: (payload) => payload };
    const guard: CanActivate = { canActivate: () => answers.guard() as boolean };
    admin = await startAdminApp(database, {
      platform,
      create: { logger: TEST_LOGGER },
      admin: {
        guards: [guard],
        permission: () => answers.permission() as boolean,
        actor: (request) => answers.actor(request) as string,
        mask: (payload) => answers.mask(payload),
      },
      prepare: (app) => refuseInFront(app, platform),
    });
    await fillWithSomething(database, admin);
  });
  beforeEach(async () => {
    answers = { guard: () => true, permission: () => true, actor: () => 'ann', mask: (payload) => payload };
    said = hearLog();
    await emptyTables(
      database.pool,
      'integration.integration_audit',
      'integration.integration_idempotency_key',
    );
  });
  afterAll(async () => {
    silenceLog();
    await admin.close();
    await database.drop();
  });

  const pause = (headers: Record<string, string | undefined> = {}) =>
    admin.ask('consumers/kept/pause', { method: 'POST', json: {}, headers });

  it.each([undefined, null, 0, '', 'false', 'true', 1, {}])(
    'refuse what a person asks for where permission answers %p, and each person is let in for true',
    async (answer) => {
      await registerConsumer(database, 'kept');
      try {
        answers.permission = () => answer;
        expect(await admin.ask('consumers/kept', { method: 'DELETE', json: { force: true } })).toMatchObject({
          status: 403,
          json: { code: 'INTEGRATION_ADMIN_DENIED' },
        });
        answers.permission = async () => answer;
        expect(await admin.ask('overview')).toMatchObject({ status: 403 });
        answers.permission = async () => true;
        expect(await admin.ask('consumers/kept')).toMatchObject({ status: 200 });
      } finally {
        await database.pool.query(`DELETE FROM integration.inbox_cursor WHERE consumer_name = 'kept'`);
      }
    },
  );

  it('name a person by a number, and persons with other numbers have keys of their own', async () => {
    await registerConsumer(database, 'kept');
    try {
      for (const [id, verb] of [
        [17, 'pause'],
        [18, 'resume'],
      ] as const) {
        answers.actor = () => id;
        const act = () =>
          admin.ask(`consumers/kept/${verb}`, {
            method: 'POST',
            json: {},
            headers: { 'idempotency-key': 'k1' },
          });
        expect(await act()).toMatchObject({ status: 200 });
        expect((await act()).headers.get('idempotency-replayed')).toBe('true');
      }
      expect((await auditRows()).map(({ actor }) => actor)).toEqual(['17', '18']);
    } finally {
      await database.pool.query(`DELETE FROM integration.inbox_cursor WHERE consumer_name = 'kept'`);
    }
  });

  it('leave persons without a name apart by what they show to be let in, and share keys without that', async () => {
    answers.actor = () => undefined;
    const isReplayed = async (headers: Record<string, string | undefined>) =>
      (await pause({ authorization: undefined, 'idempotency-key': 'k1', ...headers })).headers.get(
        'idempotency-replayed',
      ) === 'true';
    for (const headers of [
      { authorization: 'Bearer ann' },
      { authorization: 'Bearer ben' },
      { cookie: 'session=ann' },
      { cookie: 'session=ben' },
      { 'x-api-key': 'ann' },
      {},
    ]) {
      expect([headers, await isReplayed(headers)]).toEqual([headers, false]);
      expect([headers, await isReplayed(headers)]).toEqual([headers, true]);
    }
    const { rows } = await database.pool.query('SELECT actor FROM integration.integration_idempotency_key');
    expect(rows.map(({ actor }) => actor).filter((actor) => /ann|ben/.test(actor))).toEqual([]);
  });

  it('say in the log that a name which is none cannot be kept', async () => {
    answers.actor = () => ({ id: 17 });
    expect(await admin.ask('session')).toMatchObject({ json: { actor: 'unknown' } });
    expect(await said.saying('actor answered an object')).toContain('it must answer a text or a number');
  });

  it.each([400, 401, 404, 429, 499])(
    'that fail with an error of a client of status %i say nothing of it, whichever function it is',
    async (status) => {
      for (const name of ['guard', 'permission', 'actor', 'mask'] as const) {
        const before = answers;
        answers = {
          ...before,
          [name]: (payload: unknown) => {
            throw Object.assign(clientError(status), { payload });
          },
        };
        const answer = await admin.ask(`events/${EVENT_ID}/payload`);
        expect([name, answer.status, answer.json.code]).toEqual([name, 500, 'INTEGRATION_ADMIN_FAILED']);
        expect(answer.text).not.toContain('planted');
        answers = before;
      }
    },
  );

  it('that refuse with an exception of Nest speak to the person', async () => {
    for (const name of ['guard', 'permission', 'actor', 'mask'] as const) {
      const before = answers;
      answers = {
        ...before,
        [name]: () => {
          throw new ForbiddenException(`Not you, says ${name}`);
        },
      };
      expect(await admin.ask(`events/${EVENT_ID}/payload`)).toMatchObject({
        status: 403,
        json: { code: 'INTEGRATION_ADMIN_DENIED', detail: `Not you, says ${name}` },
      });
      answers = before;
    }
  });

  it('in front of the routes keep their status, and their words to themselves', async () => {
    for (const status of [401, 403, 418, 429]) {
      const answer = await admin.ask('overview', { headers: { 'x-refuse': String(status) } });
      expect(answer).toMatchObject({ status, json: { status, detail: 'The request was refused' } });
      expect(answer.text).not.toContain('planted');
    }
  });

  it('that deny a person again and again fill the audit with a few rows', async () => {
    answers.permission = () => false;
    answers.actor = () => 'curious';
    for (let n = 0; n < 30; n++) {
      expect(await admin.ask(`events/${EVENT_ID}`)).toMatchObject({ status: 403 });
      expect(await pause()).toMatchObject({ status: 403 });
    }
    const rows = await auditRows();
    expect(rows.filter(({ action }) => action === 'events.read')).toHaveLength(1);
    expect(rows.filter(({ action }) => action === 'consumers.pause')).toHaveLength(20);
  });
});

/** A middleware or hook of the application that refuses, with an error as clients throw them. */
function refuseInFront(app: INestApplication, platform: Platform): void {
  const adapter = app.getHttpAdapter();
  const errorFor = (given: unknown) => (typeof given === 'string' ? clientError(Number(given)) : undefined);
  if (platform === 'fastify') {
    adapter
      .getInstance()
      .addHook('onRequest', (request: AdminHttpRequest, _: unknown, done: (error?: Error) => void) =>
        done(errorFor(request.headers['x-refuse'])),
      );
    return;
  }
  app.use((request: AdminHttpRequest, _: unknown, next: (error?: Error) => void) =>
    next(errorFor(request.headers['x-refuse'])),
  );
}

describe("an API that is 'open'", () => {
  let admin: AdminApp;
  beforeAll(async () => {
    database = await createTestDatabase();
    admin = await startAdminApp(database, {
      admin: { guards: [], access: 'open', allowedHosts: ['ops.internal'] },
    });
  });
  afterAll(async () => {
    await admin.close();
    await database.drop();
  });

  /** What a page would get whose own name leads here. `fetch` writes Host itself. */
  const statusFor = (host: string, method: string) =>
    new Promise<number | undefined>((resolve, reject) => {
      const { port } = admin.app.getHttpServer().address() as AddressInfo;
      const headers = { host, 'sec-fetch-site': 'same-origin', origin: `http://${host}` };
      const asked = method === 'GET' ? 'consumers' : 'consumers/nobody/pause';
      send(
        {
          host: '127.0.0.1',
          port,
          method,
          path: `/ops/integration/${asked}`,
          headers: { ...headers, 'content-type': 'application/json', 'x-integration-admin': '1' },
        },
        (answer) => resolve(answer.resume().statusCode),
      )
        .on('error', reject)
        .end(method === 'GET' ? '' : '{}');
    });

  it('is not reached by a page whose name was led to it', async () => {
    for (const method of ['GET', 'POST']) {
      expect([method, await statusFor('evil.example:3000', method)]).toEqual([method, 403]);
    }
  });

  it('is reached by this computer, by an address, and by the names that the application gives', async () => {
    for (const host of ['localhost:3000', '127.0.0.1:3000', '[::1]:3000', 'OPS.internal'])
      expect([host, await statusFor(host, 'GET')]).toEqual([host, 200]);
  });
});
