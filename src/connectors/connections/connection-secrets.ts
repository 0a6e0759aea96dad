import type { SecretName, SecretOwner } from '../../secrets/secret.store.js';
import type { Connection } from './connection.js';

const OWNER_TYPE = 'connection';
/** Stands before the name of a secret of the connector, which may be called `token` as well. */
const OWN = 'secret:';
/** The tokens of the provider. Its versions are the generations. */
export const TOKEN = 'token';

type Owned = Pick<Connection, 'id' | 'tenantId'>;

/** Whose the secrets of a connection are. */
export function ownerOf({ id, tenantId }: Owned): SecretOwner {
  return { tenantId, ownerType: OWNER_TYPE, ownerId: id };
}

/** A secret that the schema of the connector names. */
export function secretOf(connection: Owned, name: string): SecretName {
  return { ...ownerOf(connection), name: OWN + name };
}

/** The tokens. */
export function tokenOf(connection: Owned): SecretName {
  return { ...ownerOf(connection), name: TOKEN };
}

/** The name in the schema of the connector. Undefined for the tokens. */
export function nameOfSecret({ name }: { readonly name: string }): string | undefined {
  return name.startsWith(OWN) ? name.slice(OWN.length) : undefined;
}
