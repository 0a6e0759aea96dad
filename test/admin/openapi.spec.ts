import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Validator } from '@seriousme/openapi-schema-validator';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import fc from 'fast-check';
import { openApiDocument } from '../../src/admin/document/openapi-document.js';
import { HANDLERS } from '../../src/admin/routes/handlers.js';
import type { Route } from '../../src/admin/routes/route.js';
import { IntegrationLinkService } from '../../src/index.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import {
  type AdminApp,
  type AskInit,
  JSON_HEADERS,
  PLATFORMS,
  registerConsumer,
  startAdminApp,
} from './admin-app.js';

const ROOT = join(import.meta.dirname, '../..');
const readJson = (name: string) => JSON.parse(readFileSync(join(ROOT, name), 'utf8'));
const DOCUMENT = readJson('openapi/admin-api.json');
const ROUTES: readonly Route[] = HANDLERS.flatMap(({ routes }) => Object.values(routes));
const EVENT_ID = '00000000-0000-7000-8000-000000000001';
/** What reads need in their query. */
const QUERIES: Readonly<Record<string, string>> = {
  '/entities/{type}/{id}/graph': '?module=shop',
  '/events/{id}/history': '?consumer=billing',
  '/consumers/{name}/replays/count': '?since=2026-01-01T00:00:00Z',
  '/dead-letters/groups/{fingerprint}': '?consumer=billing',
};
const MANY_REQUESTS_MS = 540_000;

interface Operation {
  readonly operationId: string;
  readonly method: string;
  readonly path: string;
  readonly parameters: readonly { name: string; in: string; required: boolean; schema: Schema }[];
  readonly requestBody?: {
    content: { 'application/json': { schema: { properties: Record<string, Schema> } } };
  };
  readonly responses: Record<string, { content: Record<string, { schema: { $ref?: string } }> }>;
}
interface Schema {
  readonly type?: string;
  readonly format?: string;
  readonly enum?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
}

const OPERATIONS: readonly Operation[] = Object.entries<Record<string, Operation>>(DOCUMENT.paths).flatMap(
  ([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      ...operation,
      path,
      method: method.toUpperCase(),
    })),
);

describe('the OpenAPI document of the package', () => {
  it('is accepted by a validator', async () => {
    const { valid, errors } = await new Validator().validate(DOCUMENT);
    expect(errors ?? []).toEqual([]);
    expect(valid).toBe(true);
    expect(await new Validator().validate({ ...DOCUMENT, paths: 7 })).toMatchObject({ valid: false });
  });

  it('is the one of the routes: npm run openapi writes it', () => {
    const { version } = readJson('package.json');
    expect(DOCUMENT).toEqual(JSON.parse(JSON.stringify(openApiDocument(ROUTES, version))));
  });

  it('has every route, and nothing else', () => {
    const routes = ROUTES.map(({ method, path }) => `${method} /${path.replace(/:(\w+)/g, '{$1}')}`);
    expect(OPERATIONS.map(({ method, path }) => `${method} ${path}`).sort()).toEqual(routes.sort());
    expect(new Set(OPERATIONS.map(({ operationId }) => operationId)).size).toBe(ROUTES.length);
  });

  it('is in the package, under a name that can be imported', () => {
    const { exports, files } = readJson('package.json');
    expect(exports['./admin/openapi.json']).toBe('./openapi/admin-api.json');
    expect(files).toContain('openapi');
  });
});

