import type { TestDatabase } from './test-database.js';

/** What came of a rehearsal in which a handler has succeeded, as its process stores it. */
export const STORED_RESULT = {
  outcome: 'succeeded',
  error: null,
  reason: null,
  ms: 7,
  lines: [{ at: '2026-11-25T20:00:00.000Z', level: 'log', text: 'of 12345678901234567890' }],
  linesLeftOut: 0,
  keepsLines: true,
  published: [
    {
      outboxEventId: '00000000-0000-7000-8000-00000000000a',
      position: 7,
      eventName: 'invoice.created',
      eventVersion: 1,
      sourceModule: 'billing',
      aggregateType: 'invoice',
      aggregateId: 'i1',
      payload: '{"id": 12345678901234567890}',
      payloadBytes: 28,
    },
  ],
  hasMorePublished: false,
};

/** A process that says of itself that it has handlers of a consumer, and that was just seen. It runs nothing. */
export async function nameHandlingProcess({ pool }: TestDatabase, consumerName: string): Promise<void> {
  await pool.query(
    `INSERT INTO integration.integration_process (id, role, host, pid, handles, seen_at)
     VALUES ('00000000-0000-4000-8000-00000000000b', 'worker', 'elsewhere', 1, ARRAY[$1], now() + interval '1 hour')
     ON CONFLICT (id) DO UPDATE SET handles = excluded.handles, seen_at = excluded.seen_at`,
    [consumerName],
  );
}

/** Ends each rehearsal as soon as it is asked for, where no process of the test has a handler. */
export async function endRehearsalsAtOnce(database: TestDatabase): Promise<void> {
  await database.pool.query(`
    CREATE FUNCTION public.end_rehearsal() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      NEW.state := 'ended';
      NEW.result := '${JSON.stringify(STORED_RESULT)}';
      RETURN NEW;
    END $$;
    CREATE TRIGGER end_rehearsal BEFORE INSERT ON integration.integration_rehearsal
      FOR EACH ROW EXECUTE FUNCTION public.end_rehearsal()`);
}
