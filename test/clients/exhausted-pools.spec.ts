import { createServer } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import postgres from 'postgres';
import { type DomainEvent, OutboxNotifier, type SubscriberContext } from '../../src/index.js';
import type { AnySubscriberDefinition } from '../../src/subscribers/subscriber-definition.js';
import { startApp, type TestApp } from '../support/app.js';
import { gate } from '../support/gate.js';
import { inboxRows } from '../support/inbox-rows.js';
import { hearLog, type LogLine, silenceLog } from '../support/log-lines.js';
import { Recorder } from '../support/recorder.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { untilConsumerSettled } from '../support/until-settled.js';
import { LIBRARIES } from './libraries.js';
import type { TriedLibrary } from './tried-library.js';

/** How long the libraries wait for a connection of their pools. A busy machine has opened one by then. */
const WAIT_MS = 750;

let database: TestDatabase;
let app: TestApp;
let said: Recorder<LogLine>;
const attempts = { of: new Recorder<number>() };

beforeAll(async () => {
  database = await createTestDatabase();
});
beforeEach(() => {
  attempts.of = new Recorder();
});
afterEach(async () => {
  silenceLog();
  await app.close();
});
afterAll(() => database?.drop());

async function consume(
  consumerName: string,
  definition: Pick<AnySubscriberDefinition, 'handler' | 'transactional' | 'timeoutMs'>,
  client?: TriedLibrary['adapter'],
): Promise<void> {
  const names = { eventName: consumerName, consumerName };
  const whole = { ...names, retry: { maxAttempts: 1 }, ...definition } as AnySubscriberDefinition;
  app = await startApp(database, [whole], client === undefined ? {} : { client });
  said = hearLog();
}

/** Through none of the clients, whose connections may all be in use. */
async function publish(eventName: string): Promise<void> {
  await database.pool.query(
    `INSERT INTO integration.outbox_event (event_name, source_module, aggregate_type, aggregate_id)
     VALUES ($1, 'test', 'thing', 'a')`,
    [eventName],
  );
  app.context.get(OutboxNotifier).notify();
}

const refusals = () => said.all.filter(({ text }) => text.includes('no attempt is counted'));
const untilRefused = () => said.find(({ text }) => text.includes('no attempt is counted'));

async function expectHandledAtFirstAttempt(consumerName: string): Promise<void> {
  await untilConsumerSettled(database, consumerName);
  expect(new Set(attempts.of.all)).toEqual(new Set([1]));
  expect(await inboxRows(database, consumerName)).toEqual([]);
  expect(refusals().length).toBeGreaterThan(0);
}

describe.each(LIBRARIES)('a pool of %s whose connections are all in use', (name, open) => {
  let library: TriedLibrary;
  beforeEach(async () => {
    library = await open(database.url, 1, WAIT_MS);
  });
  afterEach(() => library.close());

  /** Its only connection is in use until the returned function is called. */
  async function useUp(): Promise<() => Promise<void>> {
    const used = gate();
    const free = gate();
    const holding = library.transaction(async () => {
      used.open();
      await free.opened;
    });
    await used.opened;
    return async () => {
      free.open();
      await holding;
    };
  }

  it('is an outage for a transactional handler, which runs once there is one', async () => {
    const consumerName = `before ${name}`;
    await consume(
      consumerName,
      {
        transactional: true,
        timeoutMs: 5_000,
        handler: async (_: DomainEvent, { attempt, transaction }: SubscriberContext) => {
          attempts.of.record(attempt);
          await library.adapter.query(transaction, 'SELECT 1', []);
        },
      },
      library.adapter,
    );
    const giveBack = await useUp();
    await publish(consumerName);
    await untilRefused();
    expect(attempts.of.all).toEqual([]);
    await giveBack();
    await expectHandledAtFirstAttempt(consumerName);
  });

  it('is what publishing outside of it waits for no longer than it was told', async () => {
    await consume(`publishing ${name}`, { handler: async () => {} }, library.adapter);
    const giveBack = await useUp();
    const late = app.api.transaction(async () => {}, { maxWait: WAIT_MS });
    await expect(late).rejects.toThrow();
    await giveBack();
    await app.api.transaction(async () => {}, { maxWait: 60_000 });
  });

  // postgres.js has its statements wait for as long as it takes.
  if (name.endsWith('postgres.js')) return;

  it.each([
    ['a statement', () => library.ask()],
    ['a transaction', () => library.transaction(async () => {})],
  ])('is an outage for a handler whose own code needs one for %s', async (what, ask) => {
    const consumerName = `${what} ${name}`;
    await consume(consumerName, {
      handler: async (_: DomainEvent, { attempt }: SubscriberContext) => {
        attempts.of.record(attempt);
        await ask();
      },
    });
    const giveBack = await useUp();
    await publish(consumerName);
    await attempts.of.first(2);
    await giveBack();
    await expectHandledAtFirstAttempt(consumerName);
  });

  it('is an outage for a transactional handler that has the last one and asks for another', async () => {
    const consumerName = `second ${name}`;
    const asksFor = { more: true };
    await consume(
      consumerName,
      {
        transactional: true,
        handler: async (_: DomainEvent, { attempt }: SubscriberContext) => {
          attempts.of.record(attempt);
          if (asksFor.more) await library.ask();
        },
      },
      library.adapter,
    );
    await publish(consumerName);
    await attempts.of.first(2);
    asksFor.more = false;
    await expectHandledAtFirstAttempt(consumerName);
  });
});

describe('a handler whose postgres.js', () => {
  it('gets no connection of a silent server in time, or was ended, counts no attempt', async () => {
    const silent = createServer(() => {});
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const { port } = silent.address() as { port: number };
    const unanswered = postgres(`postgres://nobody@127.0.0.1:${port}/none`, { connect_timeout: 0.2 });
    const ended = postgres(database.url);
    await ended.end();
    const codes: unknown[] = [];
    await consume('silence', {
      handler: async (_: DomainEvent, { attempt }: SubscriberContext) => {
        attempts.of.record(attempt);
        const asked = [unanswered, ended][attempts.of.all.length - 1];
        await asked?.unsafe('SELECT 1').catch((error) => {
          codes.push(error.code);
          throw error;
        });
      },
    });
    try {
      await publish('silence');
      await expectHandledAtFirstAttempt('silence');
      expect(codes).toEqual(['CONNECT_TIMEOUT', 'CONNECTION_ENDED']);
    } finally {
      await unanswered.end({ timeout: 0 });
      silent.close();
    }
  });
});
