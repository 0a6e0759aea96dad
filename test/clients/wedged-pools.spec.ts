import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { DomainEvent, SubscriberContext } from '../../src/index.js';
import { startApp, type TestApp } from '../support/app.js';
import { gate } from '../support/gate.js';
import { inboxRows } from '../support/inbox-rows.js';
import { Recorder } from '../support/recorder.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { untilConsumerSettled } from '../support/until-settled.js';
import { LIBRARIES } from './libraries.js';
import type { TriedLibrary } from './tried-library.js';

/** Enough for all handlers to begin, also on a busy machine. */
const DEADLINE_MS = 2_000;

let database: TestDatabase;
const unhandled = new Recorder<unknown>();
const note = (reason: unknown) => unhandled.record(reason);

beforeAll(async () => {
  database = await createTestDatabase();
  process.on('unhandledRejection', note);
});
afterAll(async () => {
  process.off('unhandledRejection', note);
  await database?.drop();
});

/** The code of an error of ours, also where a library has put its own around it. */
function codeOf(error: unknown): unknown {
  const { code, cause, original } = error as { code?: unknown; cause?: unknown; original?: unknown };
  if (typeof code === 'string' && code.startsWith('INTEGRATION_')) return code;
  const inner = cause ?? original;
  return inner === undefined ? String(error) : codeOf(inner);
}

/** What the error says of the pool, as far as the library shows it. */
function causeOn(name: string): RegExp {
  if (name === 'Kysely') return /raise timeoutMs.*is not undone/;
  const waits = name.endsWith('postgres.js') ? 'may wait' : 'waits';
  return new RegExp(`the only connection .* that ${waits} for another one.*is not undone`);
}

describe.each(LIBRARIES)(
  'transactional handlers that hold the whole pool of %s and wait for more',
  (name, open) => {
    let library: TriedLibrary;
    let app: TestApp;
    const notes = async () => {
      const { rows } = await database.pool.query('SELECT note FROM effect WHERE consumer = $1', [name]);
      return rows;
    };

    it.each([1, 5, 10])('give it back at their deadline (a pool of %i)', async (size) => {
      library = await open(database.url, size);
      const entered = new Recorder<void>();
      const ended = new Recorder<unknown>();
      const all = gate();
      const consumerName = `${name} ${size}`;
      const write = (tx: object | undefined, note: string) =>
        library.adapter.query(tx, 'INSERT INTO effect (consumer, event_id, note) VALUES ($1, $2, $2)', [
          name,
          note,
        ]);
      app = await startApp(
        database,
        [
          {
            eventName: consumerName,
            consumerName,
            transactional: true,
            concurrency: size,
            timeoutMs: DEADLINE_MS,
            retry: { maxAttempts: 1 },
            handler: async (event: DomainEvent, { transaction, signal }: SubscriberContext) => {
              await write(transaction, 'in time');
              entered.record();
              await all.opened;
              // The mistake: this needs a connection of its own.
              await library.ask();
              expect(signal.aborted).toBe(true);
              const publishing = app.api.publishEvent(
                'late',
                'test',
                'thing',
                event.aggregateId,
                {},
                {
                  persistenceClient: transaction,
                },
              );
              for (const late of [write(transaction, 'late'), publishing])
                ended.record(await late.then(() => 'sent', codeOf));
              throw new Error('late as well');
            },
          },
        ],
        { client: library.adapter },
      );
      const events = Array.from({ length: size }, (_, i) => i);
      await database.pool.query(
        `INSERT INTO integration.outbox_event (event_name, source_module, aggregate_type, aggregate_id)
       SELECT $1, 'test', 'thing', n::text FROM unnest($2::int[]) AS n`,
        [consumerName, events],
      );
      await entered.first(size);
      all.open();

      await library.ask();
      const codes = await ended.first(2 * size);
      expect(new Set(codes)).toEqual(
        new Set(['INTEGRATION_TRANSACTION_ABORTED', 'INTEGRATION_CLIENT_INVALID']),
      );
      await untilConsumerSettled(database, consumerName);
      const dead = { status: 'dead_letter', attempts: 1 };
      const rows = await inboxRows(database, consumerName);
      expect(rows).toMatchObject(events.map(() => dead));
      // With one handler, nothing else decides at which moment its deadline finds the pool.
      if (size === 1) expect(rows[0]?.error).toMatch(causeOn(name));
      await app.close();
      await library.close();
      expect(await notes()).toEqual([]);
      expect(unhandled.all).toEqual([]);
    });
  },
);
