import { randomUUID } from 'node:crypto';
import { RecordStore } from '../../src/connectors/syncs/record.store.js';
import type { LockedStream } from '../../src/connectors/syncs/stream.js';
import { StreamStore } from '../../src/connectors/syncs/stream.store.js';
import { deleteOutdatedSyncs } from '../../src/connectors/syncs/sync-retention.store.js';
import { SyncTroubleStore } from '../../src/connectors/syncs/sync-trouble.store.js';
import { EngineDatabase } from '../../src/database/engine-database.js';
import type { TestApp } from './app.js';
import type { TestDatabase } from './test-database.js';

export const STREAMS = 20_000;

const idOf = (n: string) => `('00000000-0000-7000-8000-' || lpad(to_hex(${n}), 12, '0'))::uuid`;

/** A stream of each connection, with a run, a record and a hundredth of them with something wrong. */
export async function fillSyncs(pool: TestDatabase['pool']): Promise<void> {
  await pool.query(`
    INSERT INTO integration.sync_stream (id, tenant_id, connection_id, connector, sync, status, generation, full_since, next_run_at)
      SELECT ${idOf('n')}, 'tenant-' || n % 50, ${idOf('n')}, (ARRAY['hris', 'crm'])[1 + n % 2], 'people',
        CASE WHEN n % 100 = 0 THEN (ARRAY['failing', 'stalled', 'suspicious'])[1 + (n / 100) % 3] ELSE 'ok' END, 1, now(), now() + n * interval '1 second'
      FROM generate_series(1, ${STREAMS}) AS n;
    INSERT INTO integration.sync_run (id, tenant_id, stream_id, kind, status, started_at, finished_at)
      SELECT ${idOf('n')}, 'tenant-' || n % 50, ${idOf('n')}, 'full', 'completed', now(), now() - CASE WHEN n % 100 = 0 THEN interval '40 days' ELSE interval '1 hour' END
      FROM generate_series(1, ${STREAMS}) AS n;
    INSERT INTO integration.sync_record (stream_id, external_id, tenant_id, hash, generation, deleted_at)
      SELECT ${idOf('1 + n % 100')}, 'r' || n, 'tenant-' || (1 + n % 100) % 50, '\\x00', 1, CASE WHEN n % 100 = 7 THEN now() - interval '40 days' END
      FROM generate_series(1, ${STREAMS}) AS n;
    INSERT INTO integration.sync_problem (stream_id, external_id, tenant_id, path, reason, data)
      SELECT ${idOf('1 + n % 100')}, 'r' || n, 'tenant-' || (1 + n % 100) % 50, 'name', 'wrong', '{}' FROM generate_series(1, ${STREAMS}) AS n;
    ANALYZE integration.sync_stream, integration.sync_run, integration.sync_record, integration.sync_problem`);
}

/** Sends the statements of syncs. */
export async function tourOfSyncs({ context }: TestApp): Promise<void> {
  const db = context.get(EngineDatabase, { strict: false });
  const streams = new StreamStore(db);
  const records = new RecordStore(db);
  const trouble = new SyncTroubleStore(db);
  const of = { tenantId: 'tenant-1', id: '00000000-0000-7000-8000-000000000001' };
  const name = { tenantId: of.tenantId, connectionId: of.id, sync: 'people', partition: '' };
  await streams.find(name);
  await streams.ofConnection(of.tenantId, of.id);
  await streams.lacking([{ connector: 'hris', sync: 'other', isScheduled: true }], 100);
  await streams.due(new Map([[of.id, 2]]));
  await streams.runs(of.tenantId, of.id, undefined, 10);
  await streams.putOff(of.tenantId, of.id);
  await streams.giveBack(of.tenantId, of.id, randomUUID());
  await records.page(of, undefined, 10);
  await records.problems(of, undefined, 10);
  await records.kept(of, '', 10);
  await trouble.inStatus('stalled', 100);
  await trouble.late(300, 100);
  await trouble.counts();
  await db.transaction(async (session) => {
    await streams.add(session, { tenantId: of.tenantId, connectionId: of.id, connector: 'hris' }, [
      { sync: 'new', partition: '', isDue: true },
    ]);
    await streams.schedule(session, of.tenantId, of.id, ['new']);
    await streams.disown(session, of.tenantId, of.id);
    await streams.nextDue(session, [of.id]);
    await streams.lockNamed(session, name);
    const stream = (await streams.lock(session, of.tenantId, of.id)) as LockedStream;
    const runId = randomUUID();
    const counts = { pages: 1, records: 1, added: 1, updated: 0, deleted: 0, unchanged: 0, problems: 0 };
    await streams.addRun(session, stream, runId, 'full', new Date());
    await streams.countRun(session, { tenantId: of.tenantId, runId }, counts);
    await streams.write(session, stream);
    await records.read(session, of, ['r1', 'r100']);
    const row = { externalId: 'new', hash: '00', sourceAt: null, data: '{}' };
    await records.write(session, of, [row], 1, null);
    await records.see(session, of, [row], 2, null);
    await records.bury(session, of, ['new'], 2, null);
    await records.addTombstone(session, of, 'gone', 1, { at: new Date(), sourceAt: null });
    await records.countSwept(session, of, 1, new Date());
    await records.unseen(session, of, 2, new Date(), '', 10);
    await records.setAside(session, of, [{ externalId: 'bad', path: 'a', reason: 'b', data: null }], 2);
    await records.heal(session, of, ['bad']);
    await deleteOutdatedSyncs(session, db.tables, { days: 30, batch: 100 });
  });
}
