import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { holdOperations } from '../support/running-operation.js';
import { SAGA } from '../support/saga-rows.js';
import { SCHEDULE } from '../support/schedule-rows.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import {
  type AdminApp,
  type Answered,
  type AskInit,
  JSON_HEADERS,
  PLATFORMS,
  startAdminApp,
} from './admin-app.js';
import { partModules } from './every-section.js';
import {
  type BodySchema,
  OPERATIONS,
  type Operation,
  type Schema,
  validatorOfDocument,
} from './openapi-operations.js';
import { EVENT_ID, fillAgain, fillWithSomething } from './something-of-everything.js';

/** On each platform others. */
const REQUESTS = 6_000;
/** So many requests find everything in the database that is filled once. */
const PORTION = 250;
/** In some portions the operation runs already, or is paused: it is planned otherwise. */
const HELD = ['running', 'paused', undefined] as const;
/** At least this many requests of each operation must succeed, and at least this many must be refused. */
const FEWEST = 1;
const MANY_REQUESTS_MS = 540_000;

describe.each(PLATFORMS)('on %s, answers', (platform) => {
  let database: TestDatabase;
  let admin: AdminApp;
  const ajv = validatorOfDocument();

  beforeAll(async () => {
    database = await createTestDatabase();
    admin = await startAdminApp(database, { platform, module: { imports: partModules() } });
    await fillWithSomething(database, admin);
  });
  afterAll(async () => {
    await admin.close();
    await database.drop();
  });

  it(
    'to 6,000 generated requests are what the document says, for every operation, and never a fault',
    async () => {
      const seed = 47 + PLATFORMS.indexOf(platform);
      const requests = fc.sample(anyRequest(), { numRuns: REQUESTS, seed });
      const seen = new Map(OPERATIONS.map(({ operationId }) => [operationId, { good: 0, refused: 0 }]));
      const wrong: unknown[] = [];
      while (requests.length > 0) {
        // What was removed, run or discarded is there again.
        await fillAgain(database, admin);
        const held = HELD[(requests.length / PORTION) % HELD.length];
        if (held !== undefined) await holdOperations(database, held);
        const portion = requests.splice(0, PORTION);
        const workers = Array.from({ length: 4 }, async () => {
          for (let next = portion.pop(); next !== undefined; next = portion.pop()) {
            const { operation, path, ...init } = next;
            const answer = await admin.ask(path, init);
            const problem = problemOfAnswer(next, answer);
            if (problem !== undefined)
              wrong.push({ problem, ...next, operation: operation.operationId, text: answer.text });
            const counts = seen.get(operation.operationId);
            if (counts !== undefined) counts[answer.status < 300 ? 'good' : 'refused']++;
          }
        });
        await Promise.all(workers);
      }
      expect(wrong.slice(0, 3)).toEqual([]);
      // Of every operation, requests were answered with what was asked for, and others were refused.
      const asked = [...seen].filter(([operationId]) => operationId !== 'get-stream');
      const onlyOneWay = asked.filter(([, { good, refused }]) => good < FEWEST || refused < FEWEST);
      expect(onlyOneWay).toEqual([]);
    },
    MANY_REQUESTS_MS,
  );

  /** What the document does not say of an answer. Undefined if it is as the document says. */
  function problemOfAnswer({ operation, path }: Request, answer: Answered): unknown {
    const { status, headers, json, text } = answer;
    if (status >= 500) return `status ${status}`;
    // Without one of its segments, it is the path of another operation, or of none.
    if (/(^|\/)\.{0,2}(\/|\?)/.test(path)) return undefined;
    const type = headers.get('content-type')?.split(';', 1)[0] ?? '';
    // The platform refuses paths that are no text, or too long for it, before any route.
    if (type === 'application/json' && status >= 400) {
      const isOfPlatform = [400, 404, 414].includes(status) && !text.includes('INTEGRATION_');
      return isOfPlatform && !/ at |node_modules|SELECT/.test(text) ? undefined : `of no route: ${status}`;
    }
    if (headers.get('cache-control') !== 'no-store') return 'may be stored';
    const { [status < 400 ? status : 'default']: response } = operation.responses;
    const { $ref } = response?.content[type]?.schema ?? {};
    if ($ref === undefined) return `${status} ${type} is not in the document`;
    const validate = ajv.getSchema(`document${$ref}`);
    return validate?.(json) === true ? undefined : validate?.errors;
  }
});

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

