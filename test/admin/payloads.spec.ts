import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ForbiddenException } from '@nestjs/common';
import type { IntegrationAdminOptions } from 'nestjs-integration/admin';
import { hearLog, silenceLog, TEST_LOGGER } from '../support/log-lines.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { type AdminApp, PLATFORMS, startAdminApp } from './admin-app.js';
import { partModules } from './every-section.js';
import { bodyFor, EVENT_ID, fillWithSomething, inTurn, targetOf } from './something-of-everything.js';

/* A payload leaves through one answer only, and not past the mask. */

interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly additionalProperties?: boolean | Schema;
}
interface Operation {
  readonly operationId: string;
  readonly responses: Readonly<Record<string, { content?: Record<string, { schema: Schema }> }>>;
}

const DOCUMENT = JSON.parse(readFileSync(join(import.meta.dirname, '../../openapi/admin-api.json'), 'utf8'));
const OPERATIONS = Object.entries<Record<string, Operation>>(DOCUMENT.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({
    ...operation,
    path,
    method: method.toUpperCase(),
  })),
);

/** Where answers hold what their schema leaves open, or what is called like a payload, and why they may. */
const OPEN: Readonly<Record<string, string>> = {
  'get-events-id-payload/payload': 'the mask has seen it',
  'get-events-id-rehearsals-rehearsal/result':
    'the error, the lines and the payloads of a rehearsal: the mask has seen them',
  'post-events-id-rehearsals/result': 'the same',
  metadata: 'of an event: what the publisher says about it, and no payload',
  'get-audit/items/before': 'values of settings, states and filters before a change',
  'get-audit/items/after': 'the same after a change',
  'get-settings-history/items/from': 'the value of a setting',
  'get-settings-history/items/to': 'the value of a setting',
  'get-doctor/findings/details': 'names, counts and times of a finding',
  'get-openapi': 'this document, of what the application has',
  'get-operations/items/filter': 'which events or other things an operation changes',
  'get-operations-id/filter': 'the same',
  'post-operations/filter': 'the same',
  'post-operations-id-run/filter': 'the same',
  'post-operations-id-cancel/filter': 'the same',
  'post-operations-id-pause/filter': 'the same',
  'post-operations-id-resume/filter': 'the same',
  'post-operations-id-rate/filter': 'the same',
  'get-webhooks-destinations-id/filter': 'which events a tenant asks for',
  'post-webhooks-destinations/filter': 'the same',
  'patch-webhooks-destinations-id/filter': 'the same',
  'delete-webhooks-destinations-id/filter': 'the same',
  'post-webhooks-destinations-id-pause/filter': 'the same',
  'post-webhooks-destinations-id-resume/filter': 'the same',
  'post-webhooks-destinations-id-enable/filter': 'the same',
  'post-webhooks-destinations-id-redrive/filter': 'which deliveries an operation changes',
  'post-webhooks-destinations-id-replay/filter': 'the same',
  'get-webhooks-event-types/items/schema': 'what the application says of its public events, in its code',
  'get-webhooks-event-types/items/examples': 'the same',
  'get-contracts-name/versions/schema': 'what payloads have to be, as the code of the application says it',
};
const LIKE_A_PAYLOAD = /^(payload|body|bytes|data|content|raw|event|input|output|result|value)$/i;

/** The places of an answer that could hold anything. */
function openPlaces(schema: Schema, place: string): string[] {
  const { $ref, properties = {}, items, anyOf = [], additionalProperties, type } = schema;
  if ($ref !== undefined) return openPlaces(DOCUMENT.components.schemas[$ref.split('/').at(-1) ?? ''], place);
  const isOpen = additionalProperties === true || (type === undefined && anyOf.length === 0);
  if (isOpen) return [place];
  return [
    ...anyOf.flatMap((each) => openPlaces(each, place)),
    ...(items === undefined ? [] : openPlaces(items, place)),
    ...(typeof additionalProperties === 'object' ? openPlaces(additionalProperties, place) : []),
    ...Object.entries(properties).flatMap(([name, each]) => {
      const found = openPlaces(each, `${place}/${name}`);
      const isNamedSo = LIKE_A_PAYLOAD.test(name) && !isScalar(each);
      return isNamedSo && found.length === 0 ? [`${place}/${name}`] : found;
    }),
  ];
}

function isScalar({ type = [], anyOf = [] }: Schema): boolean {
  const types = [type].flat();
  if (anyOf.length > 0) return anyOf.every(isScalar);
  return (
    types.length > 0 &&
    types.every((each) => ['boolean', 'number', 'integer', 'string', 'null'].includes(each))
  );
}

