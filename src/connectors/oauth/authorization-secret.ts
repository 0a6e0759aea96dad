import { createHash } from 'node:crypto';
import { IntegrationError } from '../../errors.js';
import type { SecretName } from '../../secrets/secret.store.js';

const OWNER_TYPE = 'oauth_authorization';

/** The state is never stored: its hash finds the authorization. */
export function hashOfState(state: string): string {
  return createHash('sha256').update(state).digest('hex');
}

/** What only this application knows of an authorization. */
export interface AuthorizationSecret {
  readonly verifier: string;
  readonly nonce: string;
}

export function secretOfAuthorization(tenantId: string, stateHash: string): SecretName {
  return { tenantId, ownerType: OWNER_TYPE, ownerId: stateHash, name: 'verifier' };
}

export function textOfSecret({ verifier, nonce }: AuthorizationSecret): string {
  return JSON.stringify({ verifier, nonce });
}

export function secretOfText(text: string | undefined): AuthorizationSecret {
  const { verifier, nonce } = JSON.parse(text ?? '{}') as Partial<AuthorizationSecret>;
  if (typeof verifier === 'string' && typeof nonce === 'string') return { verifier, nonce };
  throw new IntegrationError('INTEGRATION_SECRET_UNREADABLE', 'The secret of the authorization is gone');
}
