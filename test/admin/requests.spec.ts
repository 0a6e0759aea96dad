import { readdirSync, readFileSync } from 'node:fs';
import { get } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import {
  ADMIN_ACTIONS,
  ADMIN_PROBLEM_CODES,
  type AdminAction,
  type AdminTarget,
} from 'nestjs-integration/admin';
import { HANDLERS } from '../../src/admin/handlers/handlers.js';
import { type Route } from '../../src/admin/routes/route.js';
import { isWrite } from '../../src/rest/route.js';
import { emptyTables } from '../support/empty-tables.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import {
  type AdminApp,
  type Answered,
  JSON_HEADERS,
  PATH,
  PLATFORMS,
  type Platform,
  registerConsumer,
  startAdminApp,
  TOKEN,
} from './admin-app.js';
import { everyRoute } from './every-section.js';

const ROUTES: readonly Route[] = HANDLERS.flatMap(({ routes }) => Object.values(routes));
const READS = ROUTES.filter((route) => !isWrite(route));
const WRITES = ROUTES.filter(isWrite);
const ASSETS = readdirSync(join(import.meta.dirname, '../../dist/admin/ui/assets'));
const EVENT_ID = '00000000-0000-7000-8000-000000000001';

/** The path of a route with something in the place of its parameters. */
function pathOf({ path }: Route): string {
  return path.replace(':id', EVENT_ID).replace(':rehearsal', EVENT_ID).replace(/:\w+/g, 'billing');
}

interface Served {
  readonly method: string;
  readonly path: string;
}

/** The routes below the path of the admin API that the server knows. Fastify tells of each as it is added. */
function registered({ app }: AdminApp, platform: Platform, added: readonly Served[]): Served[] {
  const all = platform === 'fastify' ? added : servedByExpress(app.getHttpAdapter().getInstance());
  return all.filter(({ path }) => path.startsWith(`/${PATH}`));
}

interface ExpressApplication {
  readonly router: {
    readonly stack: readonly {
      readonly route?: { readonly path: string; readonly methods: Readonly<Record<string, boolean>> };
    }[];
  };
}

function servedByExpress({ router }: ExpressApplication): Served[] {
  return router.stack.flatMap(({ route }) =>
    Object.keys(route?.methods ?? {}).map((method) => ({
      method: method.toUpperCase(),
      path: route?.path ?? '',
    })),
  );
}

function isProblem(answer: Answered, status: number, code: string): void {
  expect(answer).toMatchObject({
    status,
    json: {
      type: `urn:nestjs-integration:${code}`,
      status,
      code,
      title: expect.any(String),
      detail: expect.any(String),
    },
  });
  expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
  expect(answer.headers.get('cache-control')).toBe('no-store');
}

