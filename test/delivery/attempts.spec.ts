import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { EngineDatabase } from '../../src/database/engine-database.js';
import { InboxCursorStore } from '../../src/inbox/inbox-cursor.store.js';
import { InboxEventStore } from '../../src/inbox/inbox-event.store.js';
import { SettlementStore } from '../../src/inbox/settlement.store.js';
import {
  type DomainEvent,
  type DomainEventInput,
  type EventHistory,
  type IntegrationModuleOptions,
  NonRetryableError,
  SkipEventError,
  type SubscriberContext,
} from '../../src/index.js';
import type { AnySubscriberDefinition } from '../../src/subscribers/subscriber-definition.js';
import { startApp, type TestApp } from '../support/app.js';
import { inboxRows } from '../support/inbox-rows.js';
import { changedBy } from '../support/running-operation.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';

const NAME = 'billing';
const ISO_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

let database: TestDatabase;
let app: TestApp;
const opened: { close(): Promise<void> }[] = [];

beforeEach(async () => {
  database = await createTestDatabase();
});
afterEach(async () => {
  for (const each of opened.splice(0)) await each.close();
  await database.drop();
});

type Handle = (event: DomainEvent, context: SubscriberContext) => unknown;

async function start(
  handle: Handle,
  subscriber: Partial<AnySubscriberDefinition> = {},
  options: IntegrationModuleOptions = {},
): Promise<void> {
  const handler = async (event: DomainEvent, context: SubscriberContext) => {
    await handle(event, context);
  };
  const definition = {
    eventName: '*',
    consumerName: NAME,
    handler,
    ...subscriber,
  } as AnySubscriberDefinition;
  app = await startApp(database, [definition], {
    ...options,
    settings: { retryBaseDelayMs: 100, retryMaxDelayMs: 100, maxAttempts: 20, ...options.settings },
  });
  opened.push(app);
}

const event = (aggregateId = 'a'): DomainEventInput => ({
  eventName: 'invoice.created',
  sourceModule: 'test',
  aggregateType: 'invoice',
  aggregateId,
});

/** Until nothing is left to do: a retry that is due later is waited for. */
async function drainAll(): Promise<void> {
  for (;;) {
    const { nextDueAt } = await app.processor.drain();
    if (nextDueAt === undefined) return;
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, nextDueAt.getTime() - Date.now())));
  }
}

async function historyOf(id: string): Promise<EventHistory> {
  const history = await app.inbox.historyOf(id, NAME);
  if (history === undefined) throw new Error('the event has no history');
  return history;
}

