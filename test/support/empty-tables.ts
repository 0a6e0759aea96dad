/** What delivery reads and writes: the log, and the cursors, rows and replays of consumers. */
export const DELIVERY_TABLES = [
  'integration.outbox_event',
  'integration.inbox_cursor',
  'integration.inbox_event',
  'integration.inbox_replay',
] as const;

/** Anything that runs a statement: a pool, a connection, the engine's database. */
interface Asked {
  query(sql: string): Promise<unknown>;
}

/**
 * Deletes all rows of each table, one table after another, also while applications use them.
 *
 * TRUNCATE does not serve for this: it keeps readers out of several tables, and deadlocks with a statement that reads two
 * of them in another order. Here each transaction locks one table, in the mode that waits for writers and lets readers go
 * on. It waits for nothing once it has that lock, so that it is never part of a circle.
 */
export async function emptyTables(asked: Asked, ...tables: readonly string[]): Promise<void> {
  for (const table of tables) await asked.query(emptying(table));
}

/** The same, and what the tables number begins anew: the next event has position 1. */
export async function emptyTablesAnew(asked: Asked, ...tables: readonly string[]): Promise<void> {
  for (const table of tables)
    await asked.query(
      emptying(
        table,
        `PERFORM setval(s.seqrelid, s.seqstart, false) FROM pg_sequence s JOIN pg_depend d ON d.objid = s.seqrelid
         WHERE d.refobjid = '${table}'::regclass;`,
      ),
    );
}

function emptying(table: string, more = ''): string {
  return `DO $$ BEGIN LOCK TABLE ${table} IN EXCLUSIVE MODE; DELETE FROM ${table}; ${more} END $$`;
}
