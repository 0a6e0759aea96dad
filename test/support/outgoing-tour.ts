import { randomUUID } from 'node:crypto';
import { AdminDatabase } from '../../src/database/admin-database.js';
import { EngineDatabase } from '../../src/database/engine-database.js';
import { LaneRoundStore } from '../../src/lanes/lane-round.store.js';
import { OutgoingTargetStore } from '../../src/lanes/outgoing-target.store.js';
import { desertedSources } from '../../src/relay/sources/source-lease.store.js';
import { WebhookDeliveryStore } from '../../src/webhooks/outgoing/destinations/delivery.store.js';
import {
  deleteOrphanedDeliveries,
  deleteOutdatedDeliveries,
} from '../../src/webhooks/outgoing/destinations/delivery-retention.store.js';
import {
  type DestinationRow,
  DestinationStore,
} from '../../src/webhooks/outgoing/destinations/destination.store.js';
import {
  forgottenDestinations,
  lanesWithoutOwner,
} from '../../src/webhooks/outgoing/destinations/destination-checks.store.js';
import { DestinationLookStore } from '../../src/webhooks/outgoing/destinations/destination-look.store.js';
import { CatchUpStore } from '../../src/webhooks/outgoing/routing/catch-up.store.js';
import { type Pair, RoutingStore } from '../../src/webhooks/outgoing/routing/routing.store.js';
import { SendingStore } from '../../src/webhooks/outgoing/sender/sending.store.js';
import type { TestApp } from './app.js';
import type { TestDatabase } from './test-database.js';

/** Destinations, and how many of them a tenant has. */
export const DESTINATIONS = 5_000;
const OF_TENANT = 10;
/** Deliveries of a destination at least. */
const EACH = 6;
/** Messages, of which each tenant has as many as any other. */
export const MESSAGES = (DESTINATIONS / OF_TENANT) * EACH * 4;
export const DELIVERIES = DESTINATIONS * EACH;

/** The first destination of this tenant has most of the waiting and of the dead deliveries. */
const BUSY_TENANT = 'tenant-0';
const TABLE = {
  destination: 'integration.webhook_destination',
  delivery: 'integration.webhook_delivery',
  message: 'integration.webhook_message',
};

/**
 * Destinations of many tenants and what is sent to them:
 *
 * - one in fifty destinations is off and behind, and one in a hundred has caught up with a part
 * - a twentieth of the targets is ready, most of them for a moment only
 * - of each destination some deliveries that have ended, with their attempts, and some that wait for a time
 * - one destination with thousands that wait behind another one, thousands that are dead and thousands that are due
 */
