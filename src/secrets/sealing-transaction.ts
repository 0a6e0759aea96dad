import { randomUUID } from 'node:crypto';
import { sqlStateOf } from '../database/connection/connection-loss.js';
import type { EngineDatabase } from '../database/engine-database.js';
import type { EngineSession } from '../database/sql/engine-session.js';
import { invalidArgument } from '../words/argument-checks.js';
import { KeyErased } from './data-keys.js';
import { sealSecret } from './sealed-secret.js';
import type { SecretName } from './secret.store.js';
import type { SecretParts } from './secret-parts.js';

const UNIQUE_VIOLATION = '23505';
/** How often a secret is sealed again because its key was erased, or its version was added, meanwhile. */
const MOST_TRIES = 5;

/**
 * Adds a version of a secret in the transaction. Resolves to the number of the version. `version` is for
 * owners that count the versions themselves, under a fence of their own: it must be above all earlier ones.
 */
export type AddSecret = (
  of: SecretName,
  value: string,
  overlapMs: number,
  version?: number,
) => Promise<number>;

/**
 * Runs a transaction that adds versions of secrets, and whatever else is to be committed with them. It runs
 * again if the key of a tenant was erased meanwhile, or if somebody else added the same version.
 */
export async function sealingTransaction<R>(
  parts: SecretParts,
  db: Pick<EngineDatabase, 'transaction'>,
  fn: (session: EngineSession, add: AddSecret) => Promise<R>,
): Promise<R> {
  for (let tries = 1; ; tries++) {
    try {
      return await db.transaction((session) =>
        fn(session, (...given) => addVersion(parts, session, ...given)),
      );
    } catch (error) {
      const isErased = error instanceof KeyErased;
      if (!isErased && sqlStateOf(error) !== UNIQUE_VIOLATION) throw error;
      if (tries < MOST_TRIES) continue;
      if (!isErased) throw error;
      throw invalidArgument('The keys of this tenant are erased all the time: try again', {});
    }
  }
}

async function addVersion(
  { keys, secrets }: SecretParts,
  session: EngineSession,
  of: SecretName,
  value: string,
  overlapMs: number,
  given?: number,
): Promise<number> {
  const { tenantId = '', ownerType, ownerId, name } = of;
  const key = await keys.activeOf(session, tenantId);
  const next = await secrets.nextVersion(session, of);
  const version = given ?? next;
  const { dataKeyId } = key;
  const row = { id: randomUUID(), tenantId, ownerType, ownerId, name, version, dataKeyId };
  await secrets.add(session, { ...row, sealed: sealSecret(row, key, value) });
  await secrets.endOthers(session, of, version, overlapMs);
  return version;
}
