import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { DomainEvent, SubscriberContext } from '../../src/index.js';
import { startApp, type TestApp } from '../support/app.js';
import { inboxRows } from '../support/inbox-rows.js';
import { Recorder } from '../support/recorder.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';

let database: TestDatabase;
let app: TestApp | undefined;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterEach(async () => {
  await app?.close();
  app = undefined;
});
afterAll(() => database.drop());

const throwing = (property: string) =>
  Object.defineProperty(new Error('odd'), property, {
    get() {
      throw new Error(`no ${property}`);
    },
  });

function cyclic(): Error {
  const error = new Error('odd');
  error.cause = error;
  return error;
}

function chainOf(length: number): Error {
  let error = new Error('innermost');
  for (let i = 0; i < length; i++) error = new Error('again', { cause: error });
  return error;
}

/** Another cause each time, and so many of them that only what stops looking ends before the test does. */
let made = 0;
class Endless extends Error {
  override get cause(): Error | undefined {
    return ++made % 1_000_000 === 0 ? undefined : new Endless('inner');
  }
}

function gathering(count: number): Error {
  const errors = Array.from({ length: count }, (_, i) => chainOf(i % 100));
  return new AggregateError(errors, 'many');
}

/** A quarter of a million errors, which take longer to make than to look at. So they are made once. */
let many: Error | undefined;
const manyErrors = (): Error => {
  many ??= gathering(5_000);
  return many;
};

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable(new Error('odd'), {});
  revoke();
  return proxy;
}

const ODD: [kind: string, make: () => unknown][] = [
  ['a cause that is itself', cyclic],
  ['a code that throws', () => throwing('code')],
  ['a name that throws', () => throwing('name')],
  ['a cause that throws', () => throwing('cause')],
  ['a name without a prototype', () => Object.assign(new Error('odd'), { name: Object.create(null) })],
  ['a revoked proxy', revoked],
];
/** Looking at all of it would stop the process for seconds, or for ever. */
const BOUNDLESS: typeof ODD = [
  ['a chain of 5000 causes', () => chainOf(5_000)],
  ['a cause that is another object each time', () => new Endless('outer')],
  ['5000 errors in one', manyErrors],
  ['a message as long as a file', () => new Error('long '.repeat(1_000_000), { cause: chainOf(3) })],
];

const event = (eventName: string, aggregateId: string) => ({
  eventName,
  sourceModule: 'test',
  aggregateType: 'thing',
  aggregateId,
});

describe('an error that cannot be looked at', () => {
  it.each([...ODD, ...BOUNDLESS])('is a failure of its event like any other: %s', async (kind, make) => {
    const handled = new Recorder<string>();
    const unhandled: unknown[] = [];
    const note = (reason: unknown) => unhandled.push(reason);
    process.on('unhandledRejection', note);
    const handle =
      (how: string) =>
      ({ aggregateId }: DomainEvent, _: SubscriberContext): void => {
        if (aggregateId === 'bad') throw make();
        handled.record(`${how} ${aggregateId}`);
      };
    const handlers = {
      'a sync handler': { handler: handle('sync') },
      'an async handler': {
        handler: async (input: DomainEvent, context: SubscriberContext) => handle('async')(input, context),
      },
      'a transactional handler': { transactional: true, handler: handle('transactional') },
    };
    const names = Object.keys(handlers).map((how) => `${how}, ${kind}`);
    app = await startApp(
      database,
      Object.values(handlers).map((definition, index) => ({
        eventName: kind.replaceAll(' ', '-'),
        consumerName: names[index] ?? '',
        retry: { maxAttempts: 2 },
        ...definition,
      })),
    );
    await app.api.publishEvents(['bad', 'good'].map((id) => event(kind.replaceAll(' ', '-'), id)));
    expect((await handled.first(3)).sort()).toEqual(['async good', 'sync good', 'transactional good']);
    for (const name of names) {
      await until(`${name} has a dead letter`, async () =>
        (await inboxRows(database, name)).some((row) => row.status === 'dead_letter'),
      );
      expect(await inboxRows(database, name)).toMatchObject([
        { aggregateId: 'bad', attempts: 2, error: expect.any(String) },
      ]);
    }
    process.off('unhandledRejection', note);
    expect(unhandled).toEqual([]);
  });

  it.each(ODD)('leaves the connection that it was thrown on free: %s', async (_kind, make) => {
    app = await startApp(database, [], { client: undefined, pool: { max: 1 } });
    const { api } = app;
    const thrown = make();
    const failing = api.transaction(async (transaction) => {
      await transaction.$queryRawUnsafe('SELECT 1');
      throw thrown;
    });
    await failing.then(
      () => Promise.reject(new Error('it resolved')),
      (error) => expect(error === thrown).toBe(true),
    );
    const asked = api.transaction(async (transaction) => transaction.$queryRawUnsafe('SELECT 1 AS one'));
    expect(await asked).toEqual([{ one: 1 }]);
  });
});

describe('a handler that returns a function with a then', () => {
  it('is waited for, and fails where that rejects', async () => {
    const handler = () =>
      Object.assign(() => {}, {
        // biome-ignore lint/suspicious/noThenProperty: what a handler may return
        then: (_: unknown, reject: (error: Error) => void) => setImmediate(reject, new Error('later')),
      });
    app = await startApp(database, [
      { eventName: 'callable', consumerName: 'callable', retry: { maxAttempts: 2 }, handler },
    ]);
    await app.api.publishEvent(event('callable', 'a'));
    await until('it is a dead letter', async () =>
      (await inboxRows(database, 'callable')).some((row) => row.status === 'dead_letter'),
    );
    expect(await inboxRows(database, 'callable')).toMatchObject([{ attempts: 2, error: 'Error: later' }]);
  });
});