export async function fillOutgoing(pool: TestDatabase['pool']): Promise<void> {
  const destinations = `generate_series(0, ${DESTINATIONS - 1}) AS n`;
  const id = (n: string) => `('00000000-0000-7000-8000-' || lpad(to_hex(${n}), 12, '0'))::uuid`;
  const tenant = (n: string) => `'tenant-' || ${n}`;
  const tenants = DESTINATIONS / OF_TENANT;
  await pool.query(`
    INSERT INTO ${TABLE.destination} (id, tenant_id, url, event_types, ordered, status, behind_from, catch_up_to)
      SELECT ${id('n')}, ${tenant(`n % ${tenants}`)}, 'https://example.com/hooks', '{order.placed,order.*}',
        (ARRAY['none', 'entity', 'strict'])[1 + n % 3], CASE WHEN n % 50 = 7 THEN 'paused' WHEN n % 500 = 9 THEN 'disabled' ELSE 'active' END,
        CASE WHEN n % 50 IN (7, 8) THEN 40000 + n END, CASE WHEN n % 50 = 8 AND n % 3 = 0 THEN 58000 END FROM ${destinations};
    INSERT INTO integration.webhook_subscription (tenant_id, event_type, destination_id)
      SELECT tenant_id, type, id FROM ${TABLE.destination} CROSS JOIN LATERAL unnest(event_types) AS type;
    INSERT INTO integration.outgoing_target (kind, id, tenant_id, lane, ready_at)
      SELECT 'webhook', id, tenant_id, n % 64, CASE WHEN n % 20 = 0 THEN now() - n * interval '1 ms' WHEN n % 20 < 5 THEN now() + n * interval '1 second' END
      FROM ${destinations} CROSS JOIN LATERAL (SELECT id, tenant_id FROM ${TABLE.destination} WHERE id = ${id('n')}) AS d;
    INSERT INTO ${TABLE.message} (position, tenant_id, outbox_event_id, event_name, type, data, event_at, created_at)
      SELECT n, ${tenant(`n % ${tenants}`)}, gen_random_uuid(), 'order.placed', 'order.placed', '{"n":' || n || '}', at, at
      FROM generate_series(1, ${MESSAGES}) AS n CROSS JOIN LATERAL (SELECT now() - (${MESSAGES} - n) * interval '40 days' / ${MESSAGES} AS at) AS t;
    INSERT INTO ${TABLE.delivery} (destination_id, position, tenant_id, entity, status, attempts, due_at)
      SELECT d.id, m.position, m.tenant_id, m.position % 100, CASE WHEN k < 3 THEN 'delivered' WHEN k = 3 THEN 'dead' ELSE 'pending' END,
        1, CASE WHEN k = 5 THEN m.event_at + interval '50 days' ELSE m.event_at END
      FROM ${TABLE.message} m JOIN ${TABLE.destination} d ON d.tenant_id = m.tenant_id
      CROSS JOIN LATERAL (SELECT (m.position / ${tenants}) % ${EACH} AS k) AS of_position WHERE (m.position / ${tenants}) % 4 = 0 OR k = 5;
    INSERT INTO ${TABLE.message} (position, tenant_id, outbox_event_id, event_name, type, data, event_at)
      SELECT n, '${BUSY_TENANT}', gen_random_uuid(), 'order.placed', 'order.placed', '{}', now()
      FROM generate_series(${MESSAGES + 1}, ${MESSAGES + 9_000}) AS n;
    INSERT INTO ${TABLE.delivery} (destination_id, position, tenant_id, entity, status, due_at)
      SELECT ${id('0')}, n, '${BUSY_TENANT}', n % 1000, CASE WHEN n % 3 = 0 THEN 'dead' ELSE 'pending' END, CASE WHEN n % 3 = 1 THEN 'infinity' ELSE now() END
      FROM generate_series(${MESSAGES + 1}, ${MESSAGES + 9_000}) AS n;
    INSERT INTO integration.webhook_attempt (destination_id, position, attempt, at, duration_ms, status_code)
      SELECT v.destination_id, v.position, 1, v.at, 20, 200 FROM (
        SELECT v.destination_id, v.position, m.event_at AS at FROM ${TABLE.delivery} v JOIN ${TABLE.message} m ON m.position = v.position WHERE v.attempts > 0) AS v`);
}

/** What admins, routers and owners of lanes ask of outgoing webhooks. */
export async function tourOfOutgoing({ context }: TestApp, { pool }: TestDatabase): Promise<void> {
  const db = context.get(EngineDatabase, { strict: false });
  const admin = context.get(AdminDatabase, { strict: false });
  const { rows } = await pool.query<{ id: string }>(
    `SELECT id FROM ${TABLE.destination} WHERE tenant_id = '${BUSY_TENANT}' ORDER BY id`,
  );
  const ids = rows.map(({ id }) => id);
  await tourOfDestinations(admin, ids);
  await tourOfDeliveries(admin, ids);
  await tourOfRouting(db, ids);
  await tourOfSending(db, ids);
  await tourOfLanes(db, ids);
  await tourOfRetention(db, ids);
}

