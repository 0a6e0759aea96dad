import { AuditStore } from '../audit/audit.store.js';
import { authorOf, type ChangeAuthor } from '../audit/change-author.js';
import { IntegrationError } from '../errors.js';
import { checkText } from '../words/argument-checks.js';
import { openSecret } from './sealed-secret.js';
import { sealingTransaction } from './sealing-transaction.js';
import type { SecretName, SecretOwner, SecretWithKey } from './secret.store.js';
import {
  checkGiven,
  checkName,
  checkNewName,
  checkOverlap,
  checkOwner,
  checkValue,
} from './secret-checks.js';
import type { SecretParts } from './secret-parts.js';

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
    checkNewName(of);
    checkValue(value);
    checkOverlap(overlapMs);
    const version = await sealingTransaction(this.parts, this.parts.db, (_, add) =>
      add(of, value, overlapMs),
    );
    return { name: of.name, version, last4: last4Of(value), rotatedAt: new Date(), validUntil: null };
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
   * Erases all secrets of a tenant by deleting its keys, and notes that in the audit. What a backup has of
   * them cannot be opened without the keys that the backup has as well.
   *
   * @throws IntegrationError INTEGRATION_ADMIN_INVALID for a tenant that is not given
   */
  async eraseTenant(tenantId: string, author: ChangeAuthor = {}): Promise<void> {
    checkGiven('tenantId', tenantId, 127);
    const by = authorOf(author);
    const { db, dataKeys } = this.parts;
    await db.transaction(async (session) => {
      const erased = await dataKeys.erase(session, tenantId);
      if (erased.dataKeys === 0) return;
      const change = { action: 'secrets.erase', target: `tenant/${tenantId}`, affected: erased.secrets };
      await new AuditStore(db).add(session, by, change);
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
