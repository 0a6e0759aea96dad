import { ADMIN_READ_LIMIT_MS } from './session-settings.store.js';

/** A session, by as much of it as is needed here. */
interface Session {
  query(sql: string): Promise<unknown>;
}

/** Is called first in a transaction. It can then only read. */
export async function onlyRead(session: Session): Promise<void> {
  await session.query('SET TRANSACTION READ ONLY');
}

/** Is called in a transaction. Its statements then end as soon as a read of an admin does. */
export async function limitRead(session: Session): Promise<void> {
  await session.query(`SET LOCAL statement_timeout = ${ADMIN_READ_LIMIT_MS}`);
}
