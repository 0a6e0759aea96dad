import { EngineConnectionFactory } from '../database/connection/engine-connection.js';
import { TestDatabaseStore } from './test-database.store.js';

const LEAVE_WITHIN_MS = 1_000;
const LOOK_EVERY_MS = 10;

/** Runs `work` on a connection of its own to the server at `url`. */
export async function onServer<R>(url: string, work: (store: TestDatabaseStore) => Promise<R>): Promise<R> {
  const connection = await new EngineConnectionFactory({ connectionString: url }).open(
    'nestjs-integration testing',
  );
  try {
    const store = new TestDatabaseStore(connection);
    await store.liftTimeouts();
    return await work(store);
  } finally {
    await connection.close();
  }
}

/**
 * Resolves when nobody else has a session in `database`, or in any database of the server if none is named,
 * and after a second at the latest. A pool of node-postgres says that it has ended before its sessions have.
 * If the server ended such a session, the pool would emit an error, which ends a process that does not listen
 * for it.
 */
export async function untilOthersLeft(store: TestDatabaseStore, database?: string): Promise<void> {
  const until = performance.now() + LEAVE_WITHIN_MS;
  while ((await store.hasOtherSessions(database)) && performance.now() < until)
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
}
