import type { CredentialParts } from './connection-identity.js';
import type { IdleToken } from './idle-token.store.js';
import { refreshableOf } from './token-requests.js';

/** So many are asked for at once. */
const AT_ONCE = 5;

/**
 * Renews refresh tokens that nobody has used for long. One that fails is noted in its row, as every failure
 * is, and holds up no other.
 */
export async function renewIdleTokens(
  idle: readonly IdleToken[],
  { memory, refresher, endpoint, variables }: CredentialParts,
  stopping: AbortSignal,
): Promise<void> {
  const left = [...idle];
  const one = async () => {
    for (let next = left.shift(); next !== undefined && !stopping.aborted; next = left.shift()) {
      try {
        const refreshable = refreshableOf(await memory.get(next.tenantId, next.id), endpoint, variables());
        if (refreshable !== undefined) await refresher.renewIdle(refreshable);
      } catch {
        // Its row, its health and the log say why.
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, one));
}
