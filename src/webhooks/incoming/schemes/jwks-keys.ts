import { createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto';

/** A JSON Web Key Set. */
export interface KeySet {
  readonly keys: readonly (JsonWebKey & { readonly kid?: string })[];
}

interface PlacedKey {
  readonly key: KeyObject;
  readonly kid: string | undefined;
  readonly place: number;
}

const GOOD_FOR_MS = 600_000;
/** A key that is not known has the keys fetched anew, but not more often than this. */
const REST_MS = 30_000;
const FETCH_MS = 5_000;
const LARGEST_BYTES = 1_048_576;

/**
 * The public keys of a sender. They are fetched when they are first needed, every ten minutes, and when a
 * token names a key that is not among them. If a fetch fails, the keys that were fetched before stay good.
 */
export class JwksKeys {
  private keys: readonly PlacedKey[];
  private fetchedAt = Number.NEGATIVE_INFINITY;
  private triedAt = Number.NEGATIVE_INFINITY;
  private fetching: Promise<void> | undefined;

  constructor(private readonly source: string | KeySet) {
    this.keys = typeof source === 'string' ? [] : placed(source);
  }

  /** The keys of this name, or all where the token names none. */
  async of(kid: string | undefined): Promise<readonly PlacedKey[]> {
    if (typeof this.source !== 'string') return this.named(kid);
    if (performance.now() - this.fetchedAt > GOOD_FOR_MS) await this.fetch(this.source);
    if (this.named(kid).length === 0) await this.fetch(this.source);
    return this.named(kid);
  }

  private named(kid: string | undefined): readonly PlacedKey[] {
    return kid === undefined ? this.keys : this.keys.filter((key) => key.kid === kid);
  }

  private fetch(url: string): Promise<void> {
    if (performance.now() - this.triedAt < REST_MS && this.fetching === undefined) return Promise.resolve();
    this.fetching ??= this.fetchNow(url).finally(() => {
      this.fetching = undefined;
    });
    return this.fetching;
  }

  private async fetchNow(url: string): Promise<void> {
    this.triedAt = performance.now();
    try {
      const response = await fetch(url, { redirect: 'error', signal: AbortSignal.timeout(FETCH_MS) });
      const text = await response.text();
      if (!response.ok || text.length > LARGEST_BYTES) throw new Error(`it was answered ${response.status}`);
      this.keys = placed(JSON.parse(text) as KeySet);
      this.fetchedAt = performance.now();
    } catch (error) {
      // The sender repeats its delivery if there is no key to verify it with.
      if (this.keys.length === 0) throw new KeysUnavailable(url, { cause: error });
    }
  }
}

/** The keys of a sender cannot be fetched. The delivery is neither right nor wrong yet. */
export class KeysUnavailable extends Error {
  override readonly name = 'KeysUnavailable';

  constructor(url: string, options: ErrorOptions) {
    super(`The keys at ${new URL(url).origin} cannot be fetched`, options);
  }
}

function placed({ keys }: KeySet): PlacedKey[] {
  return keys.flatMap((jwk, place) => {
    const key = publicKeyOf(jwk);
    return key === undefined ? [] : [{ key, kid: jwk.kid, place }];
  });
}

function publicKeyOf(jwk: JsonWebKey): KeyObject | undefined {
  try {
    return createPublicKey({ key: jwk, format: 'jwk' });
  } catch {
    return undefined;
  }
}
