import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { type DeadLetter, type DomainEvent, type InboxService, NonRetryableError } from '../../src/index.js';
import { startApp, type TestApp } from '../support/app.js';
import { emptyTables } from '../support/empty-tables.js';
import { inboxRows } from '../support/inbox-rows.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';

let database: TestDatabase;
let app: TestApp;
let inbox: InboxService;

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

/** An application whose only consumer, of this event name, does what its events' ids say. */
async function consume(name: string): Promise<void> {
  app = await startApp(
    database,
    [
      {
        eventName: name,
        consumerName: name,
        handler: async ({ aggregateId }: DomainEvent) => {
          if (aggregateId.startsWith('dead')) throw new NonRetryableError(`no such thing: ${aggregateId}`);
          if (aggregateId === 'fails') throw new Error('for now');
        },
        retry: { baseDelayMs: 60_000, maxDelayMs: 60_000 },
      },
    ],
    { settings: { 'processor.enabled': false } },
  );
  inbox = app.inbox;
}

describe('isProcessed', () => {
  it('says yes where only the cursor knows, and no for what is not there yet, waits, failed or died', async () => {
    await consume('asked');
    const published = await app.api.publishEvents(['done', 'fails', 'dead'].map((id) => event('asked', id)));
    await app.processor.drain();
    const late = await app.api.publishEvent(event('asked', 'late'));
    const answers = await Promise.all(
      [...published, late].map(({ outboxEventId }) => inbox.isProcessed(outboxEventId, 'asked')),
    );
    expect(answers).toEqual([true, false, false, false]);
    expect((await inboxRows(database, 'asked')).map((row) => row.aggregateId)).toEqual(['fails', 'dead']);
  });

  it('says no for a consumer that does not ask for the event, and for events and consumers that nobody knows', async () => {
    await consume('known');
    const { outboxEventId } = await app.api.publishEvent(event('not for it'));
    await app.processor.drain();
    expect(await inbox.isProcessed(outboxEventId, 'known')).toBe(false);
    expect(await inbox.isProcessed(outboxEventId, 'nobody')).toBe(false);
    expect(await inbox.isProcessed(randomUUID(), 'known')).toBe(false);
    expect(await inbox.isProcessed('seven', 'known')).toBe(false);
  });
});

describe('findDeadLetters', () => {
  it.each([1, 2, 3, 4])(
    'loses none in pages of %s where several consumers have dead letters of one event',
    async (limit) => {
      await emptyTables(
        database.pool,
        'integration.outbox_event',
        'integration.inbox_cursor',
        'integration.inbox_event',
      );
      const dying = (consumerName: string) => ({
        eventName: 'shared',
        consumerName,
        handler: async () => {
          throw new NonRetryableError('dead at once');
        },
      });
      app = await startApp(database, ['first', 'second', 'third'].map(dying), {
        settings: { 'processor.enabled': false },
      });
      await app.api.publishEvents(['a', 'b', 'c'].map((id) => event('shared', id)));
      await app.processor.drain();
      const found: string[] = [];
      for (let after: number | undefined = 0; after !== undefined; ) {
        const page: DeadLetter[] = await app.inbox.findDeadLetters({}, { limit, after });
        found.push(...page.map(({ aggregateId, consumerName }) => `${aggregateId} ${consumerName}`));
        after = page.at(-1)?.position;
      }
      const each = (id: string) => ['first', 'second', 'third'].map((consumer) => `${id} ${consumer}`);
      expect(found).toEqual(['a', 'b', 'c'].flatMap(each));
    },
  );

  it('finds them by what they are about, oldest first, a page at a time', async () => {
    await consume('dying');
    await app.api.publishEvents(
      ['dead-1', 'done', 'dead-2', 'fails', 'dead-3'].map((id) => event('dying', id)),
    );
    await app.processor.drain();
    const all = await inbox.findDeadLetters({ consumerName: 'dying' });
    expect(all.map((letter) => letter.aggregateId)).toEqual(['dead-1', 'dead-2', 'dead-3']);
    expect(all[0]).toMatchObject({
      eventName: 'dying',
      status: 'dead_letter',
      attemptCount: 1,
      lastError: 'NonRetryableError: no such thing: dead-1',
      availableAt: null,
    });
    const ids = async (...args: Parameters<InboxService['findDeadLetters']>) =>
      (await inbox.findDeadLetters(...args)).map((letter) => letter.aggregateId);
    expect(await ids({ eventName: 'dying', aggregateType: 'thing', aggregateId: 'dead-2' })).toEqual([
      'dead-2',
    ]);
    const errorFingerprint = all[0]?.errorFingerprint ?? '';
    expect(await ids({ errorFingerprint })).toEqual(['dead-1', 'dead-2', 'dead-3']);
    expect(await ids({ consumerName: 'dying' }, { limit: 2 })).toEqual(['dead-1', 'dead-2']);
    expect(await ids({ consumerName: 'dying' }, { limit: 2, after: all[1]?.position })).toEqual(['dead-3']);
    expect(await ids({ consumerName: 'somebody else' })).toEqual([]);
  });

  it.each([
    ['outboxEventId', { outboxEventId: 'seven' }, {}],
    ['consumerName', { consumerName: 'a\0b' }, {}],
    ['limit', {}, { limit: Number.NaN }],
    ['after', {}, { after: Number.NaN }],
  ])('refuses a %s that no row can have', async (field, filter, page) => {
    await expect(inbox.findDeadLetters(filter, page)).rejects.toMatchObject({
      code: 'INTEGRATION_ADMIN_INVALID',
      details: { field },
    });
  });
});

