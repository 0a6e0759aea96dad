import type { EngineDatabase } from '../../database/engine-database.js';
import type { EngineSession } from '../../database/sql/engine-session.js';
import { SecretStore } from '../../secrets/secret.store.js';
import { AuthorizationStore } from './authorization.store.js';
import { secretOfAuthorization } from './authorization-secret.js';

/**
 * Deletes authorizations that nobody has completed in time, with their secrets. Returns whether there may be
 * more.
 */
export async function deleteOverAuthorizations(
  session: EngineSession,
  db: EngineDatabase,
  most: number,
): Promise<boolean> {
  const over = await new AuthorizationStore(db).removeOver(session, most);
  const secrets = new SecretStore(db);
  for (const { tenantId, stateHash } of over)
    await secrets.remove(secretOfAuthorization(tenantId, stateHash), session);
  return over.length >= most;
}