/** Undefined in nine of ten requests: what is odd in all of them would have all of them refused. */
const rarely = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.oneof({ arbitrary: fc.constant(undefined), weight: 9 }, { arbitrary, weight: 1 });

const oneOfThree = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.oneof({ arbitrary: fc.constant(undefined), weight: 2 }, { arbitrary, weight: 1 });

/** What there is in the database, by the name of the field that asks for it. */
const THERE: Readonly<Record<string, string>> = {
  name: 'billing',
  consumer: 'billing',
  type: 'thing',
  id: 'e1',
  fingerprint: 'none',
  module: 'shop',
  eventName: 'order.placed',
  aggregateType: 'thing',
  aggregateId: 'e1',
  key: 'batchSize',
  tenant: 'acme',
  saga: SAGA.name,
  schedule: SCHEDULE,
  source: 'github',
  first: '1',
  second: '1',
  position: '1',
  url: 'https://receiver.example/',
};

/** The key of a setting and the key of a saga are both called `key`. */
const thereOn = (path: string, name: string) =>
  path.startsWith('/sagas/') && name === 'key' ? SAGA.key : THERE[name];

/** A value that fits the schema of a parameter of a path, or one that does not, as text. */
function textFor(
  path: string,
  name: string,
  { type, format, enum: choices, minimum = 0, maximum = 100 }: Schema,
): fc.Arbitrary<string> {
  const there = thereOn(path, name);
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
          fc
            .oneof(
              { arbitrary: fc.integer({ min: minimum, max: Math.min(maximum, 2 ** 31) }), weight: 4 },
              { arbitrary: fc.maxSafeNat(), weight: 1 },
            )
            .map(String),
        ]
      : []),
    ...(type === 'boolean' ? [fc.constantFrom('true', 'false')] : []),
    ...(there !== undefined && format === undefined ? [fc.constant(there), fc.constant(there)] : []),
    ...(type === 'string' && choices === undefined && format === undefined
      ? [fc.constantFrom('billing', 'order.*', 'order.placed', 'thing', 'e1', 'shop', 'WzFd', 'WyJhIl0')]
      : []),
  ];
  return fc.oneof({ arbitrary: fc.oneof(...fitting), weight: 9 }, { arbitrary: anyText(), weight: 1 });
}

/** A value that fits a schema of a body. */
function fittingValue(
  name: string,
  { type, format, enum: choices, minimum = 0, maximum = 100 }: Schema,
): fc.Arbitrary<unknown> {
  // With the other signing, a secret would have to be given.
  if (name === 'signing') return fc.constant('v1a');
  if (name === 'url') return fc.constant(THERE.url);
  if (choices !== undefined) return fc.constantFrom(...choices);
  if (format === 'uuid') return fc.constant(EVENT_ID);
  if (format === 'date-time') return fc.constantFrom('2026-01-01T00:00:00Z', '2030-01-01T00:00:00.5+02:00');
  if (type === 'integer') return fc.integer({ min: minimum, max: Math.min(maximum, minimum + 3) });
  if (type === 'boolean') return fc.boolean();
  if (name === 'type') return fc.constant('integration.webhook.destination_failing');
  if (name === 'eventTypes') return fc.constant(['*']);
  if (type === 'array') return fc.constant([EVENT_ID]);
  if (type === 'string') return fc.constantFrom(THERE[name] ?? 'because', 'x');
  if (type !== 'object') return fc.jsonValue();
  return fc.dictionary(fc.constantFrom('batchSize', 'maxAttempts'), fc.integer({ min: 5, max: 9 }), {
    minKeys: 1,
  });
}

