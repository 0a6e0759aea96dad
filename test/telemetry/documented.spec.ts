import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { PostponeError, SkipEventError } from '../../src/index.js';
import { MaintenanceJob } from '../../src/maintenance/maintenance.job.js';
import { startApp, type TestApp } from '../support/app.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';
import { untilConsumerSettled } from '../support/until-settled.js';
import { TestSdk } from './sdk.js';

const PAGE = readFileSync(join(import.meta.dirname, '../../docs/guide/operate/telemetry.md'), 'utf8');

/** The rows of the table with this head, without it. */
function tableOf(head: string): string[][] {
  const [, after = ''] = PAGE.split(new RegExp(`^\\| ${head} .*\\n\\|[ -|]*\\|\\n`, 'm'));
  const [table = ''] = after.split('\n\n', 1);
  return table.split('\n').map((row) =>
    row
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

/** What the page calls attributes, in its table of metrics. */
const NAMES = new Map(tableOf('in the table').map(([short = '', name = '']) => [short, withoutMarks(name)]));

let database: TestDatabase;
let sdk: TestSdk;
let app: TestApp;

const event = (aggregateId: string, eventName = 'one', more: object = {}) => ({
  eventName,
  sourceModule: 'test',
  aggregateType: 'thing',
  aggregateId,
  ...more,
});

/** Everything that is reported happens once: outcomes, batches, duplicates, refusals, changes of leases. */
beforeAll(async () => {
  database = await createTestDatabase();
  sdk = new TestSdk();
  sdk.register();
  let hasBeenPutOff = false;
  app = await startApp(
    database,
    [
      {
        eventName: 'one',
        consumerName: 'single',
        retry: { maxAttempts: 2 },
        handler: async ({ aggregateId }) => {
          if (aggregateId === 'bad') throw new RangeError('no');
          if (aggregateId === 'skip') throw new SkipEventError('not for us');
          if (aggregateId === 'later' && !hasBeenPutOff) {
            hasBeenPutOff = true;
            throw new PostponeError(1, 'too early');
          }
        },
      },
      {
        eventName: 'many',
        consumerName: 'batched',
        batch: { maxSize: 10, maxWaitMs: 50 },
        handler: async () => {},
      },
    ],
    { telemetry: { spans: true, metrics: true } },
  );
  for (const each of ['fine', 'bad', 'skip', 'later']) await app.api.publishEvent(event(each));
  await app.api.publishEvents([event('1', 'many'), event('2', 'many'), event('3', 'many')]);
  for (const _ of ['first', 'second'])
    await app.api.publishEvent(event('4', 'many', { deduplicationKey: 'once' }));
  await expect(app.api.publishEvent(event('x', 'one', { payload: Number.NaN }))).rejects.toThrow();
  await untilConsumerSettled(database, 'single');
  await untilConsumerSettled(database, 'batched');
  await app.processor.drain();
  await app.context.get(MaintenanceJob, { strict: false }).runRound();
});
afterAll(async () => {
  await app.close();
  await sdk.unregister();
  await database.drop();
});

describe('the page about telemetry', () => {
  it('lists every metric with its unit and attributes, and no other', async () => {
    const documented = new Map(
      tableOf('metric').map(([name = '', unit = '', , attributes = '']) => [
        withoutMarks(name),
        { unit: withoutMarks(unit), attributes: attributesOf(attributes) },
      ]),
    );
    const reported = await until('everything is reported', async () => {
      const found = await metricsOf();
      return found.size === documented.size && found;
    });
    expect(Object.fromEntries(reported)).toEqual(Object.fromEntries(documented));
  });

  it('lists every attribute of a span and of a link, and no other', () => {
    const documented = tableOf('attribute').flatMap(([name = '', on = '']) =>
      on.split(', ').map((each) => `${each}: ${withoutMarks(name)}`),
    );
    const reported = sdk.spans().flatMap(({ name, attributes, links }) => {
      const kind = name.startsWith('publish') ? 'publish' : 'process';
      return [
        ...Object.keys(attributes).map((key) => `${kind}: ${key}`),
        ...links.flatMap((link) => Object.keys(link.attributes ?? {}).map((key) => `link: ${key}`)),
      ];
    });
    expect([...new Set(reported)].sort()).toEqual(documented.sort());
  });

  it('lists every outcome that an attempt of these had', () => {
    const outcomes = sdk.spans().flatMap(({ attributes }) => attributes['nestjs_integration.outcome'] ?? []);
    const [, , text = ''] = tableOf('attribute').find(([name]) => name?.includes('.outcome')) ?? [];
    const documented = [...text.matchAll(/`([a-z-]+)`/g)].map(([, each]) => each);
    expect([...new Set(outcomes)].sort()).toEqual(['dead', 'postponed', 'processed', 'retry', 'skipped']);
    expect(documented).toEqual(expect.arrayContaining(outcomes));
  });
});

async function metricsOf() {
  const found = new Map<string, { unit: string; attributes: string[] }>();
  for (const { name, unit, attributes } of await sdk.readings()) {
    if (name.startsWith('otel.')) continue;
    const known = found.get(name) ?? { unit, attributes: [] };
    // The page says which metrics have no system.
    const own = Object.keys(attributes).filter((key) => key !== 'messaging.system');
    known.attributes = [...new Set([...known.attributes, ...own])].sort();
    found.set(name, known);
  }
  return found;
}

/** What stands behind a semicolon is reported in a case that does not happen here. */
function attributesOf(cell: string): string[] {
  const [always = ''] = cell.split(';', 1);
  const names = always.split(', ').filter((each) => each !== '');
  return [...new Set(names)].map((each) => NAMES.get(each) ?? withoutMarks(each)).sort();
}

function withoutMarks(text: string): string {
  return text.replaceAll('`', '');
}
