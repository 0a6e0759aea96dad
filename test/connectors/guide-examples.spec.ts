import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import * as common from '@nestjs/common';
import { Test } from '@nestjs/testing';
import * as connectors from 'nestjs-integration/connectors';
import * as secrets from 'nestjs-integration/secrets';
import * as webhooks from 'nestjs-integration/webhooks';
import { z } from 'zod';
import * as integration from '../../src/index.js';
import * as testing from '../../src/testing/index.js';
import { examplesOf, runExample } from '../support/guide-code.js';
import { readPage } from '../support/pages.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';

/** The tests of connectors that the guide shows, run as they are printed there. */
const MODES = examplesOf(readPage('docs/guide/connect/testing-connectors.md').text);
const PRINTING = examplesOf(readPage('docs/guide/connect/connector-webhooks.md').text);

let database: TestDatabase;
const open: { close(): Promise<unknown> }[] = [];

function kept<T extends { close(): Promise<unknown> }>(one: T): T {
  open.push(one);
  return one;
}

/** What the examples import. Whatever they open is closed after each test. */
const MODULES = {
  '@nestjs/common': common,
  '@nestjs/testing': {
    Test: {
      createTestingModule: (of: Parameters<typeof Test.createTestingModule>[0]) => ({
        compile: async () => kept(await Test.createTestingModule(of).compile()),
      }),
    },
  },
  'nestjs-integration': integration,
  'nestjs-integration/connectors': connectors,
  'nestjs-integration/secrets': secrets,
  'nestjs-integration/testing': {
    ...testing,
    FakeProvider: {
      start: async (options?: testing.FakeProviderOptions) => kept(await testing.FakeProvider.start(options)),
    },
  },
  'nestjs-integration/webhooks': webhooks,
  zod: { z },
};

beforeAll(async () => {
  database = await createTestDatabase();
});
afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each.close();
});
afterAll(() => database.drop());

type Sent = { headers: Record<string, string> };

const SHOWN: readonly [string, (sent: Sent) => unknown, unknown][] = [
  ['withBearer', ({ headers }) => headers.authorization, 'Bearer abc'],
  ['withBasic', ({ headers }) => headers.authorization, `Basic ${btoa('ann:secret')}`],
  ['withApiKey', ({ headers }) => headers['x-api-key'], 'abc'],
  ['withOAuth2', ({ headers }) => headers.authorization, expect.stringMatching(/^Bearer ./)],
  ['withClientCredentials', ({ headers }) => headers.authorization, expect.stringMatching(/^Bearer ./)],
  ['withItsOwnWay', ({ headers }) => headers['x-user'], 'ann'],
];

it.each(SHOWN)('%s shows what it says', async (name, look, shown) => {
  const example = runExample<Record<string, (url: string) => Promise<Sent>>>(
    MODES.get('modes.spec.ts') ?? '',
    MODULES,
  );
  expect(look((await example[name]?.(database.url)) as Sent)).toEqual(shown);
});

it('has no other way than these', () => {
  const names = [...(MODES.get('modes.spec.ts') ?? '').matchAll(/export async function (with\w+)/g)];
  expect(names.map(([, name]) => name)).toEqual(SHOWN.map(([name]) => name));
});

it('the printing partner delivers a job, and the connector publishes what became of it', async () => {
  const connector = runExample<object>(PRINTING.get('printing.connector.ts') ?? '', MODULES);
  const { takesJobs } = runExample<{
    takesJobs(url: string): Promise<{ provider: { subscriptions: object[] } }>;
  }>(PRINTING.get('printing.spec.ts') ?? '', { ...MODULES, './printing.connector.js': connector });
  const { provider } = await takesJobs(database.url);
  expect(provider.subscriptions).toHaveLength(1);
  const published = async () => {
    const { rows } = await database.pool.query(
      `SELECT aggregate_id, payload->'pages' AS pages FROM integration.outbox_event WHERE event_name = 'print.done'`,
    );
    return rows;
  };
  await until('the job is handled', async () => (await published()).length > 0);
  expect(await published()).toEqual([{ aggregate_id: 'j1', pages: 3 }]);
});