describe.each(PLATFORMS)('on %s, answers', (platform) => {
  let database: TestDatabase;
  let admin: AdminApp;
  const ajv = new Ajv2020({ strict: false });
  addFormats.default(ajv);
  ajv.addSchema(DOCUMENT, 'document');

  beforeAll(async () => {
    database = await createTestDatabase();
    admin = await startAdminApp(database, { platform });
    await fill(database, admin);
  });
  afterAll(async () => {
    await admin.close();
    await database.drop();
  });

  it('are what the document says, with something of everything in the database', async () => {
    const validated: string[] = [];
    for (const operation of OPERATIONS.filter(({ path }) => path !== '/stream')) {
      const { method, path, operationId, responses } = operation;
      const query = QUERIES[path] ?? '';
      const json = await bodyFor(path, database);
      const target = `${fillIn(path)}${query}`;
      if (method === 'DELETE') continue;
      const answer = await admin.ask(target, { method, ...(method === 'GET' ? {} : { json }) });
      expect([operationId, answer.status]).toEqual([operationId, 200]);
      const { $ref = '' } = responses['200']?.content['application/json']?.schema ?? {};
      const validate = ajv.getSchema(`document${$ref}`);
      expect([operationId, validate?.(answer.json), validate?.errors ?? []]).toEqual([operationId, true, []]);
      validated.push(operationId);
    }
    expect(validated.length).toBeGreaterThan(10);
    const problem = await admin.ask('consumers?limit=0');
    expect(ajv.getSchema('document#/components/schemas/Problem')?.(problem.json)).toBe(true);
  });

  it(
    'to 5,000 generated requests are never a fault of the process',
    async () => {
      const requests = fc.sample(anyRequest(), { numRuns: 5_000, seed: 35 });
      const faults: unknown[] = [];
      const statuses = new Map<number, number>();
      const workers = Array.from({ length: 4 }, async () => {
        for (let next = requests.pop(); next !== undefined; next = requests.pop()) {
          const { path, ...init } = next;
          const answer = await admin.ask(path, init);
          statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
          if (answer.status >= 500) faults.push({ ...next, status: answer.status, text: answer.text });
        }
      });
      await Promise.all(workers);
      expect(faults.slice(0, 3)).toEqual([]);
      // The requests are not all refused alike.
      expect([...statuses.keys()]).toEqual(expect.arrayContaining([200, 400, 404]));
    },
    MANY_REQUESTS_MS,
  );
});

async function bodyFor(path: string, database: TestDatabase): Promise<object> {
  if (path.endsWith('/repartition')) return { partitions: 1 };
  if (path === '/settings' || path.endsWith('/preview')) return { values: { batchSize: 7 } };
  if (path === '/operations') return { kind: 'redrive', consumer: 'billing' };
  if (path.endsWith('/correct')) return { consumer: 'billing', payload: { right: true }, reason: 'typo' };
  if (path.endsWith('/replays')) return { since: '2026-01-01T00:00:00Z' };
  if (path.endsWith('/{fingerprint}')) return { note: 'known', acknowledged: true };
  if (!path.endsWith('/restore')) return {};
  const { rows } = await database.pool.query(
    'SELECT max(id)::int AS "changeId" FROM integration.integration_setting_change',
  );
  return rows[0];
}

/** The path of an operation with what there is in the database. */
function fillIn(path: string): string {
  return path
    .slice(1)
    .replace('entities/{type}/{id}', 'entities/thing/e1')
    .replace('{id}', EVENT_ID)
    .replace('{name}', 'billing')
    .replace('{fingerprint}', 'none');
}

/** Something of everything that is read. */
async function fill(database: TestDatabase, admin: AdminApp): Promise<void> {
  await registerConsumer(database, 'billing');
  await database.pool.query(
    `INSERT INTO integration.outbox_event (id, event_name, source_module, aggregate_type, aggregate_id, payload, metadata)
     VALUES ($1::uuid, 'order.placed', 'shop', 'thing', 'e1', '{"id": 12345678901234567890}', jsonb_build_object('correlationId', $2::text))`,
    [EVENT_ID, EVENT_ID],
  );
  await database.pool.query(
    `INSERT INTO integration.inbox_event (outbox_event_id, position, consumer_name, aggregate_type, aggregate_id, status, last_error)
     SELECT id, position, 'billing', aggregate_type, aggregate_id, 'dead_letter', 'boom' FROM integration.outbox_event
     UNION ALL
     SELECT gen_random_uuid(), 0, 'billing', 'thing', 'e0', 'dead_letter', 'gone from the log'`,
  );
  await database.pool.query(
    `INSERT INTO integration.integration_operation (id, kind, filter, planned_events, requested_by, via)
     VALUES ($1, 'redrive', '{"consumerName": "billing"}', 1, 'ann', 'rest')`,
    [EVENT_ID],
  );
  await admin.app.get(IntegrationLinkService).createLink({
    sourceModule: 'shop',
    sourceEntityType: 'thing',
    sourceEntityId: 'e1',
    targetModule: 'shop',
    targetEntityType: 'thing',
    targetEntityId: 'e2',
    linkType: 'reference',
  });
}

const ODD_TEXTS = [
  '',
  ' ',
  '\0',
  'a\0b',
  '😀',
  '../..',
  '%',
  "'; DROP TABLE x; --",
  '__proto__',
  'constructor',
  '*',
  'x'.repeat(300),
];
const ODD_SEGMENTS = ['%00', '%ff', '%zz', '%ED%A0%80', '%2F', '..%2f', '%'];

