import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import {
  type BatchSubscriberContext,
  type DomainEvent,
  IntegrationError,
  NonRetryableError,
  PostponeError,
  SkipEventError,
  UnavailableError,
} from '../../src/index.js';
import type { AnySubscriberDefinition } from '../../src/subscribers/subscriber-definition.js';
import { startApp, type TestApp } from '../support/app.js';
import { hearLog, silenceLog } from '../support/log-lines.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { untilConsumerSettled } from '../support/until-settled.js';

let database: TestDatabase;
let app: TestApp;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterEach(async () => {
  await app.close();
  silenceLog();
});
afterAll(() => database.drop());

/** `i` is the number of the event. Its aggregate is the first letter of the name that it has in `names`. */
const events = (type: string, names: readonly string[]) =>
  names.map((name) => ({
    eventName: `${type}.made`,
    sourceModule: 'test',
    aggregateType: type,
    aggregateId: name.charAt(0),
    payload: { name },
  }));

const nameOf = (event: DomainEvent) => (event.payload as { name: string }).name;

type Handle = (event: DomainEvent, context: BatchSubscriberContext) => unknown;

/** Runs a batch of these events until all are settled. Returns the names of each call of the handler. */
async function run(
  type: string,
  names: readonly string[],
  handle: Handle,
  options: Partial<AnySubscriberDefinition> = {},
): Promise<string[]> {
  const calls: string[] = [];
  app = await startApp(database, [
    {
      eventName: `${type}.made`,
      consumerName: type,
      batch: { maxSize: 10 },
      concurrency: 1,
      retry: { maxAttempts: 3, baseDelayMs: 100 },
      handler: async (batch: DomainEvent[], context: BatchSubscriberContext) => {
        calls.push(batch.map(nameOf).join(' '));
        for (const event of batch) await handle(event, context);
      },
      ...options,
    } as AnySubscriberDefinition,
  ]);
  await app.api.publishEvents(events(type, names));
  await untilConsumerSettled(database, type);
  return calls;
}

/** They come in one commit, so the first call gets all of them. */
const TEN = ['a1', 'a2', 'b1', 'a3', 'c1', 'a4', 'a5', 'd1', 'e1', 'f1'];

/** What became of the events that have a row, by their names. */
async function left(type: string): Promise<Record<string, unknown>> {
  const { rows } = await database.pool.query(
    `SELECT o.payload->>'name' AS name, i.status, i.attempt_count AS attempts, i.last_error AS error
     FROM integration.inbox_event i JOIN integration.outbox_event o ON o.position = i.position
     WHERE i.consumer_name = $1 AND i.status <> 'processed' ORDER BY i.position`,
    [type],
  );
  return Object.fromEntries(rows.map(({ name, ...row }) => [name, row]));
}

