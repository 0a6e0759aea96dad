import { messageOf } from '../../errors.js';
import { openSecret } from '../../secrets/sealed-secret.js';
import type { Connection } from '../connections/connection.js';
import { TokenStore } from '../credentials/token.store.js';
import { tokensOfText } from '../credentials/token-text.js';
import { hasTokenEndpoint } from '../definition/connector-auth.js';
import { resolvedProvider } from '../oauth/resolved-provider.js';
import type { TenantParts } from './tenant-parts.js';

const REVOKE_MS = 10_000;

/**
 * Tells the provider that a grant is over. Resolves to why it was not told, or to null. The end of a refresh
 * token ends its grant, and where there is none the access token ends.
 */
export async function revokeAtProvider(connection: Connection, parts: TenantParts): Promise<string | null> {
  const { memory, registry, db, endpoint } = parts;
  try {
    const { connector, secrets, config } = await memory.read(connection.tenantId, connection.id);
    const { auth } = connector;
    if (!hasTokenEndpoint(auth) || auth.options.revocationEndpoint === undefined) return null;
    const stored = await new TokenStore(db).read(connection);
    if (stored?.secret === undefined) return null;
    const text = await openSecret(stored.secret, parts.secrets.keys);
    const { refreshToken, accessToken } = tokensOfText(text, connection.id);
    const provider = resolvedProvider(auth, { variables: registry.variables, secrets, config });
    const signal = AbortSignal.timeout(REVOKE_MS);
    return (await endpoint.revoke(provider, refreshToken ?? accessToken, signal)) ?? null;
  } catch (error) {
    return messageOf(error);
  }
}