/** A value that may fit or not. */
function anyValue({ type }: Schema): fc.Arbitrary<unknown> {
  if (type === 'array') return fc.array(fc.oneof(fc.constant(EVENT_ID), fc.uuid(), fc.string()));
  if (type !== 'object') return fc.oneof(fc.jsonValue(), anyText(), fc.double(), fc.maxSafeInteger());
  const key = fc.oneof(fc.constantFrom('batchSize', 'maxAttempts', 'enabled', '__proto__'), fc.string());
  return fc.dictionary(key, fc.oneof(fc.integer(), fc.boolean(), fc.double(), fc.constant(null)));
}

/** Bodies that fit, bodies with single values that do not, and others. */
function bodyOf({ properties, required }: BodySchema): fc.Arbitrary<unknown> {
  const record = (
    arbitraryOf: (name: string, schema: Schema) => fc.Arbitrary<unknown>,
    requiredKeys: readonly string[],
  ) =>
    fc.record(
      Object.fromEntries(
        Object.entries(properties).map(([name, schema]) => [name, arbitraryOf(name, schema)]),
      ),
      { requiredKeys: [...requiredKeys] },
    );
  const mixed = (name: string, schema: Schema) =>
    fc.oneof(
      { arbitrary: fittingValue(name, schema), weight: 4 },
      { arbitrary: anyValue(schema), weight: 1 },
    );
  // Rules that no schema has want more: a consumer for operations, something to
  // change for a group of failures, a signature for which no secret is needed, a payload in the place of a patch.
  const wanted = ['consumer', 'acknowledged', 'signing', 'payload'].filter((name) => name in properties);
  const names = [...new Set([...required, ...wanted])];
  const least = Object.fromEntries(names.map((name) => [name, fittingValue(name, properties[name] ?? {})]));
  return fc.oneof(
    { arbitrary: fc.record(least), weight: 3 },
    { arbitrary: record(fittingValue, required), weight: 2 },
    { arbitrary: record(mixed, []), weight: 2 },
    { arbitrary: fc.jsonValue(), weight: 1 },
  );
}

type Request = AskInit & { readonly path: string; readonly operation: Operation };

function anyRequest(): fc.Arbitrary<Request> {
  const operations = OPERATIONS.filter(({ path }) => path !== '/stream');
  return fc.oneof(...operations.map(requestOf));
}

function requestOf(operation: Operation): fc.Arbitrary<Request> {
  const { method, path, parameters, requestBody } = operation;
  const segment = ({ name, schema }: Operation['parameters'][number]) =>
    fc.oneof(
      {
        arbitrary: textFor(path, name, schema).map((text) => encodeURIComponent(text.toWellFormed())),
        weight: 9,
      },
      { arbitrary: fc.constantFrom(...ODD_SEGMENTS), weight: 1 },
    );
  const query = parameters.filter((each) => each.in === 'query');
  const asked = fc.record(
    Object.fromEntries(
      query.map(({ name, schema, required }) => {
        const value = textFor(path, name, schema);
        return [name, required ? value : oneOfThree(value)];
      }),
    ),
  );
  const odd = rarely(fc.tuple(anyText(), anyText()));
  const { properties = {}, required = [] } = requestBody?.content['application/json'].schema ?? {};
  const body = bodyOf({ properties, required });
  const parts = path.slice(1).split('/');
  const segments = parts.map((part) => {
    const parameter = parameters.find(({ name }) => part === `{${name}}`);
    return parameter === undefined ? fc.constant(part) : segment(parameter);
  });
  const key = rarely(fc.stringMatching(/^[ -~]{0,300}$/));
  return fc
    .tuple(fc.tuple(...segments), asked, odd, body, key)
    .map(([texts, given, extra, json, idempotencyKey]) => {
      const present = Object.entries(given).filter(
        (entry): entry is [string, string] => entry[1] !== undefined,
      );
      const search = new URLSearchParams(present);
      if (extra !== undefined) search.append(...extra);
      return {
        operation,
        path: `${texts.join('/')}?${search}`,
        method,
        ...(method === 'GET' ? {} : { json }),
        headers: { ...(method === 'GET' ? {} : JSON_HEADERS), 'idempotency-key': idempotencyKey },
      };
    });
}
