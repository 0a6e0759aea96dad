import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  type CreateIntegrationLinkDto,
  type DomainEventInput,
  IntegrationLinkService,
} from '../../src/index.js';
import type { AnySubscriberDefinition } from '../../src/subscribers/subscriber-definition.js';
import { startApp, type TestApp } from '../support/app.js';
import { Recorder } from '../support/recorder.js';
import { changedBy } from '../support/running-operation.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';

/* Every text that a table's index holds, as long as the documentation allows it and as wide as a text can be. */

let database: TestDatabase;
let app: TestApp | undefined;

beforeEach(async () => {
  database = await createTestDatabase();
});
afterEach(async () => {
  await app?.close();
  await database.drop();
  app = undefined;
});

/** An entry of a B-tree index may have so many bytes, on pages of 8 KiB. */
const ENTRY_BYTES = 2_704;

/** Characters of four bytes each, by chance: nothing of it can be compressed. */
function wide(length: number): string {
  const one = () => String.fromCodePoint(0x20000 + Math.floor(Math.random() * 40_000));
  return Array.from({ length }, one).join('');
}

function widestLink(): CreateIntegrationLinkDto {
  return {
    sourceModule: wide(127),
    sourceEntityType: wide(127),
    sourceEntityId: `\\x${wide(253)}`,
    targetModule: wide(127),
    targetEntityType: wide(127),
    targetEntityId: wide(255),
    linkType: 'aggregate_root',
  };
}

function widestEvent(): DomainEventInput {
  return {
    eventName: `e${wide(254)}`,
    sourceModule: wide(127),
    aggregateType: wide(127),
    aggregateId: wide(255),
  };
}

async function start(subscribers: AnySubscriberDefinition[] = []): Promise<TestApp> {
  app = await startApp(database, subscribers);
  return app;
}

it('no index has columns that can be wider than an entry, but for the one that a trigger keeps long links out of', async () => {
  const { rows } = await database.pool.query<{ index: string; bytes: number }>(
    `SELECT i.indexrelid::regclass::text AS index, 8 + sum(CASE
         WHEN format_type(a.atttypid, a.atttypmod) ~ '^character varying\\(' THEN 7 + 4 * (a.atttypmod - 4)
         WHEN a.atttypid = 'bytea'::regtype AND pg_get_indexdef(i.indexrelid, a.attnum, true) ~ '^sha256' THEN 7 + 32
         WHEN pg_get_indexdef(i.indexrelid, a.attnum, true) ~ '^"left"\\(.*, 16\\)$' THEN 7 + 4 * 16
         WHEN a.atttypid = 'bytea'::regtype AND EXISTS (SELECT FROM pg_constraint k WHERE k.conrelid = i.indrelid AND k.contype = 'c'
           AND pg_get_constraintdef(k.oid) LIKE '%octet_length(' || a.attname || ') = 32%') THEN 7 + 32
         WHEN t.typlen > 0 THEN 8 * ceil(t.typlen / 8.0)
         ELSE 100000 END)::int AS bytes
       FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_attribute a ON a.attrelid = i.indexrelid
         JOIN pg_type t ON t.oid = a.atttypid JOIN pg_am m ON m.oid = c.relam AND m.amname = 'btree'
      WHERE c.relnamespace = 'integration'::regnamespace GROUP BY 1`,
  );
  expect(rows.length).toBeGreaterThan(15);
  expect(rows.filter(({ bytes }) => bytes > ENTRY_BYTES).map(({ index }) => index)).toEqual([
    'integration.integration_link_key',
  ]);
});