describe('the attempts of an event', () => {
  it.each([
    ['plain', false],
    ['transactional', true],
  ])(
    'that failed are kept, the last ten of them, when a %s handler succeeds in the end',
    async (_, transactional) => {
      await start(
        (__, { attempt }) => {
          if (attempt <= 12) throw new TypeError(`no room for ${attempt}`);
        },
        { transactional },
      );
      const before = Date.now();
      const { outboxEventId } = await app.api.publishEvent(event());
      await drainAll();
      expect(await inboxRows(database, NAME)).toMatchObject([{ status: 'processed', attempts: 13 }]);
      const { attempts, resolution } = await historyOf(outboxEventId);
      expect(attempts.map(({ attempt }) => attempt)).toEqual([3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
      expect(resolution).toBeNull();
      for (const each of attempts) {
        expect(each).toEqual({
          attempt: each.attempt,
          at: expect.stringMatching(ISO_TIME),
          ms: expect.any(Number),
          process: expect.stringMatching(/^[0-9a-f-]{36}$/),
          host: hostname(),
          pid: process.pid,
          error: `TypeError: no room for ${each.attempt}`,
          stack: expect.stringMatching(/^ +at .*attempts\.spec/),
          fingerprint: attempts[0]?.fingerprint,
          lines: [],
          linesLeftOut: 0,
        });
        expect(Date.parse(each.at)).toBeGreaterThanOrEqual(before - 1);
        expect(Date.parse(each.at) + (each.ms ?? 0)).toBeLessThanOrEqual(Date.now() + 1);
      }
      const times = attempts.map(({ at }) => at);
      expect(times).toEqual([...times].sort());
    },
  );

  it('say how long each ran, in a batch that was divided too', async () => {
    await start(
      async () => {
        await new Promise((resolve) => setTimeout(resolve, 30));
        throw new NonRetryableError('no');
      },
      { batch: { maxSize: 10 } } as Partial<AnySubscriberDefinition>,
    );
    const published = await app.api.publishEvents([event('1'), event('2'), event('3')]);
    await drainAll();
    for (const { outboxEventId } of published) {
      const { attempts } = await historyOf(outboxEventId);
      expect(attempts).toMatchObject([{ attempt: 1, error: 'NonRetryableError: no' }]);
      expect(attempts[0]?.ms).toBeGreaterThanOrEqual(25);
    }
  });

  it('write nothing for an event that succeeds at once, and are none where one is skipped', async () => {
    await start(({ aggregateId }) => {
      if (aggregateId === 'skipped') throw new SkipEventError('not for us');
    });
    await database.pool.query(`
      CREATE TABLE written (attempts jsonb);
      CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.written VALUES (NEW.attempts); RETURN NEW; END $$;
      CREATE TRIGGER note AFTER INSERT OR UPDATE ON integration.inbox_event FOR EACH ROW EXECUTE FUNCTION note()`);
    await app.api.publishEvents(Array.from({ length: 300 }, (_, n) => event(String(n))));
    await drainAll();
    const written = async () => (await database.pool.query('SELECT attempts FROM written')).rows;
    expect(await written()).toEqual([]);
    const { outboxEventId } = await app.api.publishEvent(event('skipped'));
    await drainAll();
    expect(await written()).toEqual([{ attempts: null }]);
    expect(await historyOf(outboxEventId)).toEqual({ attempts: [], resolution: null, operationId: null });
    const [first] = (await app.outbox.findMany({ aggregateType: 'invoice', aggregateId: '1' })).items;
    expect(await app.inbox.historyOf(first?.outboxEventId ?? '', NAME)).toBeUndefined();
  });

  it('are cut by bytes to what can be stored, whatever was thrown', async () => {
    const huge = `${'€\0\ud800'.repeat(300_000)} end`;
    await start(() => {
      const error = new NonRetryableError(huge, { cause: new Error('\udfff'.repeat(5_000)) });
      error.stack = `${error.stack}\n    at ${'é'.repeat(9_000)} (/app/x.js:1:1)`;
      throw error;
    });
    const { outboxEventId } = await app.api.publishEvent(event());
    await drainAll();
    const [attempt] = (await historyOf(outboxEventId)).attempts;
    expect(attempt?.error).toMatch(/^NonRetryableError: €\uFFFD\uFFFD€/);
    expect(Buffer.byteLength(attempt?.error ?? '')).toBeLessThanOrEqual(2_048);
    expect(Buffer.byteLength(attempt?.error ?? '')).toBeGreaterThan(2_040);
    expect(Buffer.byteLength(attempt?.stack ?? '')).toBeLessThanOrEqual(4_096);
    expect(attempt?.stack).toMatch(/^ +at /);
  });

  it('have the one that its process left unfinished', async () => {
    await start(
      () => {
        throw new Error('the first');
      },
      {},
      { settings: { retryBaseDelayMs: 3_600_000, retryMaxDelayMs: 3_600_000 } },
    );
    const { outboxEventId } = await app.api.publishEvent(event());
    await app.processor.drain();
    for (const each of opened.splice(0)) await each.close();
    // As a process leaves it that is killed while the second attempt runs alone.
    await database.pool.query(`
      UPDATE integration.inbox_event SET status = 'processing', attempt_count = 2, suspicion = 'alone', updated_at = '2026-01-02 03:04:05.678Z';
      UPDATE integration.inbox_cursor SET lease_owner = gen_random_uuid(), lease_token = gen_random_uuid(), lease_expires_at = now()`);
    await start(() => {});
    await drainAll();
    expect(await inboxRows(database, NAME)).toMatchObject([{ status: 'processed', attempts: 3 }]);
    expect((await historyOf(outboxEventId)).attempts).toEqual([
      expect.objectContaining({ attempt: 1, error: 'Error: the first' }),
      {
        attempt: 2,
        at: '2026-01-02T03:04:05.678Z',
        ms: null,
        process: null,
        host: null,
        pid: null,
        error: 'Interrupted: the process that ran this attempt is gone',
        stack: null,
        fingerprint: 'interrupted',
        lines: [],
        linesLeftOut: 0,
      },
    ]);
  });
});

describe('a decision of an admin', () => {
  it('stands beside the failure: a redrive keeps attempts and their number, a discard the error', async () => {
    await start(() => {
      throw new NonRetryableError('no such customer');
    });
    const { outboxEventId } = await app.api.publishEvent(event());
    await drainAll();
    const redrive = app.consumers.redrive({}, { by: 'anna', reason: 'customer is there' });
    expect(await changedBy(app, redrive)).toBe(1);
    await drainAll();
    const redriven = await historyOf(outboxEventId);
    expect(redriven.resolution).toEqual({
      action: 'redrive',
      by: 'anna',
      reason: 'customer is there',
      at: expect.stringMatching(ISO_TIME),
      attempts: 1,
      fingerprint: redriven.attempts[0]?.fingerprint,
    });
    expect(redriven.attempts).toHaveLength(2);
    expect(await changedBy(app, app.consumers.redrive({}))).toBe(1);
    await drainAll();
    expect((await historyOf(outboxEventId)).resolution).toMatchObject({
      by: `process:${hostname()}`,
      reason: null,
      attempts: 2,
    });
    expect((await app.inbox.findDeadLetters())[0]?.resolution).toMatchObject({ action: 'redrive' });
    const discard = app.consumers.discard({ consumerName: NAME }, 'a test', { by: 'ben' });
    expect(await changedBy(app, discard)).toBe(1);
    const { attempts, resolution } = await historyOf(outboxEventId);
    expect(resolution).toMatchObject({ action: 'discard', by: 'ben', reason: 'a test', attempts: 3 });
    expect(attempts).toHaveLength(3);
    expect(await inboxRows(database, NAME)).toMatchObject([
      {
        status: 'skipped',
        error: 'NonRetryableError: no such customer',
        fingerprint: attempts[0]?.fingerprint,
      },
    ]);
  });

  it('is kept for an event that had no row', async () => {
    await start(() => {}, {}, { settings: { 'processor.enabled': false } });
    const { outboxEventId } = await app.api.publishEvent(event());
    await app.consumers.discardOne({ consumerName: NAME, outboxEventId }, 'a test', { by: 'ben' });
    expect(await historyOf(outboxEventId)).toMatchObject({
      attempts: [],
      resolution: { action: 'discard', by: 'ben', reason: 'a test', attempts: 0 },
    });
  });

  it.each([
    ['a name that is too long', { by: 'a'.repeat(256) }],
    ['a name with NUL', { by: 'a\0' }],
    ['a reason that is too long', { reason: 'a'.repeat(10_001) }],
    ['a reason with half a character', { reason: '\ud800' }],
    ['an option that is not known', { because: 'x' }],
  ])('is refused with %s', async (_, options) => {
    await start(() => {});
    await expect(app.consumers.redrive({}, options as object)).rejects.toMatchObject({
      code: 'INTEGRATION_ADMIN_INVALID',
    });
    const { reason = 'a test', ...others } = options as { reason?: string };
    await expect(app.consumers.discard({ consumerName: NAME }, reason, others)).rejects.toMatchObject({
      code: 'INTEGRATION_ADMIN_INVALID',
    });
  });
});

describe('what runs alone', () => {
  const KEY = { consumerName: NAME, partition: 0 };
  let db: EngineDatabase;
  let inbox: InboxEventStore;
  let settlements: SettlementStore;
  let token: string;

  beforeEach(async () => {
    db = new EngineDatabase({ connectionString: database.url, schema: 'integration' });
    opened.push(db);
    inbox = new InboxEventStore(db);
    settlements = new SettlementStore(db);
    token = randomUUID();
    await database.pool.query(
      `INSERT INTO integration.inbox_cursor (consumer_name, event_names, unread, lease_token) VALUES ($1, '{*}', '{[1,)}', $2)`,
      [NAME, token],
    );
  });

  const row = async () => {
    const { rows } = await database.pool.query(
      `SELECT id, status, attempt_count AS attempt, suspicion, error_fingerprint AS kind FROM integration.inbox_event`,
    );
    return rows[0];
  };
  const claim = async (which: 'suspects' | 'others' | 'any') =>
    (await inbox.claimDue(KEY, token, 1, true, which)).rows;
  const settle = async (given: object) => {
    const { id, attempt } = await row();
    const resolved = {
      inboxEventId: id,
      attempt,
      aggregateType: 'invoice',
      aggregateId: 'a',
      status: 'failed' as const,
      error: 'Error: no',
      fingerprint: 'kind' as string | undefined,
      availableInMs: 0,
      isSuspect: false,
      isPostponed: false,
      failedAttempt: undefined,
      ...given,
    };
    return settlements.settle(KEY, token, {
      positions: '{}',
      exceptions: [],
      resolved: [resolved],
      release: [],
      covered: [],
    });
  };

  /** The row of an event whose process has ended, by the kind of its last failure. */
  const suspect = (kind: string | null = null) =>
    database.pool.query(
      `INSERT INTO integration.inbox_event (outbox_event_id, position, consumer_name, aggregate_type, aggregate_id, status,
         attempt_count, error_fingerprint, suspicion, available_at)
       VALUES (gen_random_uuid(), 1, $1, 'invoice', 'a', 'failed', 0, $2, 'interrupted', now())`,
      [NAME, kind],
    );

  it('is claimed as such and not among others, and keeps the kind of its failure', async () => {
    await suspect('kind of before');
    expect(await inbox.hasSuspects(KEY)).toBe(true);
    expect(await claim('others')).toEqual([]);
    expect(await claim('suspects')).toHaveLength(1);
    expect(await row()).toMatchObject({ status: 'processing', suspicion: 'alone', kind: 'kind of before' });
    // It ran alone, so its attempt stays counted.
    const { attempt } = await row();
    await inbox.interruptLeftovers(KEY, token, [], false);
    expect(await row()).toMatchObject({
      status: 'failed',
      attempt,
      suspicion: 'interrupted',
      kind: 'interrupted',
    });
  });

  it('is no flag any more once it was tried again', async () => {
    await suspect();
    await claim('suspects');
    await settle({});
    expect(await row()).toMatchObject({ status: 'failed', suspicion: null, kind: 'kind' });
    expect(await inbox.hasSuspects(KEY)).toBe(false);
    await claim('any');
    const { attempt } = await row();
    // It did not run alone: a stale flag would charge it with this attempt.
    await inbox.interruptLeftovers(KEY, token, [], false);
    expect(await row()).toMatchObject({ attempt: attempt - 1, suspicion: 'interrupted' });
  });

  it('stays one where the claim is given back before it ran, and where it fails as a suspect again', async () => {
    await suspect();
    await claim('suspects');
    await settle({ attemptGivenBack: true, error: undefined, fingerprint: undefined });
    expect(await row()).toMatchObject({ attempt: 0, suspicion: 'interrupted', kind: null });
    await claim('suspects');
    await settle({ isSuspect: true });
    expect(await row()).toMatchObject({ attempt: 1, suspicion: 'interrupted', kind: 'kind' });
    await claim('suspects');
    const failedAttempt = JSON.stringify({ attempt: 2, fingerprint: 'own kind' });
    await settle({ status: 'dead_letter', fingerprint: 'own kind', availableInMs: undefined, failedAttempt });
    expect(await row()).toMatchObject({ status: 'dead_letter', suspicion: null, kind: 'own kind' });
  });

  it('is one from the moment when an event that may end its process is moved to the inbox', async () => {
    const event = { outboxEventId: randomUUID(), position: 1, aggregateType: 'invoice', aggregateId: 'a' };
    await new InboxCursorStore(db).moveToInbox(KEY, token, event);
    expect(await row()).toMatchObject({ status: 'processing', suspicion: 'alone', kind: null });
  });

  it('has the kind of its last failure once it is a dead letter without an error of its own', async () => {
    await suspect();
    await claim('suspects');
    await inbox.interruptLeftovers(KEY, token, [], false);
    await claim('suspects');
    await settle({
      status: 'dead_letter',
      error: undefined,
      fingerprint: undefined,
      availableInMs: undefined,
    });
    expect(await row()).toMatchObject({ status: 'dead_letter', suspicion: null, kind: 'interrupted' });
  });
});
