import { pageOf } from '../words/page-of.js';
import { openSecret } from './sealed-secret.js';
import type { SecretPlace, SecretWithKey } from './secret.store.js';
import type { SecretParts } from './secret-parts.js';

/** A version of a secret, as people who operate the application see it. */
export interface ListedVersion {
  readonly version: number;
  readonly createdAt: Date;
  /** Until when an earlier version is valid. Null for the latest one. */
  readonly validUntil: Date | null;
  /** The name of the key that wraps its data key. */
  readonly keyName: string;
  /** Whether this process can open it. */
  readonly readable: boolean;
}

/** A secret with all its versions that are kept, the latest first. */
export interface ListedSecret {
  readonly tenantId: string;
  readonly ownerType: string;
  readonly ownerId: string;
  readonly name: string;
  /** When the latest version was stored. */
  readonly rotatedAt: Date;
  readonly versions: readonly ListedVersion[];
}

export interface SecretList {
  readonly items: readonly ListedSecret[];
  /** The place behind which the next page begins. Null on the last page. */
  readonly next: SecretPlace | null;
}

/**
 * Says which secrets there are. It opens each version to see whether that can be done, and shows nothing of
 * what it finds: neither a part of the value, nor the sealed bytes.
 */
export class SecretLook {
  constructor(private readonly parts: SecretParts) {}

  /** A page of the secrets of a tenant, or of all tenants. */
  async list(tenantId: string | undefined, limit: number, after?: SecretPlace): Promise<SecretList> {
    const secrets = bySecret(await this.parts.secrets.behind(tenantId, after, limit + 1));
    const { rows: shown, next } = pageOf(secrets, limit, ([newest]) => placeOf(newest));
    const items: ListedSecret[] = [];
    for (const versions of shown) items.push(await this.look(versions));
    return { items, next };
  }

  private async look(rows: Versions): Promise<ListedSecret> {
    const [{ tenantId, ownerType, ownerId, name, createdAt: rotatedAt }] = rows;
    const versions: ListedVersion[] = [];
    for (const row of rows) {
      const { version, createdAt, validUntil, keyName } = row;
      const readable = await openSecret(row, this.parts.keys).then(
        () => true,
        () => false,
      );
      versions.push({ version, createdAt, validUntil, keyName, readable });
    }
    return { tenantId, ownerType, ownerId, name, rotatedAt, versions };
  }
}

type Versions = [SecretWithKey, ...SecretWithKey[]];

/** The rows of each secret, which stand one behind the other. */
function bySecret(rows: readonly SecretWithKey[]): Versions[] {
  const secrets: Versions[] = [];
  for (const row of rows) {
    const latest = secrets.at(-1);
    if (latest !== undefined && isSame(placeOf(latest[0]), placeOf(row))) latest.push(row);
    else secrets.push([row]);
  }
  return secrets;
}

function placeOf({ tenantId, ownerType, ownerId, name }: SecretWithKey): SecretPlace {
  return [tenantId, ownerType, ownerId, name];
}

function isSame(one: SecretPlace, other: SecretPlace): boolean {
  return one.every((part, index) => part === other[index]);
}