describe('links of the documented lengths', () => {
  it('are created in a transaction, found from both ends, and removed', async () => {
    const { api, prisma, context } = await start();
    const link = widestLink();
    const made = await prisma.$transaction(async (tx) => {
      await tx.invoice.create({ data: { id: 'i' } });
      return api.createLink({ ...link, metadata: { n: 1 } }, tx);
    });
    expect(made).toMatchObject({ ...link, metadata: { n: 1 } });
    expect(await prisma.invoice.count()).toBe(1);
    expect(await api.createLink(link)).toEqual(made);
    const short = await api.createLink({ ...link, targetEntityId: 'o', sourceModule: 'm' });
    const links = context.get(IntegrationLinkService);
    const { sourceModule, sourceEntityType, sourceEntityId } = link;
    const { targetModule, targetEntityType, targetEntityId } = link;
    expect(await links.findOutbound(sourceModule, sourceEntityType, sourceEntityId)).toEqual([made]);
    expect(await links.findInbound(targetModule, targetEntityType, targetEntityId)).toEqual([made]);
    expect(await links.findByLinkType('aggregate_root')).toEqual([made, short]);
    const source = { module: sourceModule, entityType: sourceEntityType, entityId: sourceEntityId };
    const target = { module: targetModule, entityType: targetEntityType, entityId: targetEntityId };
    expect(await links.findBidirectional(target, source)).toEqual([made]);
    const { id: other } = await api.createLink({ ...link, linkType: 'cascade' });
    expect(other).not.toBe(made.id);
    expect(await links.removeLink(made.id)).toBe(true);
    expect(await links.findOutbound(sourceModule, sourceEntityType, sourceEntityId)).toMatchObject([
      { id: other },
    ]);
  });

  it('are one where many create them at the same time', async () => {
    const { api, prisma } = await start();
    const link = widestLink();
    const made = await Promise.all(
      Array.from({ length: 10 }, () => prisma.$transaction((tx) => api.createLink(link, tx))),
    );
    expect(new Set(made.map(({ id }) => id)).size).toBe(1);
    const { rows } = await database.pool.query(`SELECT id FROM integration.integration_link`);
    expect(rows).toEqual([{ id: made[0]?.id }]);
  });
});

it('events of the documented lengths are published, deduplicated, handled, dead, found and redriven', async () => {
  const handled = new Recorder<string>();
  const consumerName = wide(127);
  let fails = true;
  const started = await start([
    {
      eventName: 'e*',
      consumerName,
      retry: { maxAttempts: 2 },
      handler: async ({ eventName }: { eventName: string }) => {
        if (fails) throw new Error(wide(3_000));
        handled.record(eventName);
      },
    } as AnySubscriberDefinition,
  ]);
  const { api, inbox, outbox, consumers, processor } = started;
  const event = widestEvent();
  const { eventName, aggregateType, aggregateId } = event;
  const deduplicationKey = wide(255);
  const first = await api.publishEvent({ ...event, deduplicationKey });
  expect((await api.publishEvent({ ...event, deduplicationKey })).duplicate).toBe(true);
  // Waits behind the first, in the inbox.
  const second = await api.publishEvent({ ...event, delayMs: 1 });
  await api.publishEvent({ ...widestEvent(), eventName: wide(255) });
  const filter = { consumerName, aggregateType, aggregateId };
  await until('both are dead', async () => (await inbox.findDeadLetters(filter)).length === 2);
  expect(await outbox.findMany({ deduplicationKey })).toMatchObject({ items: [{ eventName, aggregateId }] });
  expect((await outbox.timeline(aggregateType, aggregateId)).items).toHaveLength(2);
  const replayed = consumers.replay(
    consumerName,
    { eventNames: [eventName], aggregateType, aggregateId },
    { by: wide(255) },
  );
  await expect(consumers.replay(consumerName, { aggregateType: wide(128) })).rejects.toMatchObject({
    code: 'INTEGRATION_ADMIN_INVALID',
    message: expect.stringContaining('aggregateType has more than 127 characters'),
  });
  expect(await changedBy(started, replayed)).toBe(2);
  await until('both are dead again', async () => (await inbox.findDeadLetters(filter)).length === 2);
  fails = false;
  expect(await changedBy(started, consumers.redrive({ ...filter, eventName }))).toBe(2);
  await handled.first(2);
  await processor.drain();
  expect(await inbox.isProcessed(first.outboxEventId, consumerName)).toBe(true);
  expect(await inbox.isProcessed(second.outboxEventId, consumerName)).toBe(true);
  await consumers.pause(consumerName);
  expect(await changedBy(started, consumers.discard({ consumerName }, wide(3_000)))).toBe(0);
  await consumers.remove(consumerName, { force: true });
});

it('an author of a setting may have any length', async () => {
  const { settings } = await start();
  await settings.set('batchSize', 77, wide(300));
  expect(settings.snapshot().batchSize).toBe(77);
});
