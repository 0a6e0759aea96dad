import type { SqlClient } from 'nestjs-integration';

/** What the handlers of a saga did. There is no unique key: a second step would be seen. */
export const JOURNAL_TABLE =
  'CREATE TABLE walk_journal (at bigserial PRIMARY KEY, key text NOT NULL, what text NOT NULL)';

/** What a handler did, in its transaction. */
export function writeJournal(transaction: SqlClient, key: string, what: string): PromiseLike<number> {
  return transaction.$executeRawUnsafe('INSERT INTO walk_journal (key, what) VALUES ($1, $2)', key, what);
}
