import { sql } from 'drizzle-orm';
import { drizzle, type NodePgDatabase } from 'drizzle-orm/node-postgres';
import { fromDrizzle } from 'nestjs-integration/drizzle';
import { openPool } from '../pg-session.js';
import { PARTS_OF_INSERT_PLAIN, plainValues } from '../plain-table.store.js';
import { type LibrarySession, POOL_MAX } from './library-session.js';

const PARTS = PARTS_OF_INSERT_PLAIN.map((part) => sql.raw(part));

export async function open(url: string): Promise<LibrarySession> {
  const pool = openPool(url, POOL_MAX);
  const db = drizzle(pool);
  return {
    adapter: fromDrizzle(db),
    transaction: (write) => db.transaction(write),
    insertPlain: (tx, event) => {
      const values = plainValues(event);
      const chunks = PARTS.flatMap((part, i) => (i < values.length ? [part, sql`${values[i]}`] : [part]));
      return (tx as NodePgDatabase).execute(sql.join(chunks));
    },
    close: () => pool.end(),
  };
}
