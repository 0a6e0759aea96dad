import type { OpsSizes } from './arguments.js';
import * as sql from './big-database.store.js';

/** Where statements run: a database of the proof, or of a test. */
interface Filled {
  query(sql: string, values?: unknown[]): Promise<unknown>;
}

/** How much of everything; `kinds` are the kinds of failures. */
type Much = Pick<OpsSizes, 'events' | 'consumers' | 'dead' | 'full'> & { readonly kinds?: number };

/** Fills a database by the server's own means, and lets it know its statistics. */
export async function fillBigDatabase(
  database: Filled,
  { events, consumers, dead, full, kinds = 30 }: Much,
): Promise<void> {
  for (let from = 1; from <= events; from += sql.EVENTS_AT_ONCE) {
    await database.query(sql.INSERT_EVENTS, [from, Math.min(events, from + sql.EVENTS_AT_ONCE - 1), events]);
  }
  await database.query(sql.INSERT_CONSUMERS, [consumers, events]);
  await database.query(sql.INSERT_DEAD, [dead, consumers, events, kinds]);
  await database.query(sql.INSERT_EXCEPTIONS, [1_500, consumers, events]);
  await database.query(sql.INSERT_OPERATIONS, [full ? 5_000 : 1_000]);
  await database.query(sql.INSERT_AUDIT, [full ? 100_000 : 10_000]);
  await database.query(sql.INSERT_CHANGES, [full ? 10_000 : 1_000]);
  await database.query(sql.INSERT_SAMPLES, [full ? 7 * 24 * 60 : 60]);
  await database.query(sql.INSERT_WORK, [full ? 24 * 60 : 60]);
  await database.query(sql.INSERT_HOURS, [full ? 60 * 24 : 24]);
  await database.query(sql.INSERT_LINKS, [full ? 100_000 : 5_000]);
  await database.query(sql.VACUUM);
}