describe('the OpenAPI document', () => {
  it('has no place for a payload but the one that the mask has seen', () => {
    const places = OPERATIONS.flatMap(({ operationId, responses }) =>
      // An answer that nothing has changed has no content.
      Object.values(responses).flatMap(({ content = {} }) =>
        Object.values(content).flatMap(({ schema }) =>
          openPlaces(schema, operationId).map((place) => (place.endsWith('/metadata') ? 'metadata' : place)),
        ),
      ),
    );
    expect([...new Set(places)].sort()).toEqual(Object.keys(OPEN).sort());
  });

  it('is looked through for every kind of place', () => {
    const found = (schema: Schema) => openPlaces(schema, 'x');
    expect(found({ type: 'object', properties: { a: {} } })).toEqual(['x/a']);
    expect(found({ type: 'array', items: { anyOf: [{ type: 'null' }, {}] } })).toEqual(['x']);
    expect(found({ type: 'object', additionalProperties: true })).toEqual(['x']);
    expect(
      found({ type: 'object', properties: { payload: { type: 'array', items: { type: 'string' } } } }),
    ).toEqual(['x/payload']);
    expect(found({ type: 'object', properties: { name: { type: 'string' } } })).toEqual([]);
  });
});

describe.each(PLATFORMS)('on %s, no answer of any route', (platform) => {
  const PLANTED = [
    'planted-in-an-event',
    '998877665544',
    'planted-in-a-correction',
    'planted-in-a-webhook',
    'planted-in-a-call',
  ];
  let database: TestDatabase;
  let admin: AdminApp;
  let asked: unknown[];

  beforeAll(async () => {
    database = await createTestDatabase();
    asked = [];
    admin = await startAdminApp(database, {
      platform,
      streams: { most: 1, lifetimeMs: 200 },
      module: { imports: partModules() },
      admin: {
        mask: (payload) => {
          asked.push(payload);
          return { masked: true };
        },
      },
    });
    await fillWithSomething(database, admin);
    await database.pool.query(
      `UPDATE integration.outbox_event SET payload = '{"card": "planted-in-an-event", "number": 998877665544}'`,
    );
    await database.pool.query(
      `UPDATE integration.inbox_event SET attempts = replace(attempts::text, '12345678901234567890', 'planted-in-an-event: 998877665544')::jsonb`,
    );
    await database.pool.query(
      `UPDATE integration.integration_rehearsal SET result = replace(replace(result::text, '{\\"id\\": 12345678901234567890}',
         '{\\"card\\": \\"planted-in-an-event\\", \\"number\\": 998877665544}'), '12345678901234567890', 'planted-in-an-event: 998877665544')::jsonb`,
    );
    await database.pool.query(`
      UPDATE integration.webhook_message SET data = '{"card": "planted-in-an-event", "number": 998877665544}';
      UPDATE integration.webhook_attempt SET answer = 'no planted-in-an-event: 998877665544'`);
    await database.pool.query(
      `INSERT INTO integration.webhook_body (outbox_event_id, bytes) SELECT id, 'planted-in-a-webhook' FROM integration.outbox_event`,
    );
    await database.pool.query(`
      UPDATE integration.external_call SET request = '"planted-in-a-call"', result = '"planted-in-a-call"',
        error = '{"code": "E7", "message": "not today", "details": "planted-in-a-call"}';
      UPDATE integration.external_call_report SET data = '"planted-in-a-call"'`);
    for (const batchSize of [8, 9])
      await admin.ask('settings', { method: 'PATCH', json: { values: { batchSize } } });
  });
  afterAll(async () => {
    await admin.close();
    await database.drop();
  });

  it('has what only the payload holds, before and after everything that can be changed', async () => {
    const reads = OPERATIONS.filter(({ method }) => method === 'GET');
    const writes = inTurn(OPERATIONS.filter(({ method }) => method !== 'GET'));
    const answered: [string, number, string][] = [];
    for (const { method, path, operationId } of [...reads, ...writes, ...reads]) {
      const body = method === 'GET' ? undefined : await bodyFor(path, database);
      const json =
        body?.payload === undefined ? body : { ...body, payload: { card: 'planted-in-a-correction' } };
      const key = method === 'POST' ? { 'idempotency-key': operationId } : {};
      // The second time, a POST is answered with what was kept of the first.
      for (const _ of method === 'POST' ? [1, 2] : [1]) {
        const init = { method, headers: key, ...(json === undefined ? {} : { json }) };
        const { status, text } = await admin.ask(targetOf(path), init);
        answered.push([operationId, status, text]);
      }
    }
    const leaks = answered.filter(([, , text]) => PLANTED.some((planted) => text.includes(planted)));
    expect(leaks).toEqual([]);
    const done = answered.filter(([, status]) => status < 300).map(([operationId]) => operationId);
    expect(OPERATIONS.map((each) => each.operationId).filter((each) => !done.includes(each))).toEqual([]);
    const payload = { card: 'planted-in-an-event', number: 998877665544 };
    // Of the payload, of the lines of attempts and of two attempts. Of a rehearsal: of the dead letter, whose
    // values are hidden in its lines, and twice of the event that it would have published. Before and after.
    // Of a delivery of a webhook, before and when it is sent again.
    expect(asked).toEqual(Array.from({ length: 14 }, () => payload));
  });
});

