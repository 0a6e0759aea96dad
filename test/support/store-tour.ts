import { randomUUID } from 'node:crypto';
import { IdempotencyKeyStore } from '../../src/admin/idempotency/idempotency-key.store.js';
import { OperationWorkStore } from '../../src/changes/operations/operation-work.store.js';
import { AdminDatabase } from '../../src/database/admin-database.js';
import { EngineDatabase } from '../../src/database/engine-database.js';
import { requireInRehearsal } from '../../src/database/sql/rehearsal-fence.store.js';
import { UuidV7Generator } from '../../src/events/uuid-v7.js';
import { ClusterStore } from '../../src/health/cluster.store.js';
import { InboxLagStore } from '../../src/health/inbox-lag.store.js';
import { BrokenAttemptStore } from '../../src/inbox/broken-attempt.store.js';
import { CursorRegistrationStore } from '../../src/inbox/cursor-registration.store.js';
import { InboxEventStore } from '../../src/inbox/inbox-event.store.js';
import { SequenceStore } from '../../src/inbox/sequence.store.js';
import {
  AuditService,
  ConsumerBacklogService,
  ConsumerRatesService,
  CorrectionService,
  DoctorService,
  EventLookService,
  IntegrationLinkService,
  LinkGraphService,
  OperationService,
} from '../../src/index.js';
import { toLogEntry } from '../../src/log/log-entry.js';
import { OutboxStatsEstimateStore } from '../../src/log/outbox-stats-estimate.store.js';
import { operationKindsOf } from '../../src/module/extension.js';
import { CauseStore } from '../../src/problems/cause.store.js';
import { WorkStore } from '../../src/rates/work.store.js';
import { BACKLOG_STATES } from '../../src/status/consumer-backlog.js';
import { CursorStatusStore } from '../../src/status/cursor-status.store.js';
import { WhyFactsStore } from '../../src/status/why-facts.store.js';
import { WhyNotYetService } from '../../src/status/why-not-yet.service.js';
import { WebhookReceiptStore } from '../../src/webhooks/incoming/receipts/webhook-receipt.store.js';
import type { TestApp } from './app.js';
import { tourOfCalls } from './call-tour.js';
import { tourOfConnections } from './connection-tour.js';
import { tourOfOutgoing } from './outgoing-tour.js';
import { tourOfSagas } from './saga-tour.js';
import { tourOfSchedules } from './schedule-tour.js';
import type { TestDatabase } from './test-database.js';

const BEFORE_ALL = '00000000-0000-0000-0000-000000000000';
const INBOX = 'integration.inbox_event';

/**
 * Sends the statements of the stores that neither workers nor ordinary days of admins come to: pages behind others, what is
 * read of one event, links, webhooks, what follows accidents. Where only an accident brings a statement about, the store is asked.
 */
export async function tourOfStores(app: TestApp, database: TestDatabase): Promise<void> {
  const { pool } = database;
  await readsOfAdmins(app);
  await singleEvents(app, pool);
  await links(app);
  await webhooks(app);
  await tourOfOutgoing(app, database);
  await tourOfSagas(app);
  await tourOfCalls(app);
  await tourOfSchedules(app);
  await tourOfConnections(app);
  await accidents(app, pool);
}

