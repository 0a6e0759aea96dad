import type { TestDatabase } from './test-database.js';

/** The saga that `withSaga` makes. Its consumer is `saga.order`. */
export const SAGA = { name: 'order', key: 'e1' } as const;

/** A saga with a history, with a timeout, with what it would undo, and with an event that waits for it. */
export async function withSaga({ pool }: Pick<TestDatabase, 'pool'>, key: string = SAGA.key): Promise<void> {
  await pool.query(
    `WITH instance AS (
       INSERT INTO integration.saga_instance (saga, key, id, tenant_id, step, status, state, version, steps, undo, timeouts)
       VALUES ('order', $1, gen_random_uuid(), 'acme', 'paying', 'active', '{"id": 12345678901234567890}', 1, 1, $2, $3) RETURNING id
     ), step AS (
       INSERT INTO integration.saga_step (id, n, outbox_event_id, name, step_after)
       SELECT id, 1, gen_random_uuid(), 'order.placed', 'paying' FROM instance
     )
     INSERT INTO integration.saga_waiting (saga, key, position, event, wanted, until, token)
     VALUES ('order', $1, 1, $4, '{paid}', now() + interval '1 day', gen_random_uuid())`,
    [
      key,
      JSON.stringify([
        {
          eventName: 'stock.release',
          sourceModule: 'shop',
          aggregateType: 'order',
          aggregateId: key,
          payload: {},
        },
      ]),
      JSON.stringify({
        payment: { token: '00000000-0000-7000-8000-000000000009', at: '2126-11-25T20:00:00.000Z' },
      }),
      JSON.stringify({
        outboxEventId: '00000000-0000-7000-8000-000000000008',
        eventName: 'parcel.sent',
        payload: { id: 7 },
      }),
    ],
  );
}

/** A dead letter of the saga's consumer. */
export async function withDeadLetterOfSaga({ pool }: Pick<TestDatabase, 'pool'>): Promise<void> {
  await pool.query(
    `WITH event AS (
       INSERT INTO integration.outbox_event (id, event_name, source_module, aggregate_type, aggregate_id, payload, metadata)
       VALUES (gen_random_uuid(), 'order.paid', 'shop', 'order', $1, '{}', '{}') RETURNING id, position
     ), cursor AS (
       INSERT INTO integration.inbox_cursor (consumer_name, starts_at, unread, event_names) VALUES ('saga.order', 1, '{[1000,)}', '{order.paid}')
       ON CONFLICT DO NOTHING
     )
     INSERT INTO integration.inbox_event (outbox_event_id, position, consumer_name, aggregate_type, aggregate_id, status, last_error)
     SELECT id, position, 'saga.order', 'order', $1, 'dead_letter', 'boom' FROM event`,
    [SAGA.key],
  );
}
