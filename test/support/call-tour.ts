import { randomUUID } from 'node:crypto';
import { CallStore } from '../../src/calls/call.store.js';
import { CallLookStore } from '../../src/calls/call-look.store.js';
import { deleteOutdatedCalls } from '../../src/calls/call-retention.store.js';
import { CallRetryStore } from '../../src/calls/call-retry.store.js';
import { CallWorkStore } from '../../src/calls/call-work.store.js';
import { targetIdOf } from '../../src/calls/target-id.js';
import { AdminDatabase } from '../../src/database/admin-database.js';
import { clientOf } from '../../src/database/clients/session-client.js';
import { EngineDatabase } from '../../src/database/engine-database.js';
import type { TestApp } from './app.js';
import type { TestDatabase } from './test-database.js';

export const CALLS = 20_000;
export const REPORTS = CALLS * 2;

const idOf = (n: string) => `('00000000-0000-7000-8000-' || lpad(to_hex(${n}), 12, '0'))::uuid`;

/**
 * Calls of two types and fifty tenants. A third has ended, a part of these long ago; of the others most wait
 * for a report, some are due later, and one target has thousands that are due. Some reports wait for their
 * call.
 */
export async function fillCalls(pool: TestDatabase['pool']): Promise<void> {
  await pool.query(`
    INSERT INTO integration.external_call (id, tenant_id, type, target, subject_type, subject_id, status, request, external_id, idempotency_key,
        due_at, deadline_at, created_at, ended_at, error)
      SELECT ${idOf('n')}, 'tenant-' || n % 50, (ARRAY['tts', 'pay'])[1 + n % 2], ${idOf('n % 100')}, 'order', n::text,
        CASE WHEN n % 3 = 0 THEN 'failed' WHEN n % 3 = 1 THEN 'processing' ELSE 'requested' END, '{"text": "a"}', 'x-' || n, 'k-' || n,
        CASE WHEN n % 3 = 0 OR n % 9 = 1 THEN NULL WHEN n % 9 = 2 THEN now() - interval '1 second' ELSE now() + n * interval '1 minute' END,
        CASE WHEN n % 1000 = 1 THEN now() - interval '1 hour' ELSE now() + interval '1 day' END, now() - interval '100 days',
        CASE WHEN n % 3 = 0 THEN now() - CASE WHEN n % 60 = 0 THEN interval '90 days' ELSE n * interval '1 minute' END END,
        CASE WHEN n % 3 = 0 THEN jsonb_build_object('code', CASE WHEN n % 600 = 0 THEN 'INTEGRATION_CALL_OUTCOME_UNKNOWN' ELSE 'E' END, 'message', 'no') END
      FROM generate_series(1, ${CALLS}) AS n;
    INSERT INTO integration.external_call_report (call_id, type, external_id, phase, source, applied, at)
      SELECT CASE WHEN n % 100 <> 0 THEN ${idOf(`1 + n % ${CALLS}`)} END, 'tts', 'r-' || n, 'processing', 'poll', true,
        now() - CASE WHEN n % 200 = 0 THEN interval '90 days' ELSE interval '1 hour' END
      FROM generate_series(1, ${REPORTS}) AS n;
    INSERT INTO integration.outgoing_target (kind, id, tenant_id, lane, ready_at)
      SELECT 'call.tts', ${idOf('n')}, 'tenant-' || n % 50, n % 8, CASE WHEN n % 20 = 0 THEN now() END FROM generate_series(0, 99) AS n;
    ANALYZE integration.external_call, integration.external_call_report`);
}

/** Sends the statements of calls. */
export async function tourOfCalls({ context }: TestApp): Promise<void> {
  const db = context.get(EngineDatabase, { strict: false });
  const admin = context.get(AdminDatabase, { strict: false });
  const look = new CallLookStore(admin);
  const page = await look.page({}, undefined, 10);
  const [first] = page.calls;
  const id = first?.id ?? '';
  await look.page({ type: 'tts', status: 'processing', tenantId: 'tenant-2' }, page.next ?? undefined, 10);
  await look.page({ subject: { type: 'order', id: '7' } }, undefined, 10);
  await look.counts();
  await look.find(id);
  await look.reports(id);
  await look.overdue(60, 100);
  await look.unknown(7, 100);
  const work = new CallWorkStore(db);
  const target = '00000000-0000-7000-8000-000000000001';
  const [due] = await work.due(new Map([[target, 5]]));
  const store = new CallStore(db);
  const retry = new CallRetryStore(db);
  const name = { tenantId: 'tenant-1', type: 'tts', externalId: 'new' };
  await db.transaction(async (session) => {
    const client = clientOf(session);
    await work.nextDue(session, [target]);
    await work.targetsOf(session, [id]);
    await work.overdue(session, 10);
    await retry.targetOf(session, id);
    await retry.repeat(session, id, randomUUID());
    const given = {
      subjectType: null,
      subjectId: null,
      caller: null,
      metadata: {},
      deadlineMs: 1_000,
      request: '{}',
    };
    const call = {
      ...given,
      id: randomUUID(),
      tenantId: 'tenant-1',
      type: 'tts',
      group: '',
      target: targetIdOf('tenant-1', 'tts', ''),
    };
    await store.create(client, { ...call, idempotencyKey: 'new' });
    await store.idOfKey(client, { tenantId: 'tenant-1', type: 'tts', idempotencyKey: 'new' });
    const locked = await store.lock(client, call.id);
    await store.lockName(client, name);
    await store.lockNamed(client, name);
    await store.isTaken(client, name);
    const claimed = await store.claim(client, { id: call.id, ownerToken: null, attempt: 0 }, randomUUID());
    if (locked === undefined || claimed === undefined || due === undefined)
      throw new Error('the calls are there');
    const report = { ...name, phase: 'processing', source: 'poll', data: null, applied: false } as const;
    await store.write(client, [
      { ...report, callId: null },
      { ...report, callId: call.id },
    ]);
    const [waiting] = await store.waiting(client, name);
    await store.adopt(client, waiting?.id ?? '', call.id, true);
    await store.write(client, [], { ...claimed, dueInMs: 1_000 });
  });
  await db.transaction((session) => deleteOutdatedCalls(session, db.tables, { days: 30, batch: 100 }));
}