describe.each(PLATFORMS)('on %s, a request', (platform) => {
  let database: TestDatabase;
  let admin: AdminApp;
  let denied: ReadonlySet<AdminAction>;
  let asked: { action: AdminAction; target: AdminTarget }[];
  /** What the name of the person ends with. */
  let who = '';
  const added: Served[] = [];

  beforeAll(async () => {
    database = await createTestDatabase();
    await registerConsumer(database, 'billing');
    denied = new Set();
    asked = [];
    admin = await startAdminApp(database, {
      platform,
      // The most permissive CORS there is.
      prepare: (app) => {
        app.enableCors({ origin: true, credentials: true, allowedHeaders: '*' });
        if (platform === 'fastify')
          app
            .getHttpAdapter()
            .getInstance()
            .addHook('onRoute', ({ method, url }: { method: string | string[]; url: string }) => {
              for (const each of [method].flat()) added.push({ method: each, path: url });
            });
      },
      admin: {
        permission: (_, action, target) => {
          asked.push({ action, target });
          return !denied.has(action);
        },
        actor: (request) => `operator via ${request.method}${who}`,
      },
    });
  });
  afterAll(async () => {
    await admin.close();
    await database.drop();
  });

  const send = (route: Route, headers: Record<string, string | undefined> = {}) =>
    admin.ask(pathOf(route), { method: route.method, headers, ...(isWrite(route) ? { json: {} } : {}) });
  const isPaused = async () =>
    (await database.pool.query('SELECT paused_at IS NOT NULL AS paused FROM integration.inbox_cursor'))
      .rows[0].paused;

  /** What requests can change, as it is in the database. */
  const everything = async () => {
    const tables = [
      'outbox_event',
      'inbox_event',
      'inbox_cursor',
      'integration_audit',
      'integration_operation',
    ]
      .concat(['integration_setting', 'integration_setting_change', 'integration_failure_group'])
      .concat('integration_idempotency_key');
    const rows = tables.map(
      (table) => `SELECT '${table}' AS name, to_jsonb(t) AS row FROM integration.${table} t`,
    );
    return (await database.pool.query(`${rows.join(' UNION ALL ')} ORDER BY 1, 2`)).rows;
  };

  const auditRows = async () =>
    (await database.pool.query('SELECT * FROM integration.integration_audit ORDER BY id')).rows;

  it('without credentials gets through to no route and no file of the page', async () => {
    for (const route of ROUTES) {
      isProblem(await send(route, { authorization: undefined }), 401, 'INTEGRATION_ADMIN_UNAUTHENTICATED');
    }
    // The routes that the server really has, also those that something else has registered.
    const served = registered(admin, platform, added);
    for (const { path } of ROUTES) expect(served.map((each) => each.path)).toContain(`/${PATH}/${path}`);
    for (const path of [`/${PATH}`, `/${PATH}/ui`, `/${PATH}/ui/assets/:name`])
      expect(served).toContainEqual({ method: 'GET', path });
    const ways = [{}, { authorization: 'Bearer somebody' }, { 'x-integration-admin': '1' }];
    for (const { method, path } of served) {
      for (const asset of ASSETS) {
        const filled = path.replace('assets/:name', `assets/${asset}`).replace(':id', EVENT_ID);
        const url = `${admin.url}${filled.replace(/:\w+/g, 'billing')}`;
        for (const headers of ways) {
          const { status } = await fetch(url, { method, headers, redirect: 'manual' });
          expect([method, path, status]).toEqual([method, path, 401]);
        }
        if (!path.includes('assets')) break;
      }
    }
  });

  it('is denied with every action that is not permitted, before anything else is looked at', async () => {
    denied = new Set(ADMIN_ACTIONS);
    try {
      for (const route of ROUTES) {
        asked = [];
        // The denials of one person and action are noted once.
        who = ` for ${route.path}`;
        await emptyTables(database.pool, 'integration.integration_audit');
        const answer = await admin.ask(`${pathOf(route)}?unknown=1`, {
          method: route.method,
          ...(isWrite(route) ? { json: { unknown: 1 } } : {}),
        });
        isProblem(answer, 403, 'INTEGRATION_ADMIN_DENIED');
        expect(answer.json.detail).toContain(route.action);
        expect(asked[0]?.action).toBe(route.action);
        expect(await auditRows()).toEqual([
          expect.objectContaining({
            actor: `operator via ${route.method}${who}`,
            via: 'rest',
            action: route.action,
            target: expect.stringMatching(/./),
            outcome: 'denied',
          }),
        ]);
      }
    } finally {
      denied = new Set();
      who = '';
    }
  });

  it('has every action in some route', () => {
    // An operation that is a replay asks for consumers.replay beside its own action.
    expect([...new Set([...ROUTES.map(({ action }) => action), 'consumers.replay'])].sort()).toEqual(
      [...ADMIN_ACTIONS].sort(),
    );
  });

  it('that can change something has no action of reading', () => {
    const reading = WRITES.filter(({ action }) => action.endsWith('.read')).map(({ path }) => path);
    expect(reading).toEqual(['settings/preview']);
    const changing = READS.filter(({ action }) => !action.endsWith('.read')).map(({ path }) => path);
    expect(changing).toEqual([]);
  });

  it('has its action and its problems in the guide', async () => {
    const guide = readFileSync(join(import.meta.dirname, '../../docs/guide/reference/admin-api.md'), 'utf8');
    const actions = [...guide.matchAll(/^\| `([a-z-]+\.[a-z-]+)`/gm)].map(([, action]) => action);
    const all = [...new Set([...ADMIN_ACTIONS, ...(await everyRoute()).map(({ action }) => action)])];
    expect(actions.sort()).toEqual(all.sort());
    const codes = [...guide.matchAll(/^\| `(INTEGRATION_ADMIN_\w+)`/gm)].map(([, code]) => code);
    expect(codes.sort()).toEqual([...ADMIN_PROBLEM_CODES].sort());
  });

  it('asks for permission with what the path names', async () => {
    asked = [];
    await admin.ask('consumers/billing/pause', { method: 'POST', json: {} });
    await admin.ask('consumers/billing/resume', { method: 'POST', json: {} });
    expect(asked).toEqual([
      { action: 'consumers.pause', target: { consumer: 'billing' } },
      { action: 'consumers.resume', target: { consumer: 'billing' } },
    ]);
  });

  it('tells who is asking, and what that person may do', async () => {
    denied = new Set(['consumers.remove']);
    const { json } = await admin.ask('session');
    denied = new Set();
    expect(json.actor).toBe('operator via GET');
    expect(json.actions).toEqual(ADMIN_ACTIONS.filter((action) => action !== 'consumers.remove'));
  });

  it.each([
    ['of a form', { 'content-type': 'application/x-www-form-urlencoded' }, 'reason=x'],
    ['of plain text', { 'content-type': 'text/plain' }, '{}'],
    ['of JSON without the header', { 'content-type': 'application/json' }, '{}'],
    ['from a foreign origin', { ...JSON_HEADERS, origin: 'https://evil.example' }, '{}'],
    ['from an origin that hides itself', { ...JSON_HEADERS, origin: 'null' }, '{}'],
    ['from a page of another site', { ...JSON_HEADERS, 'sec-fetch-site': 'cross-site' }, '{}'],
    ['from a page of a sister site', { ...JSON_HEADERS, 'sec-fetch-site': 'same-site' }, '{}'],
  ])('that is forged, %s, changes nothing', async (_, headers, body) => {
    const before = await everything();
    for (const route of WRITES) {
      const forged = { method: route.method, headers, body };
      const answer = await admin.ask(pathOf(route), forged);
      if (answer.status === 415) isProblem(answer, 415, 'INTEGRATION_ADMIN_MEDIA_TYPE');
      else isProblem(answer, 403, 'INTEGRATION_ADMIN_FORGED');
    }
    expect(await everything()).toEqual(before);
    expect(await isPaused()).toBe(false);
  });

  it('that reads is answered to no page of another origin either', async () => {
    for (const route of READS) {
      isProblem(await send(route, { origin: 'https://evil.example' }), 403, 'INTEGRATION_ADMIN_FORGED');
      isProblem(await send(route, { 'sec-fetch-site': 'cross-site' }), 403, 'INTEGRATION_ADMIN_FORGED');
    }
  });

  it('of a page of the same origin, and of no page, is answered', async () => {
    const host = new URL(admin.url).host;
    for (const headers of [
      { origin: `http://${host}` },
      { 'sec-fetch-site': 'same-origin', origin: 'https://public.example' },
      { 'sec-fetch-site': 'none' },
      {},
    ]) {
      expect(await admin.ask('session', { headers })).toMatchObject({ status: 200 });
    }
  });

  it('of a link on a page of another site is answered if it only reads', async () => {
    // fetch writes Sec-Fetch-Mode itself.
    const headers = { authorization: TOKEN, 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' };
    const status = await new Promise((resolve, reject) => {
      get(`${admin.url}/${PATH}/session`, { headers }, (answer) => resolve(answer.resume().statusCode)).on(
        'error',
        reject,
      );
    });
    expect(status).toBe(200);
  });

  it('with very many wrong fields is answered with some of them, and how many there are besides', async () => {
    const names = Array.from({ length: 1_000 }, (_, n) => `x${n.toString(36)}`);
    const wrong = await admin.ask(`events?${names.join('&')}`);
    const notText = await admin.ask(`events?${names.map((name) => `${name}=%FF`).join('&')}`);
    const json = Object.fromEntries(names.map((name) => [name, 1]));
    const body = await admin.ask('operations', { method: 'POST', json });
    const values = { values: Object.fromEntries(names.slice(0, 200).map((name) => [name, []])) };
    const settings = await admin.ask('settings/preview', { method: 'POST', json: values });
    for (const [answer, left] of [
      [wrong, 980],
      [notText, 980],
      // The kind is missing, too.
      [body, 981],
      [settings, 180],
    ] as const) {
      isProblem(answer, 400, 'INTEGRATION_ADMIN_INVALID');
      expect(answer.json.errors).toHaveLength(20);
      expect(answer.json.detail).toMatch(new RegExp(`; and ${left} more$`));
      expect(answer.text.length).toBeLessThan(40_000);
    }
  });

  it('with a field of a very long name is answered without the name', async () => {
    const name = 'x'.repeat(10_000);
    for (const answer of [
      await admin.ask(`consumers?${name}=1`),
      await admin.ask('consumers/billing/resume', { method: 'POST', json: { [name]: 1 } }),
    ]) {
      expect(answer.json.errors).toMatchObject([
        {
          pointer: '',
          message: expect.stringContaining('has a name of 10000 characters that is not a field'),
        },
      ]);
      expect(answer.text.length).toBeLessThan(2_000);
    }
  });

  it('with a body that is nested too deep is refused, and not a fault', async () => {
    const deep = (levels: number) => '['.repeat(levels) + ']'.repeat(levels);
    const correct = (payload: string) =>
      admin.ask(`events/${EVENT_ID}/correct`, {
        method: 'POST',
        headers: JSON_HEADERS,
        body: `{"consumer":"billing","reason":"x","payload":${payload}}`,
      });
    // As deep as a payload may be. There is no such event to correct.
    expect(await correct(deep(500))).toMatchObject({ status: 409 });
    const resume = (x: string) =>
      admin.ask('consumers/billing/resume', {
        method: 'POST',
        headers: JSON_HEADERS,
        body: `{"x":${x}}`,
      });
    for (const answer of [
      await correct(deep(501)),
      await correct(deep(30_000)),
      await correct(`${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}`),
      await resume(deep(30_000)),
    ]) {
      isProblem(answer, 400, 'INTEGRATION_ADMIN_INVALID');
      expect(answer.json.errors).toEqual([
        { in: 'body', pointer: '', message: 'must not be nested more than 501 levels deep' },
      ]);
    }
  });

  it.each(['2026-02-30T00:00:00Z', '2026-02-29T12:00:00Z', '2026-04-31T00:00:00Z', '2026-11-25T24:00:00Z'])(
    'with the time %s, which is none, is refused in a query and in a body',
    async (time) => {
      const message = 'must be a time such as 2026-11-25T20:00:00Z';
      for (const path of ['events', 'audit'])
        expect((await admin.ask(`${path}?from=${time}`)).json.errors).toEqual([
          { in: 'query', pointer: '/from', message },
        ]);
      const replay = await admin.ask('operations', {
        method: 'POST',
        json: { kind: 'replay', consumer: 'billing', since: time },
      });
      expect(replay.json.errors).toEqual([{ in: 'body', pointer: '/since', message }]);
    },
  );

  it.each<[string, string, unknown[]]>([
    [
      'a misspelt field',
      '?limt=3',
      [{ in: 'query', pointer: '/limt', message: expect.stringContaining('did you mean limit?') }],
    ],
    [
      'a page of no items',
      '?limit=0',
      [{ in: 'query', pointer: '/limit', message: 'must be a whole number from 1 to 1000' }],
    ],
    [
      'a page of too many items',
      '?limit=1001',
      [{ in: 'query', pointer: '/limit', message: 'must be a whole number from 1 to 1000' }],
    ],
    [
      'a number that is none',
      '?limit=1e2',
      [{ in: 'query', pointer: '/limit', message: expect.any(String) }],
    ],
    [
      'a field given twice',
      '?limit=1&limit=2',
      [{ in: 'query', pointer: '/limit', message: 'was given more than once' }],
    ],
    [
      'half of a character',
      '?after=%ED%A0%80',
      [{ in: 'query', pointer: '/after', message: expect.stringContaining('half of a character') }],
    ],
    [
      'bytes that are no text',
      '?limit=%FF&%zz=1',
      [
        { in: 'query', pointer: '/limit', message: expect.any(String) },
        { in: 'query', pointer: '/%zz', message: expect.any(String) },
      ],
    ],
    ['a cursor of its own', '?after=bm90', [{ in: 'query', pointer: '/after', message: expect.any(String) }]],
    ...[
      ['a NUL', ['a\0b']],
      ['half of a character', ['a\ud800b']],
      ['a text of 1,001 characters', ['a'.repeat(1_001)]],
      ['a number', [7]],
      ['too many parts', ['a', 'b']],
    ].map(([what, parts]): [string, string, unknown[]] => [
      `${what} inside a cursor`,
      `?after=${Buffer.from(JSON.stringify(parts)).toString('base64url')}`,
      [{ in: 'query', pointer: '/after', message: expect.any(String) }],
    ]),
    [
      'several wrong fields',
      '?limit=x&after=y&z=1',
      [
        { in: 'query', pointer: '/z', message: expect.any(String) },
        { in: 'query', pointer: '/limit', message: expect.any(String) },
        { in: 'query', pointer: '/after', message: expect.any(String) },
      ],
    ],
  ])('with %s in its query is refused', async (_, query, errors) => {
    const answer = await admin.ask(`consumers${query}`);
    isProblem(answer, 400, 'INTEGRATION_ADMIN_INVALID');
    expect(answer.json.errors).toEqual(errors);
  });

  it.each<[string, string, unknown, unknown[]]>([
    [
      'an unknown field',
      'pause',
      { why: 'x' },
      [{ in: 'body', pointer: '/why', message: expect.any(String) }],
    ],
    [
      'a field with slashes in its name',
      'pause',
      { 'a/b~c': 1 },
      [{ in: 'body', pointer: '/a~1b~0c', message: expect.any(String) }],
    ],
    [
      'an empty text',
      'pause',
      { reason: '  ' },
      [{ in: 'body', pointer: '/reason', message: 'must not be empty' }],
    ],
    [
      'a long text',
      'pause',
      { reason: 'x'.repeat(1_001) },
      [{ in: 'body', pointer: '/reason', message: 'must not be longer than 1000 characters' }],
    ],
    [
      'a NUL',
      'pause',
      { reason: 'a\0b' },
      [{ in: 'body', pointer: '/reason', message: expect.stringContaining('NUL') }],
    ],
    [
      'a lone surrogate',
      'pause',
      { reason: 'a\ud800' },
      [{ in: 'body', pointer: '/reason', message: expect.stringContaining('surrogate') }],
    ],
    [
      'a number as text',
      'pause',
      { reason: 7 },
      [{ in: 'body', pointer: '/reason', message: expect.any(String) }],
    ],
    ['null', 'pause', { reason: null }, [{ in: 'body', pointer: '/reason', message: 'must be a string' }]],
    [
      'a field that is missing',
      'repartition',
      {},
      [{ in: 'body', pointer: '/partitions', message: 'is missing' }],
    ],
    [
      'a text as number',
      'repartition',
      { partitions: '2' },
      [{ in: 'body', pointer: '/partitions', message: expect.any(String) }],
    ],
    [
      'a number beyond 2^53',
      'repartition',
      { partitions: 2 ** 53 },
      [{ in: 'body', pointer: '/partitions', message: expect.any(String) }],
    ],
    ['a list', 'pause', [], [{ in: 'body', pointer: '', message: 'must be a JSON object' }]],
  ])('with %s in its body is refused', async (_, verb, json, errors) => {
    const answer = await admin.ask(`consumers/billing/${verb}`, { method: 'POST', json });
    isProblem(answer, 400, 'INTEGRATION_ADMIN_INVALID');
    expect(answer.json.errors).toEqual(errors);
    expect(await isPaused()).toBe(false);
  });

  it.each<[string, string, object, string, string]>([
    ['a discard that names nothing', 'operations', { kind: 'discard', reason: 'x' }, 'body', ''],
    ['a redrive of everything', 'operations', { kind: 'redrive' }, 'body', ''],
    ['a replay for nobody', 'operations', { kind: 'replay', from: 1 }, 'body', '/consumer'],
    [
      'a replay by fingerprint',
      'operations',
      { kind: 'replay', consumer: 'billing', fingerprint: 'f' },
      'body',
      '/fingerprint',
    ],
    [
      'a range that ends before it begins',
      'operations',
      { kind: 'replay', consumer: 'billing', from: 2, to: 1 },
      'body',
      '/to',
    ],
    [
      'one event name beside several',
      'operations',
      { kind: 'replay', consumer: 'billing', eventName: 'a', eventNames: ['b', 'c'] },
      'body',
      '/eventNames',
    ],
    [
      'a discard that stops after failures',
      'operations',
      { kind: 'discard', consumer: 'a', reason: 'x', stopAfter: 1 },
      'body',
      '/stopAfter',
    ],
    ['a change that is not there', 'settings/restore', { changeId: 7 }, 'body', '/changeId'],
  ])(
    'with what only a service can judge is refused with its field: %s',
    async (_, path, json, part, pointer) => {
      const answer = await admin.ask(path, { method: 'POST', json });
      isProblem(answer, 400, 'INTEGRATION_ADMIN_INVALID');
      expect(answer.json.errors).toEqual([{ in: part, pointer, message: answer.json.detail }]);
    },
  );

  it('for rates that makes no sense is refused with its field', async () => {
    for (const [query, field] of [
      ['from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z', 'from'],
      ['from=2026-01-01T00:00:00Z&to=2026-01-02T00:00:00Z&step=10', 'step'],
    ]) {
      const answer = await admin.ask(`consumers/billing/rates?${query}`);
      isProblem(answer, 400, 'INTEGRATION_ADMIN_INVALID');
      expect(answer.json.errors).toEqual([
        { in: 'query', pointer: `/${field}`, message: expect.any(String) },
      ]);
    }
  });

  it('that notes nothing about a kind of failure is refused', async () => {
    const answer = await admin.ask('dead-letters/groups/none?consumer=billing', {
      method: 'PATCH',
      json: {},
    });
    isProblem(answer, 400, 'INTEGRATION_ADMIN_INVALID');
    expect(answer.json.errors).toEqual([
      { in: 'body', pointer: '', message: expect.stringContaining('give note') },
    ]);
  });

  it('with a path that is no text is refused by the platform, before any route', async () => {
    for (const path of ['consumers/%ED%A0%80', 'consumers/%FF/backlog', 'consumers/%zz']) {
      const answer = await admin.ask(path);
      expect(answer.status).toBe(400);
      expect(answer.text).not.toMatch(/ at |node_modules|SELECT/);
    }
  });

  it('with a name that no consumer can have is refused, and one that none has is not found', async () => {
    for (const name of ['a%00b', 'x'.repeat(128), '%20']) {
      const answer = await admin.ask(`consumers/${name}`);
      // Fastify does not route parameters of more than 100 characters by default.
      if (name.length > 100 && platform === 'fastify') expect(answer.status).toBe(414);
      else {
        isProblem(answer, 400, 'INTEGRATION_ADMIN_INVALID');
        expect(answer.json.errors).toEqual([{ in: 'path', pointer: '/name', message: expect.any(String) }]);
      }
    }
    isProblem(await admin.ask('consumers/nobody'), 404, 'INTEGRATION_CONSUMER_UNKNOWN');
  });

  it('with a body of more than 64 KiB is refused', async () => {
    const json = { reason: 'x'.repeat(70_000) };
    isProblem(
      await admin.ask('consumers/billing/pause', { method: 'POST', json }),
      413,
      'INTEGRATION_ADMIN_TOO_LARGE',
    );
  });

  it('with a body that no parser takes is refused with a problem, whatever filter the application has', async () => {
    const send = (body: string, base = `/${PATH}`) =>
      admin.ask('consumers/billing/pause', { method: 'POST', headers: JSON_HEADERS, body, base });
    for (const body of ['{', 'x', '{"a":1}}', '"text"', '7', 'null']) {
      const answer = await send(body);
      isProblem(answer, 400, 'INTEGRATION_ADMIN_INVALID');
      expect(answer.json.errors).toEqual([{ in: 'body', pointer: '', message: 'must be a JSON object' }]);
    }
    isProblem(await send(`{"reason":"${'x'.repeat(2_000_000)}"}`), 413, 'INTEGRATION_ADMIN_TOO_LARGE');
    // The routes of the application keep what the application does with such bodies.
    expect((await send('{', '')).json).not.toHaveProperty('type');
    expect(await isPaused()).toBe(false);
  });

  it('with a body of another type is refused', async () => {
    for (const type of ['text/plain', 'application/xml', 'application/json5', undefined]) {
      const headers = { 'x-integration-admin': '1', 'content-type': type };
      const answer = await admin.ask('consumers/billing/pause', { method: 'POST', headers, body: '{}' });
      isProblem(answer, 415, 'INTEGRATION_ADMIN_MEDIA_TYPE');
    }
    expect(await isPaused()).toBe(false);
  });

  it('that pauses and resumes a consumer gets the consumer as it then is', async () => {
    const paused = await admin.ask('consumers/billing/pause', { method: 'POST', json: { reason: 'deploy' } });
    expect(paused).toMatchObject({ status: 200, json: { consumerName: 'billing', paused: true } });
    expect(await isPaused()).toBe(true);
    const resumed = await admin.ask('consumers/billing/resume', { method: 'POST', json: {} });
    expect(resumed).toMatchObject({ status: 200, json: { consumerName: 'billing', paused: false } });
  });

  it('that changes something has one row in the audit, with person, reason and key', async () => {
    await registerConsumer(database, 'audited');
    const changes: [string, string, object][] = [
      ['POST', 'consumers/audited/pause', { reason: 'deploy' }],
      ['POST', 'consumers/audited/resume', { reason: 'done' }],
      ['POST', 'consumers/audited/repartition', { partitions: 2, reason: 'faster' }],
      ['DELETE', 'consumers/audited', { reason: 'gone' }],
    ];
    for (const [method, path, json] of changes) {
      await emptyTables(database.pool, 'integration.integration_audit');
      const key = method === 'POST' ? path : undefined;
      const answer = await admin.ask(path, { method, json, headers: { 'idempotency-key': key } });
      expect([200, 202]).toContain(answer.status);
      const again = await admin.ask(path, { method, json, headers: { 'idempotency-key': key } });
      expect(again.status).toBe(method === 'POST' ? answer.status : 404);
      const rows = await auditRows();
      expect(rows).toHaveLength(1);
      expect(rows[0]).toMatchObject({
        actor: `operator via ${method}`,
        via: 'rest',
        target: 'consumer/audited',
        outcome: 'done',
        idempotency_key: key ?? null,
        ...('reason' in json ? { reason: json.reason } : {}),
      });
    }
  });

  it('for the audit gets it in pages that lose none where times are the same', async () => {
    await emptyTables(database.pool, 'integration.integration_audit');
    await database.pool.query(
      `INSERT INTO integration.integration_audit (at, actor, via, action, target, outcome)
       SELECT '2026-11-25T20:00:00Z', 'ada', 'cli', 'consumers.pause', 'consumer/x', 'done' FROM generate_series(1, 7)`,
    );
    const ids: number[] = [];
    for (let next: string | null = ''; next !== null; ) {
      const query = `limit=2&actor=ada&to=2026-12-01T00:00:00Z${next === '' ? '' : `&after=${next}`}`;
      const { json }: Answered = await admin.ask(`audit?${query}`);
      ids.push(...json.items.map(({ id }: { id: number }) => id));
      next = json.next;
    }
    expect(ids).toHaveLength(7);
    expect(ids).toEqual([...new Set(ids)].sort((a, b) => b - a));
    expect((await admin.ask('audit?actor=nobody')).json).toEqual({ items: [], next: null, scannedTo: null });
  });

  it('for consumers gets them in pages that lose none', async () => {
    const names = ['a', 'b/c', 'd e', 'ü', '😀'];
    for (const name of names) await registerConsumer(database, name);
    const seen: string[] = [];
    for (let next: string | null = ''; next !== null; ) {
      const { json }: Answered = await admin.ask(`consumers?limit=2${next === '' ? '' : `&after=${next}`}`);
      expect(json.items.length).toBeLessThanOrEqual(2);
      seen.push(...json.items.map(({ consumerName }: { consumerName: string }) => consumerName));
      next = json.next;
    }
    expect(seen).toHaveLength(names.length + 1);
    expect(new Set(seen)).toEqual(new Set([...names, 'billing']));
    for (const name of names) {
      const { json } = await admin.ask(`consumers/${encodeURIComponent(name)}`);
      expect(json.consumerName).toBe(name);
    }
    for (const name of names) {
      const path = `consumers/${encodeURIComponent(name)}`;
      expect(await admin.ask(path, { method: 'DELETE', json: {} })).toMatchObject({ status: 200 });
    }
  });

  it('for settings gets them with a tag that changes when one of them does', async () => {
    const before = await admin.ask('settings');
    expect(before.json.items).toContainEqual(
      expect.objectContaining({ key: 'core.integration.outbox.batchSize', value: 500, default: 500 }),
    );
    await database.pool.query(
      `INSERT INTO integration.integration_setting (key, value) VALUES ('core.integration.outbox.batchSize', '7')`,
    );
    const after = await admin.ask('settings');
    expect(after.headers.get('etag')).not.toBe(before.headers.get('etag'));
  });

  it('that fails because a table is gone says nothing of it', async () => {
    await database.pool.query('ALTER TABLE integration.inbox_cursor RENAME TO hidden');
    const answer = await admin.ask('consumers');
    await database.pool.query('ALTER TABLE integration.hidden RENAME TO inbox_cursor');
    isProblem(answer, 500, 'INTEGRATION_ADMIN_FAILED');
    expect(answer.text).not.toMatch(/inbox_cursor|SELECT|at \w+|postgres/);
  });
});

describe('a failure that nobody expected', () => {
  it('is logged once a minute, although a page asks again and again', async () => {
    const logged: unknown[] = [];
    const quiet = () => {};
    const error = (message: unknown) => void logged.push(message);
    const database = await createTestDatabase();
    const admin = await startAdminApp(database, {
      prepare: (app) => app.useLogger({ log: quiet, warn: quiet, error }),
    });
    await database.pool.query('ALTER TABLE integration.inbox_cursor RENAME TO hidden');
    try {
      for (let n = 0; n < 3; n++) isProblem(await admin.ask('consumers'), 500, 'INTEGRATION_ADMIN_FAILED');
      isProblem(await admin.ask('consumers/billing'), 500, 'INTEGRATION_ADMIN_FAILED');
      expect(logged).toEqual([`GET /${PATH}/consumers failed`, `GET /${PATH}/consumers/billing failed`]);
    } finally {
      await admin.close();
      await database.drop();
      Logger.overrideLogger(false);
    }
  });
});
