import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { onlyReads, type Route } from '../../src/admin/routes/route.js';
import type { Field } from '../../src/rest/field.js';
import { isWrite } from '../../src/rest/route.js';
import { ROUTER } from '../../src/webhooks/outgoing/outgoing-engine.js';
import { emptyTables } from '../support/empty-tables.js';
import { holdOperations } from '../support/running-operation.js';
import { startTcpProxy } from '../support/tcp-proxy.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { type AdminApp, type Answered, PLATFORMS, startAdminApp } from './admin-app.js';
import { everyRoute, partModules } from './every-section.js';
import { bodyFor, EVENT_ID, fillAgain, targetOf } from './something-of-everything.js';

/** What holds for every route of the admin API and every field. A new one is in here by itself. */
const ROUTES = await everyRoute();
const NAMED = ROUTES.map((route) => [`${route.method} ${route.path}`, route] as const);
const WRITES = NAMED.filter(([, route]) => isWrite(route));
/** The only POSTs that start nothing. */
const ONLY_ASK = [
  'POST settings/preview',
  'POST operations/count',
  'POST webhooks/destinations/:id/redrive/count',
  'POST webhooks/destinations/:id/replay/count',
];
/** They change something only where it was paused: how it is paused. */
const RESUMES: Readonly<Record<string, string>> = {
  'POST consumers/:name/resume': 'consumers/billing/pause',
  'POST webhooks/endpoints/:id/resume': `webhooks/endpoints/${EVENT_ID}/pause`,
  'POST webhooks/destinations/:id/resume': `webhooks/destinations/${EVENT_ID}/pause`,
};
/** They change an operation only in this state, in which another process has it for an hour. */
const OF_STATE: Readonly<Record<string, 'running' | 'paused'>> = {
  'POST operations/:id/pause': 'running',
  'POST operations/:id/resume': 'paused',
};
/** It changes a destination only that was disabled, as the engine does. */
const DISABLED_ONLY = 'POST webhooks/destinations/:id/enable';
/** A plan changes nothing yet: it is noted when it is run or cancelled. */
const PLANS = [
  'POST operations',
  'POST webhooks/destinations/:id/redrive',
  'POST webhooks/destinations/:id/replay',
];
const NOT_NOTED = [...ONLY_ASK, ...PLANS];
/** What an answer never holds: SQL, the way to a line of code, where the database is. */
const INSIDES = /SELECT |INSERT |relation |\.[jt]s:\d|node_modules|postgres(ql)?:|127\.0\.0\.1|ECONNREFUSED/;

const documented = ({ path }: Route) => `/${path.replace(/:(\w+)/g, '{$1}')}`;

interface BadValue {
  readonly kind: string;
  readonly value: unknown;
}

const TEXTS: readonly BadValue[] = [
  { kind: 'an empty text', value: '' },
  { kind: 'a blank text', value: '  ' },
  { kind: 'a NUL', value: 'a\0b' },
  { kind: 'a lone surrogate', value: 'a\ud800' },
];
const NO_NUMBERS = ['', 'x', '1e2', '1.5', '9007199254740992', '0x1'].map((value) => ({
  kind: `${value} as number`,
  value,
}));
const NO_TEXTS: readonly BadValue[] = [7, true, null, [], {}].map((value) => ({
  kind: JSON.stringify(value),
  value,
}));

/** Values that a field refuses, by what its schema says of it. */
function badValuesOf({ schema }: Field<unknown>, isText: boolean): BadValue[] {
  const { type, maxLength, minimum, maximum } = schema as Record<string, number | string | undefined>;
  const others = (fitting: string) =>
    isText ? [] : NO_TEXTS.filter(({ value }) => !fitting.split(' ').includes(kindOf(value)));
  if (type === 'string') {
    const long = { kind: 'a long text', value: 'x'.repeat(Number(maxLength ?? 300) + 1) };
    return [...TEXTS, long, ...others('string')];
  }
  if (type === 'integer') {
    const bounds = [Number(minimum) - 1, Number(maximum) + 1, 2 ** 53, 1.5].map((value) => ({
      kind: `${value}`,
      value: isText ? `${value}` : value,
    }));
    return [...bounds, ...NO_NUMBERS, ...others('number')].filter(({ value }) => value !== 7);
  }
  if (type === 'boolean') return [{ kind: 'a text as flag', value: 'yes' }, ...others('boolean')];
  if (type === 'array') {
    const { items, minItems } = schema as { items?: { format?: string }; minItems?: number };
    const noIds = items?.format === 'uuid' ? [['x']] : [];
    const lists = [...noIds, [EVENT_ID, EVENT_ID], ['a\0b'], [null]];
    const bad = others(minItems === undefined ? 'array' : '');
    return [...lists.map((value) => ({ kind: JSON.stringify(value), value })), ...bad];
  }
  if (type === 'object') {
    const objects = [{ 'a\0b': 1 }, { batchSize: 'a\ud800' }, { batchSize: {} }, { '': 1 }];
    return [...objects.map((value) => ({ kind: JSON.stringify(value), value })), ...others('')];
  }
  // Any JSON is a payload, apart from numbers that have lost digits.
  return [{ kind: '2^53', value: { id: 2 ** 53 } }];
}

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'array' : typeof value;
}

