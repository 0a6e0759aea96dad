import type { ConnectorAuth } from '../definition/connector-auth.js';

/** Whether a connection gets its first token by itself, without a person. */
export function getsTokens(auth: ConnectorAuth): boolean {
  return auth.mode === 'clientCredentials' || (auth.mode === 'custom' && auth.options.refresh !== undefined);
}