describe('a consumer written by hand', () => {
  const HAND = 'by-hand';

  it('keeps its own rows: made once, marked as it goes on', async () => {
    await consume('manual');
    const { outboxEventId, position } = await app.api.publishEvent(event('manual'));
    const made = await inbox.getOrCreate(outboxEventId, HAND);
    expect(made).toMatchObject({
      outboxEventId,
      position,
      consumerName: HAND,
      status: 'received',
      attemptCount: 0,
    });
    expect((await inbox.getOrCreate(outboxEventId, HAND)).id).toBe(made.id);
    expect(await inbox.markProcessing(made.id)).toMatchObject({ status: 'processing', attemptCount: 1 });
    expect(await inbox.markFailed(made.id, new Error('not yet'))).toMatchObject({
      status: 'failed',
      lastError: 'not yet',
    });
    expect(await inbox.markProcessing(made.id)).toMatchObject({ attemptCount: 2 });
    expect(await inbox.isProcessed(outboxEventId, HAND)).toBe(false);
    expect(await inbox.markProcessed(made.id)).toMatchObject({
      status: 'processed',
      processedAt: expect.any(Date),
    });
    expect(await inbox.isProcessed(outboxEventId, HAND)).toBe(true);
    const other = await inbox.getOrCreate(outboxEventId, 'another');
    expect(await inbox.markSkipped(other.id)).toMatchObject({ status: 'skipped' });
    expect(await inbox.isProcessed(outboxEventId, 'another')).toBe(false);
  });

  it('may do so in a transaction of its own, and its row vanishes with it', async () => {
    await consume('in-transaction');
    const { outboxEventId } = await app.api.publishEvent(event('in-transaction'));
    const rolledBack = app.prisma.$transaction(async (tx) => {
      const row = await inbox.getOrCreate(outboxEventId, HAND, tx);
      await inbox.markProcessed(row.id, tx);
      throw new Error('roll back');
    });
    await expect(rolledBack).rejects.toThrow('roll back');
    expect(await inbox.isProcessed(outboxEventId, HAND)).toBe(false);
    await app.prisma.$transaction(async (tx) => {
      const row = await inbox.getOrCreate(outboxEventId, HAND, tx);
      await inbox.markProcessed(row.id, tx);
    });
    expect(await inbox.isProcessed(outboxEventId, HAND)).toBe(true);
  });

  it('is told which event or row there is not', async () => {
    await consume('unknown');
    const unknown = { code: 'INTEGRATION_INBOX_UNKNOWN' };
    await expect(inbox.getOrCreate(randomUUID(), HAND)).rejects.toMatchObject(unknown);
    await expect(inbox.markProcessed(randomUUID())).rejects.toMatchObject(unknown);
    await expect(inbox.getOrCreate('seven', HAND)).rejects.toMatchObject(unknown);
    await expect(inbox.markProcessed('seven')).rejects.toMatchObject(unknown);
  });
});

describe('a consumer that the engine runs', () => {
  it('is left alone: nothing is inserted, and every mark is refused', async () => {
    await consume('engine');
    const [failed, done] = await app.api.publishEvents([event('engine', 'fails'), event('engine', 'done')]);
    await app.processor.drain();
    const row = await inbox.getOrCreate(failed?.outboxEventId ?? '', 'engine');
    expect(row).toMatchObject({ status: 'failed', attemptCount: 1 });
    await expect(inbox.getOrCreate(done?.outboxEventId ?? '', 'engine')).rejects.toMatchObject({
      code: 'INTEGRATION_INBOX_UNKNOWN',
    });
    const managed = { code: 'INTEGRATION_INBOX_MANAGED' };
    await expect(inbox.markProcessing(row.id)).rejects.toMatchObject(managed);
    await expect(inbox.markProcessed(row.id)).rejects.toMatchObject(managed);
    await expect(inbox.markFailed(row.id, 'no')).rejects.toMatchObject(managed);
    await expect(inbox.markSkipped(row.id)).rejects.toMatchObject(managed);
    expect(await inboxRows(database, 'engine')).toMatchObject([{ status: 'failed', attempts: 1 }]);
  });
});