/** A value as a query has it. Half of a character has no UTF-8 of its own. */
const encoded = (value: unknown) => `${value}`.split('\ud800').map(encodeURIComponent).join('%ED%A0%80');

describe.each(PLATFORMS)('on %s, every route', (platform) => {
  let database: TestDatabase;
  let admin: AdminApp;

  beforeAll(async () => {
    database = await createTestDatabase();
    admin = await startAdminApp(database, {
      platform,
      admin: { actor: () => 'grace' },
      module: { imports: partModules() },
    });
    await startAnew();
  });
  afterAll(async () => {
    await admin.close();
    await database.drop();
  });
  /** Everything is as it was at first, and a setting has a history. */
  async function startAnew(): Promise<void> {
    await fillAgain(database, admin);
    for (const batchSize of [8, 9])
      await admin.ask('settings', { method: 'PATCH', json: { values: { batchSize } } });
  }

  const auditRows = async () =>
    (await database.pool.query('SELECT * FROM integration.integration_audit ORDER BY id')).rows;

  /** What every change leaves behind. */
  async function noted(): Promise<unknown> {
    const { rows } = await database.pool.query(
      `SELECT (SELECT count(*) FROM integration.integration_audit) AS audit,
         (SELECT count(*) FROM integration.integration_operation) AS operations,
         (SELECT jsonb_agg(to_jsonb(c) ORDER BY consumer_name) FROM integration.inbox_cursor c WHERE consumer_name <> $1) AS consumers`,
      // The application registers it by itself, also after the tables were emptied.
      [ROUTER],
    );
    return rows;
  }

  async function send(route: Route, json: object, headers: Record<string, string | undefined> = {}) {
    const { method } = route;
    return admin.ask(targetOf(documented(route)), { method, headers, ...(isWrite(route) ? { json } : {}) });
  }

  function isRefusedWith(answer: Answered, errors: unknown, what: unknown): void {
    const { status, json } = answer;
    expect([what, status, json?.code, json?.errors]).toEqual([
      what,
      400,
      'INTEGRATION_ADMIN_INVALID',
      errors,
    ]);
    expect(answer.headers.get('cache-control')).toBe('no-store');
  }

  it.each(WRITES)(
    'that changes something has one row in the audit, and does it once: %s',
    async (name, route) => {
      await startAnew();
      const pause = RESUMES[name];
      if (pause !== undefined) await admin.ask(pause, { method: 'POST', json: {} });
      if (name === DISABLED_ONLY)
        await database.pool.query(`UPDATE integration.webhook_destination SET status = 'disabled'`);
      const state = OF_STATE[name];
      if (state !== undefined) await holdOperations(database, state);
      await emptyTables(database.pool, 'integration.integration_audit');
      const body = await bodyFor(documented(route), database);
      const isOnce = route.method === 'POST' && !ONLY_ASK.includes(name);
      const reason = route.body.reason === undefined ? {} : { reason: 'because' };
      const json = { ...body, ...reason };
      const headers = isOnce ? { 'idempotency-key': 'k1' } : {};
      const first = await send(route, json, headers);
      expect([name, first.status, first.headers.get('cache-control')]).toEqual([
        name,
        first.status === 202 ? 202 : 200,
        'no-store',
      ]);
      const rows = NOT_NOTED.includes(name)
        ? []
        : [
            expect.objectContaining({
              actor: 'grace',
              via: 'rest',
              outcome: 'done',
              reason: 'because',
              target: expect.stringMatching(/./),
              idempotency_key: isOnce ? 'k1' : null,
            }),
          ];
      expect(await auditRows()).toEqual(rows);
      if (!isOnce) return;
      const again = await send(route, json, headers);
      expect([again.status, again.text]).toEqual([first.status, first.text]);
      expect(again.headers.get('idempotency-replayed')).toBe('true');
      const other = await send(route, { ...json, reason: 'another' }, headers);
      expect(other).toMatchObject({ status: 422, json: { code: 'INTEGRATION_ADMIN_KEY_REUSED' } });
      expect(await auditRows()).toEqual(rows);
      const { rows: planned } = await database.pool.query(
        'SELECT count(*)::int AS n FROM integration.integration_operation',
      );
      expect(planned).toEqual([{ n: PLANS.includes(name) ? 2 : 1 }]);
    },
  );

  it.each(NAMED)('refuses bad values of every field with the field: %s', async (name, route) => {
    const before = await noted();
    const body = isWrite(route) ? await bodyFor(documented(route), database) : {};
    const [path = '', query = ''] = targetOf(documented(route)).split('?');
    const ask = (search: string, json: object) =>
      admin.ask(`${path}?${search}`, { method: route.method, ...(isWrite(route) ? { json } : {}) });
    const wrong = (part: string, pointer: unknown) => [{ in: part, pointer, message: expect.any(String) }];

    isRefusedWith(await ask(`${query}&nosuch=1`, body), wrong('query', '/nosuch'), 'an unknown field');
    for (const [field, about] of Object.entries(route.query)) {
      const rest = query.split('&').filter((part) => !part.startsWith(`${field}=`));
      for (const { kind, value } of badValuesOf(about, true))
        isRefusedWith(
          await ask([...rest, `${field}=${encoded(value)}`].join('&'), body),
          wrong('query', `/${field}`),
          [name, field, kind],
        );
    }
    if (isWrite(route))
      isRefusedWith(await ask(query, { ...body, nosuch: 1 }), wrong('body', '/nosuch'), 'an unknown field');
    for (const [field, about] of Object.entries(route.body))
      for (const { kind, value } of badValuesOf(about, false))
        isRefusedWith(
          await ask(query, { ...body, [field]: value }),
          wrong('body', expect.stringMatching(new RegExp(`^/${field}(/|$)`))),
          [name, field, kind],
        );
    expect(await noted()).toEqual(before);
  });

  it.each(NAMED.filter(([, { path }]) => path.includes(':')))(
    'refuses a bad path: %s',
    async (name, route) => {
      const before = await noted();
      const body = isWrite(route) ? await bodyFor(documented(route), database) : {};
      for (const field of Object.keys(route.pathFields)) {
        for (const value of ['%20', 'a%00b', 'x'.repeat(600)]) {
          const filled = route.path
            .replace(`:${field}`, value)
            .replace(':id', EVENT_ID)
            .replace(':rehearsal', EVENT_ID)
            .replace(':position', '1')
            .replace(/:\w+/g, 'billing');
          const [, query = ''] = targetOf(documented(route)).split('?');
          const answer = await admin.ask(`${filled}?${query}`, {
            method: route.method,
            ...(isWrite(route) ? { json: body } : {}),
          });
          // Fastify does not route parameters of more than 100 characters by default.
          if (platform === 'fastify' && value.length > 100) expect(answer.status).toBe(414);
          else
            isRefusedWith(
              answer,
              [{ in: 'path', pointer: `/${field}`, message: expect.any(String) }],
              [name, field],
            );
        }
      }
      expect(await noted()).toEqual(before);
    },
  );

  it.each(WRITES)('refuses a body of more than 64 KiB: %s', async (_, route) => {
    const before = await noted();
    const answer = await send(route, { nosuch: 'x'.repeat(65_536) });
    expect(answer).toMatchObject({ status: 413, json: { errors: [{ in: 'body', pointer: '' }] } });
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(await noted()).toEqual(before);
  });

  it('says nothing of the insides, whatever fails', async () => {
    const bodies = new Map<Route, object>();
    for (const [, route] of WRITES) bodies.set(route, await bodyFor(documented(route), database));
    await database.pool.query('ALTER SCHEMA integration RENAME TO hidden');
    const answers = new Map<string, Answered>();
    try {
      for (const [name, route] of NAMED)
        if (!route.isStream) answers.set(name, await send(route, bodies.get(route) ?? {}));
    } finally {
      await database.pool.query('ALTER SCHEMA hidden RENAME TO integration');
    }
    const failed = [...answers].filter(([, { status }]) => status >= 500).map(([name]) => name);
    // Who asks is known without the database, and so is what values would do.
    expect(NAMED.map(([name]) => name).filter((name) => !failed.includes(name))).toEqual(
      expect.arrayContaining(['GET session', 'GET openapi', 'GET stream']),
    );
    expect(failed.length).toBeGreaterThanOrEqual(NAMED.length - 6);
    for (const [name, { text, headers }] of answers) {
      expect([name, INSIDES.exec(text)?.[0], text.includes('hidden')]).toEqual([name, undefined, false]);
      expect(headers.get('cache-control')).toBe('no-store');
    }
  });
});

