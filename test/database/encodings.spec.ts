import { afterEach, describe, expect, it } from '@jest/globals';
import type { EngineDatabase } from '../../src/database/engine-database.js';
import { narrowTextOf } from '../../src/database/server-encoding.store.js';
import type { DomainEventInput } from '../../src/index.js';
import type { AnySubscriberDefinition } from '../../src/subscribers/subscriber-definition.js';
import { startApp, type TestApp } from '../support/app.js';
import { hearLog, silenceLog } from '../support/log-lines.js';
import { Recorder } from '../support/recorder.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';

let database: TestDatabase | undefined;
let app: TestApp | undefined;

afterEach(async () => {
  silenceLog();
  await app?.close();
  await database?.drop();
  app = database = undefined;
});

const EVENT: DomainEventInput = { eventName: 'a', sourceModule: 's', aggregateType: 't', aggregateId: 'é' };

async function start(encoding: string, subscribers: AnySubscriberDefinition[] = []) {
  database = await createTestDatabase({ encoding });
  app = await startApp(database, subscribers, { migrations: 'run', client: undefined });
  return app;
}

describe('a database of LATIN1', () => {
  it('keeps errors with a mark for what it cannot hold, and goes on', async () => {
    const handled = new Recorder<string>();
    const { api, inbox, processor } = await start('LATIN1', [
      {
        eventName: 'a',
        consumerName: 'c',
        retry: { maxAttempts: 1 },
        handler: async ({ aggregateId }: { aggregateId: string }) => {
          handled.record(aggregateId);
          if (aggregateId === 'bad') throw new Error('can’t reach the café 😀');
        },
      } as AnySubscriberDefinition,
    ]);
    for (const aggregateId of ['bad', 'é', 'good'])
      await api.publishEvent({ ...EVENT, aggregateId, payload: { text: 'ÿ' } });
    await handled.first(3);
    await processor.drain();
    expect(await inbox.findDeadLetters()).toMatchObject([
      { aggregateId: 'bad', lastError: expect.stringContaining('can<U+2019>t reach the café <U+1F600>') },
    ]);
  });

  it('refuses what it cannot hold before any SQL, by name', async () => {
    const { api } = await start('LATIN1');
    const refused = (event: Partial<DomainEventInput>) =>
      api.transaction(async (tx) => {
        const error = await api
          .publishEvent({ ...EVENT, ...event }, { persistenceClient: tx })
          .catch((reason: unknown) => reason);
        // The transaction is not aborted.
        await api.publishEvent(EVENT, { persistenceClient: tx });
        return error as { code: string; message: string };
      });
    expect(await refused({ aggregateId: 'č' })).toMatchObject({
      code: 'INTEGRATION_EVENT_INVALID',
      message: expect.stringMatching(/^aggregateId contains <U\+010D>.*LATIN1/),
    });
    expect(await refused({ payload: { text: '€' } })).toMatchObject({
      code: 'INTEGRATION_PAYLOAD_INVALID',
      message: expect.stringMatching(/^payload contains <U\+20AC>/),
    });
    expect(await refused({ deduplicationKey: '😀' })).toMatchObject({ code: 'INTEGRATION_EVENT_INVALID' });
    const link = {
      sourceModule: 'a',
      sourceEntityType: 'b',
      sourceEntityId: '€',
      targetModule: 'd',
      targetEntityType: 'e',
      targetEntityId: 'f',
    };
    await expect(api.createLink({ ...link, linkType: 'reference' })).rejects.toMatchObject({
      code: 'INTEGRATION_LINK_INVALID',
    });
  });

  it('refuses a consumer whose name it cannot hold, and says what it is at boot', async () => {
    const lines = hearLog();
    const boot = start('LATIN1', [
      { eventName: 'a', consumerName: 'c€', handler: async () => {} } as AnySubscriberDefinition,
    ]);
    await expect(boot).rejects.toMatchObject({ code: 'INTEGRATION_SUBSCRIBER_INVALID' });
    expect(lines.texts('warn')).toContainEqual(expect.stringContaining('encoding is LATIN1, not UTF8'));
  });
});

it('a database of SQL_ASCII counts bytes, and otherwise keeps what comes', async () => {
  const handled = new Recorder<unknown>();
  const { api } = await start('SQL_ASCII', [
    {
      eventName: 'a',
      consumerName: 'c',
      handler: async ({ payload }: { payload: unknown }) => handled.record(payload),
    } as AnySubscriberDefinition,
  ]);
  await expect(api.publishEvent({ ...EVENT, aggregateType: '😀'.repeat(40) })).rejects.toMatchObject({
    code: 'INTEGRATION_EVENT_INVALID',
    message: expect.stringContaining('more than 127 bytes'),
  });
  await api.publishEvent({ ...EVENT, payload: { text: '😀 €' } });
  expect(await handled.first(1)).toEqual([{ text: '😀 €' }]);
});

it.each([
  ['WIN1252', '€’ÿ', ['č', '\u0081', '😀']],
  ['LATIN2', 'čőł', ['€', 'ÿ']],
  ['EUC_JP', '日本語かな', ['한', '😀']],
])('what a database of %s holds is asked of the server', async (encoding, held, missing) => {
  database = await createTestDatabase({ encoding });
  const engine: EngineDatabase = database.engine();
  const narrow = await narrowTextOf(engine);
  expect(narrow?.problemOf(held)).toBeUndefined();
  for (const text of missing) expect(narrow?.problemOf(text)).toContain(encoding);
  expect(await engine.query('SELECT $1::text AS text', [held])).toEqual([{ text: held }]);
});