describe('context.fail in a batch handler', () => {
  it('retries the failed event with its own error, and later ones of its aggregate after it', async () => {
    let failures = 0;
    const calls = await run('third', TEN, (event, { fail }) => {
      if (nameOf(event) === 'a3' && failures++ === 0) fail(event, new Error('not now'));
    });
    expect(calls[0]).toBe('a1 a2 a3 a4 a5 b1 c1 d1 e1 f1');
    expect(calls.slice(1)).toEqual(['a3', 'a4', 'a5']);
    const { rows } = await database.pool.query(
      `SELECT o.payload->>'name' AS name, i.attempt_count AS attempts, i.last_error AS error FROM integration.inbox_event i
       JOIN integration.outbox_event o ON o.position = i.position WHERE i.consumer_name = 'third' ORDER BY i.position`,
    );
    expect(rows).toEqual([
      { name: 'a3', attempts: 2, error: expect.stringContaining('not now') },
      { name: 'a4', attempts: 1, error: null },
      { name: 'a5', attempts: 1, error: null },
    ]);
  });

  it('has a dead letter of each that fails for good, and lets later ones of its aggregate run then', async () => {
    const calls = await run('dead', TEN, (event, { fail }) => {
      if (nameOf(event) === 'a2') fail(event, new NonRetryableError('too large'));
      if (nameOf(event) === 'b1') fail(event, new Error('always'));
    });
    expect(calls[1]).toBe('a3 a4 a5');
    expect(calls.slice(2)).toEqual(['b1', 'b1']);
    expect(await left('dead')).toEqual({
      a2: { status: 'dead_letter', attempts: 1, error: expect.stringContaining('too large') },
      b1: { status: 'dead_letter', attempts: 3, error: expect.stringContaining('always') },
    });
  });

  it('holds nobody up behind an event that is skipped, and puts off the one that has to wait', async () => {
    let put = 0;
    const calls = await run('other', TEN, (event, { fail }) => {
      if (nameOf(event) === 'a2') fail(event, new SkipEventError('not ours'));
      if (nameOf(event) === 'b1' && put++ === 0) fail(event, new PostponeError(100, 'not yet'));
    });
    expect(calls.slice(1)).toEqual(['b1']);
    expect(await left('other')).toEqual({
      a2: { status: 'skipped', attempts: 1, error: expect.stringContaining('not ours') },
    });
  });

  it('counts no attempt of what could not be reached, and tells it once', async () => {
    const log = hearLog();
    let isThere = false;
    let tries = 0;
    const calls = await run('away', TEN, (event, { fail, attempt }) => {
      expect(attempt).toBe(1);
      if (isThere || nameOf(event) === 'b1') return;
      fail(event, new UnavailableError('no broker', { retryAfterMs: 50 }));
      if (nameOf(event) === 'f1' && ++tries === 3) isThere = true;
    });
    expect(calls[0]).toContain('b1');
    expect(calls.slice(1).join(' ')).not.toContain('b1');
    expect(calls.length).toBe(4);
    expect(log.texts('warn', 'log').filter((line) => line.includes('no broker'))).toHaveLength(1);
    expect(await left('away')).toEqual({});
  });

  it('says that what was out of reach is there again when a call has reached it for all of its events', async () => {
    const log = hearLog();
    const names = [...'abcdefghij'].map((aggregate) => `${aggregate}1`);
    let calls = 0;
    let meet = () => {};
    const bothHaveBegun = new Promise<void>((resolve) => {
      meet = resolve;
    });
    await run('partly', names, () => {}, {
      batch: { maxSize: 5 },
      concurrency: 2,
      handler: async (batch: DomainEvent[], { fail }: BatchSubscriberContext) => {
        const call = ++calls;
        if (call === 2) meet();
        await bothHaveBegun;
        if (call > 4) return;
        for (const event of batch.slice(1))
          fail(event, new UnavailableError('no broker', { retryAfterMs: 50 }));
      },
    } as Partial<AnySubscriberDefinition>);
    expect(log.texts('log').filter((line) => line.includes('reach what they need again'))).toEqual([
      expect.stringContaining('and 4 calls'),
    ]);
  });

  it('is forgotten where the handler throws: the whole batch has failed', async () => {
    let calls = 0;
    const seen = await run('thrown', TEN, (event, { fail }) => {
      if (calls++ === 0) fail(event, new NonRetryableError('said before'));
      if (calls === 5) throw new Error('thrown after');
    });
    expect(seen[0]).toBe('a1 a2 a3 a4 a5 b1 c1 d1 e1 f1');
    expect([...seen.slice(1)].sort()).toEqual([...TEN].sort());
    expect(await left('thrown')).toEqual({});
  });

  it('of an unordered consumer makes no other event wait', async () => {
    let failures = 0;
    const calls = await run(
      'unordered',
      TEN,
      (event, { fail }) => {
        if (nameOf(event) === 'a1' && failures++ === 0) fail(event, new Error('once'));
      },
      { ordered: false },
    );
    expect(calls.slice(1)).toEqual(['a1']);
  });

  it('refuses an event that is not in the batch', async () => {
    const refused: unknown[] = [];
    await run('foreign', TEN, (_, { fail }) => {
      try {
        fail({ outboxEventId: '00000000-0000-4000-8000-000000000000' }, new Error('whose?'));
      } catch (error) {
        refused.push(error);
      }
    });
    expect(refused[0]).toBeInstanceOf(IntegrationError);
    expect(refused[0]).toMatchObject({ code: 'INTEGRATION_EVENT_INVALID' });
  });

  it('is refused in a transaction, which has one end', async () => {
    await run(
      'tx',
      TEN,
      (event, { fail }) => {
        if (nameOf(event) === 'a1') fail(event, new Error('not alone'));
      },
      { transactional: true, retry: { maxAttempts: 1 } },
    );
    expect(await left('tx')).toEqual({
      a1: {
        status: 'dead_letter',
        attempts: 1,
        error: expect.stringContaining('because one transaction has one end'),
      },
    });
  });
});