async function tourOfDestinations(db: AdminDatabase, [id = '']: readonly string[]): Promise<void> {
  const store = new DestinationStore(db);
  const owned = { id, tenantId: BUSY_TENANT };
  const found = await store.find(BUSY_TENANT, id);
  if (found === undefined) throw new Error('there is no busy destination');
  await store.page(BUSY_TENANT, { status: 'active' }, id, 10);
  await store.withoutSecret(10);
  await store.disabled(10);
  await store.behindTheLog(10);
  await lanesWithoutOwner(db);
  await desertedSources(db);
  await forgottenDestinations(db, 100);
  const look = new DestinationLookStore(db);
  await look.page({ tenant: undefined, status: undefined }, undefined, 50);
  await look.page({ tenant: undefined, status: undefined }, id, 50);
  await look.page({ tenant: BUSY_TENANT, status: 'active' }, undefined, 50);
  await look.ofId(id);
  await undone(db, async (session) => {
    await store.countAlone(session, BUSY_TENANT);
    await store.lock(session, BUSY_TENANT, id);
    const row: DestinationRow = { ...found, id: '00000000-0000-7000-9000-000000000000' };
    await store.add(session, row, 1_000);
    await store.change(session, row);
    await store.setOff(session, owned, 'paused', null);
    await store.setOn(session, row);
    await store.positionAt(session, new Date(Date.now() - 3_600_000));
    await store.releaseWaiting(session, owned);
    await store.remove(session, owned);
  });
}

async function tourOfDeliveries(db: AdminDatabase, [destinationId = '']: readonly string[]): Promise<void> {
  const store = new WebhookDeliveryStore(db);
  const tenantId = BUSY_TENANT;
  const place = { destinationId, position: MESSAGES + 4_000 };
  await store.find(tenantId, place);
  await store.attempts(tenantId, place);
  for (const status of [undefined, 'pending', 'dead', 'delivered'] as const)
    await store.page(tenantId, { destinationId, status }, undefined, 50);
  await store.page(tenantId, {}, place, 50);
  await store.page(tenantId, { type: 'order.placed' }, place, 50);
  await store.countDead({ tenantId, destinationId }, 1_000);
  await store.verdict({ tenantId, destinationId }, randomUUID());
  await undone(db, async (session) => {
    await store.lock(session, tenantId, place);
    const dead = await store.dead(session, { tenantId, destinationId }, place.position, 500);
    await store.redrive(session, { tenantId, destinationId }, dead, null);
  });
}

async function tourOfRouting(db: EngineDatabase, ids: readonly string[]): Promise<void> {
  const routing = new RoutingStore(db);
  const catchUp = new CatchUpStore(db);
  const [first = ''] = ids;
  const message = {
    tenantId: BUSY_TENANT,
    outboxEventId: first,
    eventName: 'order.placed',
    type: 'order.placed',
    data: '{"n":1}',
    eventAt: new Date(),
  };
  const pairs = ids.flatMap((destinationId): Pair[] =>
    Array.from({ length: 50 }, (_, n) => ({
      destinationId,
      message: { ...message, position: MESSAGES + 20_000 + n, entity: String(n % 7) },
    })),
  );
  const names = ['order.placed', 'order.*', '*'];
  await undone(db, async (session) => {
    const asked = names.map(() => BUSY_TENANT);
    const candidates = await routing.candidates(session, asked, names);
    await routing.lockOff(session, candidates);
    await routing.lockOn(session, candidates);
    await routing.skip(session, [{ destinationId: first, tenantId: BUSY_TENANT, position: 1_000 }]);
    await routing.write(session, await routing.passing(session, pairs));
    // The second time, the messages are there.
    await routing.keepMessages(session, pairs);
    await routing.publicNames(session, names);
  });
  await catchUp.countEvents(
    { from: 30_000, to: 50_000, names: ['order.placed'], tenantId: undefined },
    5_000,
  );
  const lanes = Array.from({ length: 32 }, (_, lane) => lane);
  await catchUp.behind(lanes, '00000000-0000-0000-0000-000000000000', 100);
  const [behind] = await db.query<{ id: string; tenantId: string }>(
    `SELECT id, tenant_id AS "tenantId" FROM ${TABLE.destination} WHERE behind_from IS NOT NULL AND status = 'active' LIMIT 1`,
  );
  if (behind === undefined) throw new Error('no destination is behind');
  await undone(db, async (session) => {
    const taken = await catchUp.take(session, behind);
    if (taken === undefined) throw new Error('it is not taken');
    await catchUp.bounds(session);
    await catchUp.otherPublicNames(session, names);
    await catchUp.advance(session, taken, 50_000);
    const event = { ...message, position: 1_000 } as unknown as Parameters<CatchUpStore['addDead']>[2];
    await catchUp.addDead(session, taken, event, '1', 'it has no body');
  });
}

