import { randomUUID } from 'node:crypto';
import { AdminDatabase } from '../../src/database/admin-database.js';
import { clientOf } from '../../src/database/clients/session-client.js';
import { EngineDatabase } from '../../src/database/engine-database.js';
import { SagaStore } from '../../src/sagas/saga.store.js';
import { SagaLookStore } from '../../src/sagas/saga-look.store.js';
import { deleteOutdatedSagas } from '../../src/sagas/saga-retention.store.js';
import type { TestApp } from './app.js';
import type { TestDatabase } from './test-database.js';

export const SAGAS = 20_000;
export const STEPS = SAGAS * 3;
export const WAITING = SAGAS / 2;

const idOf = (n: string) => `('00000000-0000-7000-8000-' || lpad(to_hex(${n}), 12, '0'))::uuid`;

/** Sagas of two names. Half of them have ended, a part of these long ago; one in two hundred is stuck; some have events that wait. */
export async function fillSagas(pool: TestDatabase['pool']): Promise<void> {
  await pool.query(`
    INSERT INTO integration.saga_instance (saga, key, id, tenant_id, step, status, state, version, steps, timeouts, started_at, changed_at, ended_at)
      SELECT (ARRAY['order', 'trip'])[1 + n % 2], n::text, ${idOf('n')}, 'tenant-' || n % 50, (ARRAY['started', 'paying', 'paid'])[1 + n % 3],
        CASE WHEN n % 2 = 0 THEN 'completed' ELSE 'active' END, '{"total": 1}', 1, 3, '{}', now() - interval '1 day',
        now() - CASE WHEN n % 200 = 1 THEN interval '100 hours' ELSE interval '1 hour' END,
        CASE WHEN n % 2 = 0 THEN now() - CASE WHEN n % 40 = 0 THEN interval '200 days' ELSE interval '1 hour' END END
      FROM generate_series(1, ${SAGAS}) AS n;
    INSERT INTO integration.saga_step (id, n, outbox_event_id, name, step_after)
      SELECT ${idOf('n')}, s, gen_random_uuid(), 'order.paid', 'paid' FROM generate_series(1, ${SAGAS}) AS n, generate_series(1, 3) AS s;
    INSERT INTO integration.saga_waiting (saga, key, position, event, wanted, until, token)
      SELECT 'order', (n * 2)::text, n, '{"outboxEventId": "e", "eventName": "order.paid"}', '{paid}',
        now() + CASE WHEN n % 20 = 0 THEN interval '-200 days' ELSE interval '1 day' END, gen_random_uuid()
      FROM generate_series(1, ${WAITING}) AS n;
    ANALYZE integration.saga_instance, integration.saga_step, integration.saga_waiting`);
}

/** Sends the statements of sagas. */
export async function tourOfSagas({ context }: TestApp): Promise<void> {
  const db = context.get(EngineDatabase, { strict: false });
  const admin = context.get(AdminDatabase, { strict: false });
  const look = new SagaLookStore(admin, 72);
  const found = await look.find('trip', '7');
  await look.history(found?.id ?? '');
  const { next } = await look.page({}, { after: undefined, limit: 10 });
  await look.page({ saga: 'order' }, { after: next ?? undefined, limit: 10 });
  await look.steps();
  await look.transitions('order');
  await look.stuck(100);
  const store = new SagaStore(db);
  await db.transaction(async (session) => {
    const client = clientOf(session);
    const { locked, found: saga } = await store.begin(client, 'trip', '7');
    if (saga === undefined) throw new Error('the saga is there');
    const entry = { outboxEventId: randomUUID(), name: 'trip.flown', before: 'started', after: 'paid' };
    await store.wasHandled(client, saga.id, entry.outboxEventId);
    const row = { ...saga, state: '{}' };
    await store.save(client, locked, row, [entry, entry]);
    await store.note(client, locked, saga.steps + 2, entry);
    const event = { outboxEventId: entry.outboxEventId, eventName: 'trip.flown', position: 1 } as never;
    const waiting = { position: 1, token: randomUUID() };
    await store.wait(client, locked, { ...waiting, event, wanted: ['paid'], waitMs: 1_000 });
    await store.stillWaiting(client, locked, waiting);
    await store.release(client, locked, 'paid');
    await store.takeWaiting(client, locked, waiting);
    await store.dropWaiting(client, locked);
    const { locked: other } = await store.begin(client, 'trip', 'new');
    await store.create(client, other, { ...row, id: randomUUID(), tenantId: '' }, [entry]);
  });
  await db.transaction((session) => deleteOutdatedSagas(session, db.tables, { days: 90, batch: 100 }));
}