async function readsOfAdmins({ context, settings }: TestApp): Promise<void> {
  // As with more dead letters than are read in turn.
  const causes = new CauseStore(context.get(AdminDatabase, { strict: false }), 100);
  await causes.list(5, undefined);
  await causes.list(5, 'plain');
  const audit = context.get(AuditService, { strict: false });
  for (const filter of [
    {},
    { actor: 'admin-1' },
    { action: 'action-1' },
    { target: 'target/1' },
    { outcome: 'denied' } as const,
    { actor: 'admin-1', action: 'action-1', outcome: 'done' } as const,
    { since: new Date(Date.now() - 86_400_000), until: new Date() },
  ]) {
    const { next } = await audit.list(filter, { limit: 10 });
    await audit.list(filter, { limit: 10, after: next ?? undefined });
  }
  const backlogs = context.get(ConsumerBacklogService, { strict: false });
  const whys = new WhyFactsStore(context.get(AdminDatabase, { strict: false }));
  for (const state of BACKLOG_STATES) {
    const { items, next } = await backlogs.events('plain', state, { limit: 20 });
    await backlogs.events('plain', state, { limit: 20, after: next ?? undefined });
    // Handlers are switched off by now, and while they are that is the reason of every event.
    const asked = items.map(({ outboxEventId }) => ({ outboxEventId, consumerName: 'plain' }));
    const waiting = await whys.deliveries(asked);
    await whys.queues(waiting);
    await whys.queues(waiting.slice(-1));
  }
  const rates = context.get(ConsumerRatesService, { strict: false });
  await rates.of('consumer-1');
  await rates.workOf('consumer-1');
  await rates.ofAll();
  // Steps of whole hours are read from the hours that are kept.
  const month = { from: new Date(Date.now() - 30 * 86_400_000), step: 14_400 };
  await rates.workOf('consumer-1', month);
  await rates.ofAll(month);
  await rates.heatMap(month);
  await rates.heatMap({ consumerName: 'consumer-1' });
  const operations = context.get(OperationService, { strict: false });
  const { next } = await operations.list({ limit: 10 });
  await operations.list({ limit: 10, after: next ?? undefined });
  await operations.list({ state: 'cancelled', limit: 10, after: next ?? undefined });
  const { next: before } = await settings.history({ limit: 10 });
  await settings.history({ limit: 10, after: before ?? undefined });
  const [change] = (await settings.history({ key: 'batchSize', limit: 1 })).entries;
  await settings.restore(change?.id ?? 0);
  await context.get(DoctorService, { strict: false }).examine();

  const admin = context.get(AdminDatabase, { strict: false });
  await new ClusterStore(admin).read(60_000);
  await new InboxLagStore(admin).read();
  await new CursorStatusStore(admin).countPending('plain');
  const kept = new IdempotencyKeyStore(admin);
  const request = { actor: 'admin-1', key: 'key-new', action: 'action-1', bodyHash: 'hash', token: 'token' };
  await kept.take(request);
  await kept.take(request);
  await kept.keep(request, 200, '{}');
  await kept.giveBack(request);
}

async function singleEvents(app: TestApp, pool: TestDatabase['pool']): Promise<void> {
  const { api, consumers, context, inbox, outbox, prisma } = app;
  const once = {
    eventName: 'order.placed',
    sourceModule: 'shop',
    aggregateType: 'order',
    aggregateId: 'tour',
  };
  await api.publishEvent({ ...once, payload: {}, deduplicationKey: 'key-tour' });
  const dead = await pool.query<{ id: string }>(
    `SELECT outbox_event_id AS id FROM ${INBOX} WHERE consumer_name = 'plain' AND status = 'dead_letter' ORDER BY position DESC LIMIT 2`,
  );
  const [first = '', second = ''] = dead.rows.map(({ id }) => id);
  await consumers.discardOne({ consumerName: 'plain', outboxEventId: first }, 'no use');
  await context
    .get(CorrectionService, { strict: false })
    .correct(second, 'plain', { payload: { n: 5 } }, { reason: 'was wrong' });
  const look = context.get(EventLookService, { strict: false });
  await look.head(first);
  await look.withPayloadText(first);
  await look.withMetadataText(first);
  const whys = new WhyNotYetService(context.get(AdminDatabase, { strict: false }));
  const [latest] = (await look.search()).items;
  if (latest === undefined) throw new Error('the log is empty');
  await whys.reportsOf([latest]);
  await whys.leftOut(latest);
  // As for an event that a handler publishes outside of its rehearsal.
  await requireInRehearsal(prisma, context.get(EngineDatabase, { strict: false }).tables, first).catch(
    () => {},
  );
  await outbox.findById(first);
  await inbox.findDeadLetters({ eventName: 'order.placed' });
  const { id } = await inbox.getOrCreate(first, 'by hand');
  await inbox.markProcessing(id);
  await inbox.markFailed(id, new Error('later'));
}

async function links({ context }: TestApp): Promise<void> {
  const service = context.get(IntegrationLinkService, { strict: false });
  const order = { module: 'shop', entityType: 'order', entityId: '7000' };
  const invoice = { module: 'billing', entityType: 'invoice', entityId: '2333' };
  const link = {
    sourceModule: order.module,
    sourceEntityType: order.entityType,
    sourceEntityId: order.entityId,
    targetModule: invoice.module,
    targetEntityType: invoice.entityType,
    targetEntityId: invoice.entityId,
    linkType: 'aggregate_root',
  } as const;
  await service.createLink(link);
  const { id } = await service.createLink(link);
  await service.findOutbound(order.module, order.entityType, order.entityId);
  await service.findInbound(invoice.module, invoice.entityType, invoice.entityId);
  await service.findByLinkType('aggregate_root');
  await service.findBidirectional(order, invoice);
  await service.removeLink(id);
  await context.get(LinkGraphService, { strict: false }).around(order, { depth: 2 });
}