async function tourOfSending(db: EngineDatabase, ids: readonly string[]): Promise<void> {
  const store = new SendingStore(db);
  const due = await store.due(new Map(ids.map((id) => [id, 20])));
  await store.limitsOf(ids);
  await undone(db, async (session) => {
    const sent = await store.destinations(session, ids);
    const attempts = due.map(({ target: destinationId, position, attempts: before }) => ({
      destinationId,
      position,
      before,
      status: 'delivered' as const,
      afterMs: null,
      counts: true,
      at: new Date(),
      durationMs: 20,
      statusCode: 200,
      error: null,
      answer: null,
    }));
    await store.saveAttempts(session, attempts);
    await store.releaseNext(session, 'entity', attempts);
    await store.releaseNext(session, 'strict', attempts);
    await store.nextDue(session, ids);
    for (const destination of sent.values()) await store.disable(session, destination, 'it is gone');
  });
}

async function tourOfLanes(db: EngineDatabase, ids: readonly string[]): Promise<void> {
  const targets = new OutgoingTargetStore(db);
  const rounds = new LaneRoundStore(db);
  const [id = ''] = ids;
  const lanes = Array.from({ length: 32 }, (_, lane) => lane);
  await rounds.ready('webhook', lanes, ids, 1_000, 100);
  await undone(db, async (session) => {
    for (const wait of [true, false]) await rounds.lock(session, 'webhook', ids, wait);
    await rounds.existing(session, 'webhook', ids);
    const state = { failures: 0, failingSince: null, notBefore: null, nextDue: null };
    await rounds.settle(
      session,
      'webhook',
      ids.map((each) => ({ id: each, ...state })),
    );
    await targets.makeReady(session, 'webhook', ids);
    await targets.lock(session, 'webhook', ids);
    await targets.beginAnew(session, 'webhook', id);
    await targets.hold(session, 'webhook', id);
    await targets.release(session, 'webhook', id);
    await targets.remove(session, 'webhook', id);
    await targets.add(session, 'webhook', id, { tenantId: BUSY_TENANT });
  });
}

async function tourOfRetention(db: EngineDatabase, [id]: readonly string[]): Promise<void> {
  const { tables } = db;
  await undone(db, async (session) => {
    for (let after: number | undefined = 0; after !== undefined; )
      after = (await deleteOutdatedDeliveries(session, tables, { days: 35, after })).after;
    await session.query(`DELETE FROM ${TABLE.destination} WHERE id = $1::uuid`, [id]);
    await deleteOrphanedDeliveries(session, tables, 35);
  });
}

/** The statements run, and the database stays as it was. */
async function undone(db: EngineDatabase, fn: Parameters<EngineDatabase['transaction']>[0]): Promise<void> {
  const undo = new Error('undone');
  await db
    .transaction(async (session) => {
      await fn(session);
      throw undo;
    })
    .catch((error: unknown) => {
      if (error !== undo) throw error;
    });
}
