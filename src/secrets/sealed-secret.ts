import { IntegrationError, messageOf } from '../errors.js';
import type { DataKey, DataKeys } from './data-keys.js';
import { open, type SealedAs, seal } from './sealing.js';
import type { SecretRow, SecretWithKey } from './secret.store.js';

type Unsealed = Omit<SecretRow, 'sealed'>;

export function sealSecret(row: Unsealed, { key }: DataKey, value: string): string {
  return seal(key, Buffer.from(value), sealedAs(row)).toString('base64');
}

/**
 * Opens a secret.
 *
 * @throws IntegrationError INTEGRATION_SECRET_UNREADABLE if its key is missing, or if its bytes were changed
 *   or belong to another row
 */
export async function openSecret(row: SecretWithKey, keys: DataKeys): Promise<string> {
  try {
    return open(await keys.unwrap(row), Buffer.from(row.sealed, 'base64'), sealedAs(row)).toString();
  } catch (error) {
    const { id, tenantId, ownerType, ownerId, name, version, keyName } = row;
    throw new IntegrationError(
      'INTEGRATION_SECRET_UNREADABLE',
      `Version ${version} of the secret "${name}" of ${ownerType} ${JSON.stringify(ownerId)} (row ${id}, key "${keyName}") cannot be opened: ${messageOf(error)}. Give back the key, restore the row, or store the secret again`,
      { id, tenantId, ownerType, ownerId, name, version, keyName },
    );
  }
}

/** The row as it is authenticated: bytes of another row, tenant, purpose, version or key do not open. */
function sealedAs({ id, tenantId, ownerType, ownerId, name, version, dataKeyId }: Unsealed): SealedAs {
  return ['integration_secret', id, tenantId, ownerType, ownerId, name, version, dataKeyId];
}
