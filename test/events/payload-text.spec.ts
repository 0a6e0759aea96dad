import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  type DomainEvent,
  EventSubscriberRegistry,
  IntegrationModule,
  IntegrationSubscriber,
  type TextSubscriberDefinition,
} from '../../src/index.js';
import type { AnySubscriberDefinition } from '../../src/subscribers/subscriber-definition.js';
import { startApp, type TestApp } from '../support/app.js';
import { Recorder } from '../support/recorder.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';

/* Numbers that JavaScript cannot hold, written by plain SQL. */

let database: TestDatabase;
let close: () => Promise<void> = async () => {};

beforeEach(async () => {
  database = await createTestDatabase();
});
afterEach(async () => {
  await close();
  await database.drop();
});

const ID = '12345678901234567890';
const WRITTEN = `{"id": ${ID}, "odd": 9007199254740993, "huge": 1e400, "exact": 0.1234567890123456789}`;
const KEPT = { id: ID, odd: '9007199254740993', huge: `1${'0'.repeat(400)}`, exact: '0.1234567890123456789' };

async function insertBySql(aggregateId = '1'): Promise<void> {
  await database.pool.query(
    `INSERT INTO integration.outbox_event (event_name, source_module, aggregate_type, aggregate_id, payload) VALUES ('a', 's', 't', $1, $2)`,
    [aggregateId, WRITTEN],
  );
}

async function start(subscribers: AnySubscriberDefinition[]): Promise<TestApp> {
  const app = await startApp(database, subscribers);
  close = () => app.close();
  return app;
}

/** The digits of each number in the text. */
function digitsOf(text: string): Record<string, string> {
  return Object.fromEntries(
    [...text.matchAll(/"(\w+)": ([\d.]+)/g)].map(([, key = '', digits = '']) => [key, digits]),
  );
}

it('a handler that asks for text gets every digit, in its retry and its replay too; others get what JSON.parse makes', async () => {
  const texts = new Recorder<string>();
  const parsed = new Recorder<unknown>();
  const text = {
    eventName: 'a',
    consumerName: 'text',
    payload: 'text',
    handler: async ({ payload }, { attempt }) => {
      texts.record(payload);
      if (attempt === 1) throw new Error('once more');
    },
  } satisfies TextSubscriberDefinition<'a'>;
  const json = (name: string) => ({
    eventName: 'a',
    consumerName: name,
    handler: async ({ payload }: { payload: unknown }) => parsed.record(payload),
  });
  // They read the same page, in both orders of taking from it.
  const app = await start([json('before'), text, json('xyz')] as AnySubscriberDefinition[]);
  await insertBySql();
  await texts.first(2);
  await parsed.first(2);
  await app.processor.drain();
  await app.consumers.replayAtOnce('text', { from: 1 });
  const all = await texts.first(3);
  expect(all.map(digitsOf)).toEqual([KEPT, KEPT, KEPT]);
  const asNumbers = {
    id: 12345678901234567000,
    odd: 9007199254740992,
    huge: Number.POSITIVE_INFINITY,
    exact: 0.12345678901234568,
  };
  expect(parsed.all).toEqual([asNumbers, asNumbers]);
  expect(parsed.all[0]).not.toBe(parsed.all[1]);
});

it('so do batches and transactional handlers, and a payload that is too large for its page', async () => {
  const batches = new Recorder<string[]>();
  const transactional = new Recorder<string>();
  const app = await start([
    {
      eventName: 'a',
      consumerName: 'batch',
      payload: 'text',
      transactional: true,
      batch: { maxSize: 10, maxWaitMs: 50 },
      handler: async (events: DomainEvent<string>[]) => batches.record(events.map(({ payload }) => payload)),
    },
    {
      eventName: 'a',
      consumerName: 'tx',
      payload: 'text',
      transactional: true,
      handler: async ({ payload }: DomainEvent<string>) => transactional.record(payload),
    },
  ] as AnySubscriberDefinition[]);
  await insertBySql();
  await database.pool.query(
    `INSERT INTO integration.outbox_event (event_name, source_module, aggregate_type, aggregate_id, payload)
     VALUES ('a', 's', 't', '2', jsonb_build_object('id', ${ID}, 'filler', repeat('x', 3000000)))`,
  );
  await app.processor.drain();
  const seen = await transactional.first(2);
  expect(seen.map((text) => digitsOf(text).id)).toEqual([ID, ID]);
  expect(batches.all.flat().map((text) => digitsOf(text).id)).toEqual([ID, ID]);
});

it('the decorator takes the option in both of its forms', async () => {
  const texts = new Recorder<string>();
  @Injectable()
  class Handlers {
    @IntegrationSubscriber('a', { consumerName: 'named', payload: 'text' })
    named({ payload }: DomainEvent<string>): void {
      texts.record(payload);
    }

    @IntegrationSubscriber({ eventName: 'a', consumerName: 'object', payload: 'text' })
    object({ payload }: DomainEvent<string>): void {
      texts.record(payload);
    }
  }
  const prisma = database.prisma();
  @Module({
    imports: [
      IntegrationModule.forRoot({
        client: prisma,
        connectionString: database.url,
        settings: { pollingIntervalMs: 100, idlePollingIntervalMs: 200 },
      }),
    ],
    providers: [Handlers],
  })
  class App {}
  const app = await NestFactory.createApplicationContext(App, { abortOnError: false, logger: false });
  close = () => app.close();
  expect(app.get(EventSubscriberRegistry).getHandlerCount()).toBe(2);
  await insertBySql();
  expect((await texts.first(2)).map(digitsOf)).toEqual([KEPT, KEPT]);
});
