import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { ContractsModule, defineEvent } from '../../src/contracts/index.js';
import type { DomainEvent } from '../../src/index.js';
import { Saga, type SagaContext, SagaStart, SagaStep } from '../../src/sagas/index.js';
import { inboxRows } from '../support/inbox-rows.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { event, published, type SagaApp, startSagaApp, untilSagaSettled } from './saga-app.js';

const keyOf = ({ aggregateId }: DomainEvent) => aggregateId;
const first = defineEvent({ name: 'seat.freed', schema: z.object({ seat: z.string().default('any') }) });
const second = defineEvent({
  name: 'seat.freed',
  version: 2,
  schema: z.object({ row: z.number(), seat: z.number() }),
  upcast: { 1: () => ({ row: 1, seat: 1 }) },
});

@Saga({ name: 'seat', retry: { maxAttempts: 1 } })
class SeatSaga {
  @SagaStart('seat.taken', { key: keyOf })
  taken({ payload }: DomainEvent, saga: SagaContext): void {
    saga.onUndo(event('seat.freed', saga.key, payload));
  }

  @SagaStep('seat.lost', { key: keyOf })
  async lost(_: DomainEvent, saga: SagaContext): Promise<void> {
    await saga.undo('it was lost');
  }
}

describe('with contracts', () => {
  let database: TestDatabase;
  let app: SagaApp | undefined;

  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterEach(async () => {
    await app?.close();
    app = undefined;
  });
  afterAll(async () => {
    await database?.drop();
  });

  const release = async (contract: typeof first | typeof second) => {
    await app?.close();
    app = await startSagaApp(database, [SeatSaga], {}, [
      ContractsModule.forRoot(),
      ContractsModule.forFeature([contract]),
    ]);
    return app;
  };

  it('an event that an undo could not publish is refused where it is remembered', async () => {
    const { api, sagas } = await release(first);
    await api.publishEvent(event('seat.taken', 'wrong', { seat: 7 }));
    await untilSagaSettled(database, 'seat');
    const row = (await inboxRows(database, 'saga.seat')).find((each) => each.aggregateId === 'wrong');
    expect(row).toMatchObject({ status: 'dead_letter' });
    expect(row?.error).toContain('seat.freed (version 1) does not fit its contract');
    expect(await sagas.get('seat', 'wrong')).toBeUndefined();
  });

  it('an undo publishes what was remembered before the contract had another version', async () => {
    const old = await release(first);
    await old.api.publishEvents([event('seat.taken', 'by a step'), event('seat.taken', 'by hand')]);
    await untilSagaSettled(database, 'seat');
    const young = await release(second);
    await young.api.publishEvent(event('seat.lost', 'by a step'));
    await untilSagaSettled(database, 'seat');
    await young.sagas.end('seat', 'by hand', { outcome: 'undone' });
    const freed = await published(database, 'seat.freed');
    expect(freed.map(({ aggregateId, payload }) => [aggregateId, payload])).toEqual([
      ['by a step', { seat: 'any' }],
      ['by hand', { seat: 'any' }],
    ]);
    const { rows } = await database.pool.query<{ version: number }>(
      `SELECT event_version AS version FROM integration.outbox_event WHERE event_name = 'seat.freed'`,
    );
    expect(rows).toEqual([{ version: 1 }, { version: 1 }]);
  });
});
