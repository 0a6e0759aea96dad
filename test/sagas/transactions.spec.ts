import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { type DomainEvent, PgSqlClient } from '../../src/index.js';
import { Saga, type SagaContext, SagaStart, SagaStep } from '../../src/sagas/index.js';
import { failAt } from '../../src/testing/index.js';
import { gate } from '../support/gate.js';
import { hostClientOver, hostsOf, type PgHostClient } from '../support/host-clients.js';
import { inboxRows } from '../support/inbox-rows.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { event, published, type SagaApp, startSagaApp, untilSagaSettled } from './saga-app.js';

const keyOf = ({ aggregateId }: DomainEvent) => aggregateId;
let hangs = gate();

@Saga({ name: 'deal', timeoutMs: 1_000, retry: { maxAttempts: 2, baseDelayMs: 100, maxDelayMs: 100 } })
class DealSaga {
  @SagaStart('deal.made', { key: keyOf })
  made(_: DomainEvent, saga: SagaContext<{ n: number }>): void {
    saga.state = { n: 1 };
    for (const name of ['first', 'second', 'third']) saga.onUndo(event(`undo.${name}`, saga.key));
  }

  @SagaStep('deal.ends-transaction', { key: keyOf })
  async endsTransaction(
    { payload }: DomainEvent<{ sql: string }>,
    saga: SagaContext<{ n: number }>,
  ): Promise<void> {
    saga.state.n = 2;
    await (saga.transaction as PgSqlClient).$executeRawUnsafe(payload.sql);
  }

  @SagaStep('deal.hangs', { key: keyOf })
  async hangs(_: DomainEvent, saga: SagaContext<{ n: number }>): Promise<void> {
    saga.state.n = 3;
    await hangs.opened;
  }

  @SagaStep('deal.counted', { key: keyOf })
  counted(_: DomainEvent, saga: SagaContext<{ n: number }>): void {
    saga.state.n++;
  }

  @SagaStep('deal.undone', { key: keyOf })
  async undone(_: DomainEvent, saga: SagaContext<{ n: number }>): Promise<void> {
    await saga.undo('it was undone');
  }

  @SagaStep('deal.undone-oddly', { key: keyOf })
  async undoneOddly(_: DomainEvent, saga: SagaContext<{ n: number }>): Promise<void> {
    await saga.undo(`half \ud800 of it\0 ${'was undone '.repeat(1_000)}`);
  }
}