const anyText = () =>
  fc.oneof(fc.constantFrom(...ODD_TEXTS), fc.string({ unit: 'grapheme' }), fc.string({ unit: 'binary' }));

/** A value that fits a schema, or one that does not, as text. */
function textFor({ type, format, enum: choices, minimum = 0, maximum = 100 }: Schema): fc.Arbitrary<string> {
  const fitting = [
    ...(choices === undefined ? [] : [fc.constantFrom(...choices)]),
    ...(format === 'uuid' ? [fc.constant(EVENT_ID), fc.uuid()] : []),
    ...(format === 'date-time'
      ? [
          fc
            .date({ noInvalidDate: true, min: new Date(0), max: new Date(4e12) })
            .map((date) => date.toISOString()),
          fc.constant('9999-12-31T23:59:59Z'),
          fc.constant('0001-01-01T00:00:00+14:00'),
        ]
      : []),
    ...(type === 'integer'
      ? [
          fc.integer({ min: minimum, max: Math.min(maximum, 2 ** 31) }).map(String),
          fc.maxSafeNat().map(String),
        ]
      : []),
    ...(type === 'boolean' ? [fc.constantFrom('true', 'false')] : []),
    ...(type === 'string'
      ? [fc.constantFrom('billing', 'order.*', 'order.placed', 'thing', 'e1', 'shop', 'WzFd', 'WyJhIl0')]
      : []),
  ];
  return fc.oneof({ arbitrary: fc.oneof(...fitting), weight: 4 }, { arbitrary: anyText(), weight: 1 });
}

function valueFor({ type }: Schema): fc.Arbitrary<unknown> {
  if (type === 'integer') return fc.integer({ min: 1, max: 9 });
  if (type === 'array') return fc.array(fc.oneof(fc.constant(EVENT_ID), fc.uuid(), fc.string()));
  if (type !== 'object') return fc.string();
  const key = fc.oneof(fc.constantFrom('batchSize', 'maxAttempts', 'enabled', '__proto__'), fc.string());
  return fc.dictionary(key, fc.oneof(fc.integer(), fc.boolean(), fc.double(), fc.constant(null)));
}

function anyRequest(): fc.Arbitrary<AskInit & { readonly path: string }> {
  const operations = OPERATIONS.filter(({ path }) => path !== '/stream');
  return fc.oneof(...operations.map(requestOf));
}

function requestOf({
  method,
  path,
  parameters,
  requestBody,
}: Operation): fc.Arbitrary<AskInit & { path: string }> {
  const segment = (schema: Schema) =>
    fc.oneof(
      { arbitrary: textFor(schema).map((text) => encodeURIComponent(text.toWellFormed())), weight: 9 },
      { arbitrary: fc.constantFrom(...ODD_SEGMENTS), weight: 1 },
    );
  const query = parameters.filter((each) => each.in === 'query');
  const asked = fc.record(Object.fromEntries(query.map(({ name, schema }) => [name, textFor(schema)])), {
    requiredKeys: query.filter(({ required }) => required).map(({ name }) => name),
  });
  const odd = fc.option(fc.tuple(anyText(), anyText()), { freq: 9, nil: undefined });
  const properties = requestBody?.content['application/json'].schema.properties ?? {};
  const body = fc.oneof(
    {
      arbitrary: fc.record(
        Object.fromEntries(
          Object.entries(properties).map(([name, schema]) => [
            name,
            fc.oneof(fc.jsonValue(), valueFor(schema)),
          ]),
        ),
        { requiredKeys: [] },
      ),
      weight: 4,
    },
    { arbitrary: fc.jsonValue(), weight: 1 },
  );
  const parts = path.slice(1).split('/');
  const segments = parts.map((part) => {
    const parameter = parameters.find(({ name }) => part === `{${name}}`);
    return parameter === undefined ? fc.constant(part) : segment(parameter.schema);
  });
  const key = fc.option(fc.stringMatching(/^[ -~]{0,300}$/), { freq: 4, nil: undefined });
  return fc
    .tuple(fc.tuple(...segments), asked, odd, body, key)
    .map(([texts, given, extra, json, idempotencyKey]) => {
      const search = new URLSearchParams(given as Record<string, string>);
      if (extra !== undefined) search.append(...extra);
      return {
        path: `${texts.join('/')}?${search}`,
        method,
        ...(method === 'GET' ? {} : { json }),
        headers: { ...(method === 'GET' ? {} : JSON_HEADERS), 'idempotency-key': idempotencyKey },
      };
    });
}