async function webhooks({ context, prisma }: TestApp): Promise<void> {
  const db = context.get(EngineDatabase, { strict: false });
  const receipts = new WebhookReceiptStore(db);
  const event = { eventName: 'mail.sent', sourceModule: 'mail', aggregateType: 'mail', aggregateId: 'tour' };
  const delivery = {
    source: 'shop',
    tenantId: '',
    keyHash: 'ab'.repeat(32),
    bodyHash: 'cd'.repeat(32),
    repeatedBody: 'mark',
    endpointId: undefined,
    contentType: 'text/plain',
    bytes: Buffer.from('bytes'),
    event: { ...event, payload: {} },
  } as const;
  const entry = () => toLogEntry(delivery.event, new UuidV7Generator(), { maxPayloadBytes: 1_000_000 });
  const first = entry();
  await receipts.accept(prisma, delivery, first);
  await receipts.accept(prisma, delivery, entry());
  await receipts.claim(prisma, { source: 'shop', tenantId: '', keyHash: 'ef'.repeat(32) });
  // The body came before under another key.
  const { source, tenantId, bodyHash } = delivery;
  await receipts.claim(prisma, { source, tenantId, keyHash: 'fe'.repeat(32), bodyHash });
  await receipts.bodyOf(first.id);
  await db.transaction((session) => receipts.deleteOutdated(session, 35, 1_000));
  await db.transaction((session) => receipts.deleteWithoutEvent(session, BEFORE_ALL, 1_000));
}

/** What follows an accident changes nothing here: it is of an owner or of a log that there is not. */
async function accidents({ context }: TestApp, pool: TestDatabase['pool']): Promise<void> {
  const db = context.get(EngineDatabase, { strict: false });
  const key = { consumerName: 'plain', partition: 0 };
  const { rows } = await pool.query<{ id: string; event: string }>(
    `SELECT id, outbox_event_id AS event FROM ${INBOX} ORDER BY position LIMIT 100`,
  );
  const [{ event = '' } = {}] = rows;
  const broken = new BrokenAttemptStore(db);
  await broken.takeBack(key, randomUUID(), event, undefined);
  await broken.takeBack(key, randomUUID(), event, 2);
  await new InboxEventStore(db).stillProcessing(rows.map(({ id }) => id));
  await new OperationWorkStore(db, operationKindsOf([])).releaseAll(randomUUID());
  await new OutboxStatsEstimateStore(db).estimate();
  // A process writes what it has handled every ten seconds. On a quick machine all is over before that.
  await new WorkStore(db).write(randomUUID(), []);
  const registration = new CursorRegistrationStore(db);
  await registration.countEventsBelow(30_000, ['order.*', 'mail.sent'], 60_000);
  const next = await registration.nextPosition(db);
  await registration.oldestWriter(db);
  await registration.uncommittedFrom(db, next - 1_000, next);
  const undone = new Error('undone');
  const sequence = new SequenceStore(db);
  await db
    .transaction(async (session) => {
      await sequence.beginAnew(session, { consumerName: 'plain', tail: 2, nextPosition: 1_000, head: 1 });
      throw undone;
    })
    .catch((error) => {
      if (error !== undone) throw error;
    });
}

/** A consumer that nobody works on gets another name, and one that has only rows is removed. */
export async function renameAndRemove({ consumers }: TestApp, { pool }: TestDatabase): Promise<void> {
  await pool.query(
    `INSERT INTO integration.inbox_cursor (consumer_name, event_names, unread) VALUES ('former', '{*}', '{[1,)}')`,
  );
  await pool.query(`
    INSERT INTO ${INBOX} (outbox_event_id, position, consumer_name, aggregate_type, aggregate_id, status)
    SELECT outbox_event_id, position, name, aggregate_type, aggregate_id, 'skipped'
    FROM unnest('{former,leftover}'::text[]) AS name
    CROSS JOIN (SELECT * FROM ${INBOX} WHERE consumer_name = 'unordered' LIMIT 1000) AS few`);
  await consumers.rename('former', 'latter');
  await consumers.remove('leftover', { force: true });
}