describe('the transaction of a step', () => {
  let database: TestDatabase;
  let overPg: PgHostClient;
  let app: SagaApp | undefined;

  beforeAll(async () => {
    database = await createTestDatabase();
    overPg = hostClientOver(database.url);
  });
  afterEach(async () => {
    await app?.close();
    app = undefined;
  });
  afterAll(async () => {
    await overPg?.close();
    await database?.drop();
  });

  const hosts = hostsOf(() => ({ database, overPg }));
  const begin = async (options: Parameters<typeof startSagaApp>[2] = {}) => {
    app = await startSagaApp(database, [DealSaga], options);
    return app;
  };
  const rowsOf = async (key: string) =>
    (await inboxRows(database, 'saga.deal')).filter(({ aggregateId }) => aggregateId === key);

  describe.each(hosts)('of $host', ({ host, clientOf }) => {
    it.each(['COMMIT', 'ROLLBACK'])('that its handler ends by %s is not written any more', async (sql) => {
      const { api, sagas } = await begin({ client: clientOf() });
      const key = `${host} ${sql}`;
      await api.publishEvents([event('deal.made', key), event('deal.ends-transaction', key, { sql })]);
      await untilSagaSettled(database, 'deal');
      expect(await sagas.get('deal', key)).toMatchObject({ state: { n: 1 }, steps: 1 });
      const row = (await rowsOf(key)).find(({ status }) => status === 'dead_letter');
      expect(row?.error).toContain('ended');
    });
  });

  it('whose handler hangs is rolled back, and later events go on', async () => {
    hangs = gate();
    const { api, sagas } = await begin();
    await api.publishEvents([event('deal.made', 'h'), event('deal.hangs', 'h'), event('deal.undone', 'h')]);
    await untilSagaSettled(database, 'deal');
    hangs.open();
    const dead = (await rowsOf('h')).filter(({ status }) => status === 'dead_letter');
    expect(dead.map(({ attempts }) => attempts)).toEqual([2]);
    expect(await sagas.get('deal', 'h')).toMatchObject({ status: 'undone', state: { n: 1 }, steps: 2 });
  });

  it.each(['before-handler', 'after-handler', 'after-commit'] as const)(
    'has all of an undo or nothing, in order, also if it is cut off %s',
    async (point) => {
      const { api, sagas, context } = await begin();
      const key = `cut ${point}`;
      await api.publishEvent(event('deal.made', key));
      await untilSagaSettled(database, 'deal');
      const fault = failAt(context, point, { consumerName: 'saga.deal' });
      await api.publishEvent(event('deal.undone', key));
      await fault.reached;
      await untilSagaSettled(database, 'deal');
      const undone = (await published(database, 'undo.%')).filter(({ aggregateId }) => aggregateId === key);
      expect(undone.map(({ eventName }) => eventName)).toEqual(['undo.third', 'undo.second', 'undo.first']);
      expect(await sagas.get('deal', key)).toMatchObject({ status: 'undone', steps: 2 });
    },
  );

  it('is undone for a reason that Postgres cannot store as it is', async () => {
    const { api, sagas } = await begin();
    await api.publishEvents([event('deal.made', 'odd'), event('deal.undone-oddly', 'odd')]);
    await untilSagaSettled(database, 'deal');
    expect(await sagas.get('deal', 'odd')).toMatchObject({ status: 'undone' });
    const reason = (await sagas.history('deal', 'odd')).at(-1)?.reason ?? '';
    expect(reason).toMatch(/^half \ufffd of it was undone .*…$/);
    expect(reason.length).toBe(2_001);
  });

  it('has the events of an undo by hand, and the audit', async () => {
    const { api, sagas, context } = await begin();
    await api.publishEvent(event('deal.made', 'by hand'));
    await untilSagaSettled(database, 'deal');
    await sagas.end('deal', 'by hand', { outcome: 'undone', by: 'anna', reason: 'the customer called' });
    const undone = (await published(database, 'undo.%')).filter(
      ({ aggregateId }) => aggregateId === 'by hand',
    );
    expect(undone.map(({ eventName }) => eventName)).toEqual(['undo.third', 'undo.second', 'undo.first']);
    const { rows } = await database.pool.query(
      `SELECT actor, action, target, reason, after FROM integration.integration_audit`,
    );
    expect(rows).toEqual([
      {
        actor: 'anna',
        action: 'sagas.end',
        target: 'saga/deal/by hand',
        reason: 'the customer called',
        after: { status: 'undone' },
      },
    ]);
    await expect(sagas.end('deal', 'by hand', { outcome: 'completed' })).rejects.toMatchObject({
      code: 'INTEGRATION_SAGA_STATE',
    });
    await expect(sagas.end('deal', 'nobody', { outcome: 'completed' })).rejects.toMatchObject({
      code: 'INTEGRATION_SAGA_UNKNOWN',
    });
    await expect(sagas.history('deal', 'nobody')).rejects.toMatchObject({ code: 'INTEGRATION_SAGA_UNKNOWN' });
    expect(context).toBeDefined();
  });

  it('is that of each event once: a replay does nothing again', async () => {
    const { api, sagas, consumers } = await begin();
    await api.publishEvents([event('deal.made', 'r'), event('deal.counted', 'r')]);
    await untilSagaSettled(database, 'deal');
    const before = await sagas.list({ saga: 'deal' });
    await consumers.replayAtOnce('saga.deal', { from: 1 });
    await untilSagaSettled(database, 'deal');
    const after = await sagas.list({ saga: 'deal' });
    expect(after.sagas.length).toBe(before.sagas.length);
    expect(await sagas.get('deal', 'r')).toMatchObject({ status: 'active', state: { n: 2 } });
  });
});
