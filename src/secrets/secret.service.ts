import { randomUUID } from 'node:crypto';
import { sqlStateOf } from '../database/connection/connection-loss.js';
import type { EngineSession } from '../database/engine-database.js';
import { IntegrationError } from '../errors.js';
import { checkText, invalidArgument } from '../events/argument-checks.js';
import { openSecret, sealSecret } from './sealed-secret.js';
import type { SecretName, SecretOwner, SecretWithKey } from './secret.store.js';
import type { SecretParts } from './secret-parts.js';

const LONGEST_VALUE = 65_536;
const LONGEST_OVERLAP_MS = 366 * 24 * 3_600_000;
const UNIQUE_VIOLATION = '23505';
/** How often a secret is sealed anew because its key, or its version, was changed meanwhile. */
const MOST_TRIES = 5;
/** The last characters of a shorter value are not shown, because they would be much of it. */
const SHORTEST_SHOWN = 16;

/** What everybody may see of a version of a secret. */
export interface SecretView {
  readonly name: string;
  readonly version: number;
  /** The last four characters. Null if the value is short, or if it cannot be opened. */
  readonly last4: string | null;
  readonly rotatedAt: Date;
  /** Until when an earlier version is valid. Null for the latest one. */
  readonly validUntil: Date | null;
}

/** A version of a secret that was opened. */
export interface OpenedSecret {
  readonly version: number;
  readonly value: string;
}

/**
 * Keeps secrets sealed. A secret enters through `store` and `rotate`, and leaves through `open`, which is for
 * whoever signs or verifies a request. Everything else shows `SecretView`.
 */
export class SecretService {
  constructor(private readonly parts: SecretParts) {}

  /**
   * Stores a secret. If there is one of this name already, the new value takes its place at once.
   *
   * @throws IntegrationError INTEGRATION_ADMIN_INVALID for a name or value that cannot be stored,
   *   INTEGRATION_KEY_MISSING if there is no key to seal it
   */
  store(of: SecretName, value: string): Promise<SecretView> {
    return this.rotate(of, value, { overlapMs: 0 });
  }

  /**
   * Stores a new version of a secret. The versions before it stay valid for `overlapMs`, so that whoever uses
   * them has the time to change.
   *
   * @throws as `store`
   */
  async rotate(
    of: SecretName,
    value: string,
    { overlapMs }: { readonly overlapMs: number },
  ): Promise<SecretView> {
    checkName(of);
    checkValue(value);
    if (!(overlapMs >= 0 && overlapMs <= LONGEST_OVERLAP_MS))
      throw invalidArgument('overlapMs must be a number of milliseconds from 0 to a year', {
        field: 'overlapMs',
      });
    for (let tries = 1; ; tries++) {
      const version = await this.add(of, value, overlapMs).catch((error) => {
        if (sqlStateOf(error) === UNIQUE_VIOLATION && tries < MOST_TRIES) return undefined;
        throw error;
      });
      const last4 = last4Of(value);
      if (version !== undefined)
        return { name: of.name, version, last4, rotatedAt: new Date(), validUntil: null };
      if (tries >= MOST_TRIES)
        throw invalidArgument('The keys of this tenant are changed all the time: try again', {});
    }
  }

  /**
   * The versions of a secret that are valid now, the latest first. A version that cannot be opened is left
   * out if there is another one.
   *
   * @throws IntegrationError INTEGRATION_SECRET_UNREADABLE if there are versions, and none can be opened
   */
  async open(of: SecretName): Promise<OpenedSecret[]> {
    checkName(of);
    const opened: OpenedSecret[] = [];
    let failed: IntegrationError | undefined;
    for (const row of await this.parts.secrets.valid(of)) {
      try {
        opened.push({ version: row.version, value: await openSecret(row, this.parts.keys) });
      } catch (error) {
        failed ??= error as IntegrationError;
      }
    }
    if (opened.length === 0 && failed !== undefined) throw failed;
    return opened;
  }

  /** What there is of an owner's secrets, by name, the latest version first. */
  async list(of: SecretOwner): Promise<SecretView[]> {
    checkOwner(of);
    const rows = await this.parts.secrets.valid(of);
    return Promise.all(rows.map((row) => this.viewOf(row)));
  }

  /** Deletes the secrets of an owner, or one of them. Resolves to how many versions there were. */
  remove(of: SecretOwner & { readonly name?: string }): Promise<number> {
    checkOwner(of);
    checkText('name', of.name, 127);
    return this.parts.secrets.remove(of);
  }

  /**
   * Erases all secrets of a tenant by deleting its keys. What a backup has of them cannot be opened without
   * the keys that the backup has as well.
   */
  async eraseTenant(tenantId: string): Promise<void> {
    checkText('tenantId', tenantId, 127);
    await this.parts.dataKeys.erase(tenantId);
  }

  /** One version, in one transaction. Undefined if the tenant's key was changed meanwhile. */
  private add(of: SecretName, value: string, overlapMs: number): Promise<number | undefined> {
    return this.parts.db.transaction(async (session: EngineSession) => {
      const { tenantId = '', ownerType, ownerId, name } = of;
      const key = await this.parts.keys.activeOf(session, tenantId);
      const version = await this.parts.secrets.nextVersion(session, of);
      const { dataKeyId } = key;
      const row = { id: randomUUID(), tenantId, ownerType, ownerId, name, version, dataKeyId };
      const sealed = sealSecret(row, key, value);
      if (!(await this.parts.secrets.add(session, { ...row, sealed }))) return undefined;
      await this.parts.secrets.endOthers(session, of, version, overlapMs);
      return version;
    });
  }

  private async viewOf(row: SecretWithKey): Promise<SecretView> {
    const { name, version, createdAt: rotatedAt, validUntil } = row;
    const last4 = await openSecret(row, this.parts.keys).then(last4Of, () => null);
    return { name, version, last4, rotatedAt, validUntil };
  }
}

function last4Of(value: string): string | null {
  return value.length < SHORTEST_SHOWN ? null : value.slice(-4);
}

function checkOwner({ tenantId, ownerType, ownerId }: SecretOwner): void {
  for (const [field, value, max] of [
    ['tenantId', tenantId ?? '', 127],
    ['ownerType', ownerType ?? null, 63],
    ['ownerId', ownerId ?? null, 255],
  ] as const)
    checkText(field, value, max);
}

function checkName(of: SecretName): void {
  checkOwner(of);
  checkText('name', of.name ?? null, 127);
}

/** The message does not contain the value. */
function checkValue(value: unknown): void {
  const isText = typeof value === 'string' && value.length > 0 && Buffer.byteLength(value) <= LONGEST_VALUE;
  if (!isText || Buffer.from(value).toString() !== value)
    throw invalidArgument(`The value of a secret must be a text of 1 to ${LONGEST_VALUE} bytes`, {
      field: 'value',
    });
}