describe('every route', () => {
  it('says that it cannot answer while there is no database, and not where the database is', async () => {
    const database = await createTestDatabase();
    const proxy = await startTcpProxy(database.url);
    const admin = await startAdminApp(
      { ...database, url: proxy.url },
      { module: { imports: partModules() } },
    );
    try {
      await proxy.close();
      const said: Record<string, number> = {};
      for (const [name, route] of NAMED) {
        if (route.isStream) continue;
        const { method } = route;
        const json = isWrite(route) ? await bodyFor(documented(route), database) : undefined;
        if (json?.changeId === null) json.changeId = 1;
        const answer = await admin.ask(targetOf(documented(route)), {
          method,
          ...(isWrite(route) ? { json } : {}),
        });
        expect([name, INSIDES.exec(answer.text)?.[0]]).toEqual([name, undefined]);
        expect([name, answer.headers.get('cache-control')]).toEqual([name, 'no-store']);
        said[name] = answer.status;
      }
      const others = Object.entries(said).filter(([, status]) => status !== 503);
      expect(others).toEqual([
        ['GET session', 200],
        ['GET openapi', 200],
        // They are in the code of the application.
        ['GET webhooks/event-types', 200],
      ]);
    } finally {
      await admin.close();
      await proxy.close();
      await database.drop();
    }
  });

  it('names an action of its kind', () => {
    for (const [name, route] of NAMED)
      expect([name, onlyReads(route)]).toEqual([name, !isWrite(route) || name === ONLY_ASK[0]]);
  });
});
