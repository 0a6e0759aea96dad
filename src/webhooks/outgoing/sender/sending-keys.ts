import { openSecret } from '../../../secrets/sealed-secret.js';
import type { SecretParts } from '../../../secrets/secret-parts.js';
import { HEADER, ownerOf, SIGNING } from '../destinations/destination.store.js';

/** What signs and accompanies the deliveries of a destination. */
export interface SendingKeys {
  /** All secrets in force, the latest first. */
  readonly secrets: readonly string[];
  readonly headers: Readonly<Record<string, string>>;
}

interface Known {
  readonly keys: Promise<SendingKeys>;
  readonly at: number;
}

/** A secret that was rotated signs after so long at the latest, and one that has ended signs no longer. */
const KEPT_MS = 2_000;
const MOST_KEPT = 5_000;

/** Opens the secrets of destinations. They are kept in memory for two seconds. */
export class SendingKeyRing {
  private readonly known = new Map<string, Known>();

  constructor(private readonly parts: () => SecretParts) {}

  /**
   * @throws IntegrationError INTEGRATION_SECRET_UNREADABLE if none of the secrets, or a header, cannot be
   * opened
   */
  of(destination: { readonly id: string; readonly tenantId: string }): Promise<SendingKeys> {
    const now = performance.now();
    const known = this.known.get(destination.id);
    if (known !== undefined && now - known.at < KEPT_MS) return known.keys;
    if (this.known.size >= MOST_KEPT) this.known.clear();
    const keys = this.open(destination);
    this.known.set(destination.id, { keys, at: now });
    // The next one tries again. Who waits for this one gets the error.
    keys.catch(() => this.known.delete(destination.id));
    return keys;
  }

  private async open(destination: { readonly id: string; readonly tenantId: string }): Promise<SendingKeys> {
    const { secrets: store, keys } = this.parts();
    const secrets: string[] = [];
    const headers: Record<string, string> = {};
    let failed: unknown;
    for (const row of await store.valid(ownerOf(destination))) {
      if (row.name === SIGNING)
        await openSecret(row, keys).then(
          (value) => secrets.push(value),
          (error: unknown) => {
            failed ??= error;
          },
        );
      else if (row.name.startsWith(HEADER))
        headers[row.name.slice(HEADER.length)] ??= await openSecret(row, keys);
    }
    if (secrets.length === 0 && failed !== undefined) throw failed;
    return { secrets, headers };
  }
}
