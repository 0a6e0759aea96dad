import { expect, it } from '@jest/globals';
import { jsonSchema } from 'nestjs-integration/contracts';
import { githubSource, type WebhookPayloads } from 'nestjs-integration/webhooks';
import * as v from 'valibot';
import { z } from 'zod';
import { runJsonCommand } from '../support/command.js';
import { hearLog, TEST_LOGGER } from '../support/log-lines.js';
import { fromGithub, PLATFORMS, SECRET, storedEvents, storedRows } from './webhook-app.js';
import { webhookStage } from './webhook-stage.js';

const schemas = {
  push: z.object({ ref: z.string(), size: z.coerce.number().default(0) }),
  'release.published': jsonSchema<{ tag: string }>({
    type: 'object',
    properties: { tag: { type: 'string' } },
    required: ['tag'],
  }),
};

type Payloads = WebhookPayloads<'github', typeof schemas>;

const stage = webhookStage();

const start = async (options: Partial<Parameters<typeof githubSource>[0]> = {}, platform = PLATFORMS[0]) => {
  return stage.start({
    platform: platform ?? 'express',
    webhooks: { incoming: { sources: [githubSource({ secrets: SECRET, schemas, ...options })] } },
    create: { logger: TEST_LOGGER },
  });
};

it('types the events of a source by its schemas', () => {
  const push: Payloads['webhook.github.push'] = { ref: 'main', size: 1 };
  const release: Payloads['webhook.github.release.published'] = { tag: 'v1' };
  // @ts-expect-error the schema says number
  const wrong: Payloads['webhook.github.push'] = { ref: 'main', size: '1' };
  expect([push, release, wrong]).toHaveLength(3);
});

it.each(PLATFORMS)('stores the output of the schema as the payload (%s)', async (platform) => {
  const { send } = await start({ redact: ['ref'] }, platform);
  expect(await send('/webhooks/github', fromGithub('{"ref":"main","size":"7","more":1}'))).toMatchObject({
    status: 200,
  });
  const release = fromGithub('{"action":"published","tag":"v1"}', { id: 'd2', event: 'release' });
  expect(await send('/webhooks/github', release)).toMatchObject({ status: 200 });
  // A type without a schema is taken as it is.
  const other = fromGithub('{"zen":1}', { id: 'd3', event: 'ping' });
  expect(await send('/webhooks/github', other)).toMatchObject({ status: 200 });
  const events = await storedEvents(stage.database);
  expect(events.map(({ name, payload }) => [name, payload])).toEqual([
    ['webhook.github.push', { ref: '[redacted]', size: 7 }],
    ['webhook.github.release.published', { action: 'published', tag: 'v1' }],
    ['webhook.github.ping', { zen: 1 }],
  ]);
});

it.each([
  [
    'a wrong field',
    '{"ref":1,"size":"secret text"}',
    { ref: 1, size: 'secret text' },
    ['payload.ref', 'payload.size'],
  ],
  ['a body that is no JSON', 'ref=1', {}, ['payload']],
  ['what jsonb cannot hold', '{"ref":"\\u0000"}', {}, ['payload']],
])(
  'accepts a genuine delivery with %s, and keeps it apart with the places',
  async (_, body, payload, paths) => {
    const said = hearLog();
    const { send, close } = await start();
    const delivery = fromGithub(body);
    expect(await send('/webhooks/github', delivery)).toMatchObject({
      status: 200,
      json: { status: 'accepted' },
    });
    expect(await send('/webhooks/github', delivery)).toMatchObject({
      status: 200,
      json: { status: 'repeated' },
    });
    const events = await storedEvents(stage.database);
    expect(events).toMatchObject([{ name: 'webhook.github.invalid.push', payload }]);
    const { violations } = events[0]?.metadata.webhook ?? {};
    expect(violations.map(({ path }: { path: string }) => path)).toEqual(paths);
    expect(JSON.stringify(violations)).not.toContain('secret text');
    expect(await said.saying('does not fit the schema')).not.toContain('secret text');
    await close();
    const { result } = await runJsonCommand(['webhooks', 'sources'], stage.database);
    expect(result).toMatchObject({
      sources: [{ source: 'github', accepted: 1, invalid: 1, repeated: 1, refused: {} }],
    });
  },
);

it.each([
  [
    'a rule that throws',
    z
      .object({})
      .loose()
      .refine(({ commits }) => (commits as unknown[]).length > 0),
    '{"ref":"main"}',
  ],
  [
    'a rule that throws later',
    v.pipeAsync(
      v.looseObject({}),
      v.checkAsync(async (given) => (given as { commits: unknown[] }).commits.length > 0),
    ),
    '{"ref":"main"}',
  ],
  [
    'a rule of zod that throws later',
    z
      .object({})
      .loose()
      .refine(async ({ commits }) => (commits as unknown[]).length > 0),
    '{"ref":"main"}',
  ],
  [
    'a body that is deeper than its schema can follow',
    jsonSchema({ type: 'object', properties: { a: { $ref: '#' } } }),
    `${'{"a":'.repeat(20_000)}{}${'}'.repeat(20_000)}`,
  ],
])('keeps a genuine delivery apart as well with %s', async (_, push, body) => {
  const { send, close } = await start({ schemas: { push } });
  expect(await send('/webhooks/github', fromGithub(body))).toMatchObject({ status: 200 });
  expect(await storedEvents(stage.database)).toMatchObject([
    {
      name: 'webhook.github.invalid.push',
      metadata: { webhook: { violations: [{ path: 'payload', reason: expect.any(String) }] } },
    },
  ]);
  await close();
  const { send: again } = await start({ schemas: { push }, invalid: 'reject' });
  expect(await again('/webhooks/github', fromGithub(body, { id: 'd2' }))).toMatchObject({ status: 422 });
});

it('refuses it where the source says so, and stores nothing', async () => {
  const { send } = await start({ invalid: 'reject' });
  const answer = await send('/webhooks/github', fromGithub('{"ref":1,"size":"secret text"}'));
  expect(answer).toMatchObject({
    status: 422,
    json: { code: 'INTEGRATION_WEBHOOK_PAYLOAD_INVALID', step: 'payload' },
  });
  expect(answer.json.message).toMatch(/payload\.ref: .*payload\.size: /);
  expect(answer.text).not.toContain('secret text');
  expect(await storedRows(stage.database)).toEqual({ events: 0, receipts: 0, bodies: 0 });
  expect(await send('/webhooks/github', fromGithub('{"ref":"main"}'))).toMatchObject({ status: 200 });
});

it('refuses what is no schema when the source is made', () => {
  expect(() => githubSource({ secrets: SECRET, schemas: { push: {} as never } })).toThrow(
    expect.objectContaining({
      code: 'INTEGRATION_OPTIONS_INVALID',
      message: expect.stringContaining('schemas["push"] is not a schema'),
    }),
  );
});