describe.each(PLATFORMS)('on %s, a mask', (platform) => {
  let database: TestDatabase;
  let admin: AdminApp;
  let mask: NonNullable<IntegrationAdminOptions['mask']>;

  beforeAll(async () => {
    database = await createTestDatabase();
    admin = await startAdminApp(database, {
      platform,
      create: { logger: TEST_LOGGER },
      admin: { mask: (...given) => mask(...given) },
    });
    await fillWithSomething(database, admin);
    await database.pool.query(`UPDATE integration.outbox_event SET payload = '{"card": "planted"}'`);
  });
  afterAll(async () => {
    silenceLog();
    await admin.close();
    await database.drop();
  });

  interface Card {
    card: string;
    self?: unknown;
  }
  const cyclic = (payload: unknown) => {
    (payload as Card).self = payload;
    return payload;
  };
  /** A failure of the same kind is said once a minute. */
  const OF_A_KIND_THAT_WAS_SAID = undefined;
  const FAILING: [string, NonNullable<IntegrationAdminOptions['mask']>, string | undefined][] = [
    ['throws', (payload) => JSON.parse((payload as Card).card), 'an error of the kind SyntaxError'],
    [
      'rejects',
      async (payload) => Promise.reject(new Error((payload as Card).card)),
      'an error of the kind Error',
    ],
    [
      'throws what is no Error',
      (payload) => {
        throw (payload as Card).card;
      },
      'a string',
    ],
    ['returns a circle', cyclic, 'an error of the kind TypeError'],
    ['promises a circle', async (payload) => cyclic(payload), OF_A_KIND_THAT_WAS_SAID],
    ['returns a BigInt', (payload) => ({ ...(payload as Card), count: 1n }), OF_A_KIND_THAT_WAS_SAID],
    [
      'returns what cannot be written',
      (payload) => ({
        toJSON() {
          throw new RangeError((payload as Card).card);
        },
      }),
      'an error of the kind RangeError',
    ],
  ];

  it.each(FAILING)(
    'that %s is a fault that says nothing of the payload, nor does the log',
    async (_, failing, kind) => {
      mask = failing;
      const said = hearLog();
      const answer = await admin.ask(`events/${EVENT_ID}/payload`);
      expect(answer).toMatchObject({
        status: 500,
        json: { code: 'INTEGRATION_ADMIN_FAILED', type: 'urn:nestjs-integration:INTEGRATION_ADMIN_FAILED' },
      });
      expect(answer.text).not.toContain('planted');
      expect(said.all.filter(({ text, stack }) => `${text} ${stack}`.includes('planted'))).toEqual([]);
      if (kind === OF_A_KIND_THAT_WAS_SAID) return;
      const { stack } = await said.find((line) => line.text.includes('/payload failed'));
      expect(stack).toContain(`mask failed for the payload of event ${EVENT_ID} with ${kind}.`);
    },
  );

  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['null', null],
    ['a function', () => 'planted'],
    ['a symbol', Symbol('planted')],
  ])('that returns %s shows null', async (_, value) => {
    for (const returned of [value, Promise.resolve(value)]) {
      mask = () => returned;
      expect(await admin.ask(`events/${EVENT_ID}/payload`)).toMatchObject({
        status: 200,
        text: `{"outboxEventId":"${EVENT_ID}","payload":null}`,
      });
    }
  });

  it('may refuse', async () => {
    mask = () => {
      throw new ForbiddenException('Not this payload');
    };
    expect(await admin.ask(`events/${EVENT_ID}/payload`)).toMatchObject({
      status: 403,
      json: { code: 'INTEGRATION_ADMIN_DENIED', detail: 'Not this payload' },
    });
  });

  it('shows what it returns of hostile kinds as JSON, and nothing beside it', async () => {
    mask = () => JSON.parse('{"__proto__": {"x": 1}, "payload": "\\"},\\"more\\":1"}');
    const { json } = await admin.ask(`events/${EVENT_ID}/payload`);
    expect(Object.keys(json)).toEqual(['outboxEventId', 'payload']);
  });
});
