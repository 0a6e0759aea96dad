import { fromPostgresJs } from 'nestjs-integration/postgres-js';
import postgres from 'postgres';
import { PARTS_OF_INSERT_PLAIN_FROM_TEXT, plainValues } from '../plain-table.store.js';
import { type LibrarySession, POOL_MAX } from './library-session.js';

/** What a tagged template gives to its tag. */
const TEMPLATE: TemplateStringsArray = Object.assign([...PARTS_OF_INSERT_PLAIN_FROM_TEXT], {
  raw: PARTS_OF_INSERT_PLAIN_FROM_TEXT,
});

export async function open(url: string): Promise<LibrarySession> {
  const sql = postgres(url, { max: POOL_MAX, onnotice: () => {} });
  return {
    adapter: fromPostgresJs(sql),
    transaction: (write) => sql.begin(write),
    insertPlain: (tx, event) =>
      (tx as postgres.TransactionSql)(TEMPLATE, ...(plainValues(event) as string[])),
    close: () => sql.end({ timeout: 1 }),
  };
}
