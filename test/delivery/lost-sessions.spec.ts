import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { DomainEvent, IntegrationModuleOptions, SubscriberContext } from '../../src/index.js';
import { startApp, type TestApp } from '../support/app.js';
import { effectsOf, transactionOf, writeEffectBySql } from '../support/effects.js';
import { gate } from '../support/gate.js';
import { inboxRows } from '../support/inbox-rows.js';
import { Recorder } from '../support/recorder.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { untilConsumerSettled } from '../support/until-settled.js';

let database: TestDatabase;
let app: TestApp;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterEach(() => app.close());
afterAll(() => database.drop());

const event = (eventName: string, aggregateId = 'a') => ({
  eventName,
  sourceModule: 'test',
  aggregateType: 'thing',
  aggregateId,
});

/** The application brings no client: handlers' transactions run on the engine's own. */
const NO_CLIENT = { client: undefined } as IntegrationModuleOptions;

const endOwnSession = (context: SubscriberContext) =>
  transactionOf(context).$executeRawUnsafe('SELECT pg_terminate_backend(pg_backend_pid())');

describe('the session of a handler that runs on the engine’s own client', () => {
  it('is its own matter when it is lost: no other consumer drops anything, and its event runs again', async () => {
    const held = gate();
    const begun = new Recorder<AbortSignal>();
    const ends = new Recorder<number>();
    app = await startApp(
      database,
      [
        {
          eventName: 'own.ends',
          consumerName: 'ends-its-session',
          transactional: true,
          handler: async (made: DomainEvent, context: SubscriberContext) => {
            ends.record(ends.all.length);
            if (ends.all.length < 3) await endOwnSession(context);
            await writeEffectBySql('ends-its-session', made, context);
          },
        },
        {
          eventName: 'own.innocent',
          consumerName: 'innocent',
          handler: async (_: DomainEvent, { signal }: SubscriberContext) => {
            begun.record(signal);
            await held.opened;
          },
        },
      ],
      NO_CLIENT,
    );
    await app.api.publishEvent(event('own.innocent'));
    await begun.first(1);
    await app.api.publishEvent(event('own.ends'));
    await untilConsumerSettled(database, 'ends-its-session');
    expect(ends.all).toHaveLength(3);
    expect(await effectsOf(database, 'ends-its-session')).toEqual(['attempt 1']);
    expect(begun.all.map(({ aborted }) => aborted)).toEqual([false]);
    held.open();
    await untilConsumerSettled(database, 'innocent');
    expect(begun.all).toHaveLength(1);
    expect(await inboxRows(database, 'innocent')).toEqual([]);
  });
});
