import { createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import { IntegrationError } from '../../../errors.js';

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
/** A key that is not known has the keys fetched again, but not more often than this. */
const REST_MS = 30_000;
const FETCH_MS = 5_000;
const LARGEST_BYTES = 1_048_576;
const LOOPBACK = /^(localhost|127(\.\d+){3}|\[::1\])$/;

/**
 * The public keys of a sender. They are fetched when they are first needed, every ten minutes, and when a
 * token is signed by none of them. If a fetch fails, the keys that were fetched before stay good.
 *
 * A token whose key is not known is wrong only if the keys were asked for after the token had come. Until
 * then it may be signed by a key that was published a moment ago, so its sender is asked to repeat it.
 */
export class JwksKeys {
  private keys: readonly PlacedKey[] = [];
  /** When the keys that are known were asked for. */
  private askedAt = Number.NEGATIVE_INFINITY;
  private triedAt = Number.NEGATIVE_INFINITY;
  private fetching: Promise<void> | undefined;
  private readonly url: string | undefined;

  /** @throws IntegrationError INTEGRATION_OPTIONS_INVALID */
  constructor(source: string | KeySet) {
    if (typeof source === 'string') this.url = checkedUrl(source);
    else this.keys = checkedKeys(source);
  }

  /**
   * The key of this name that fits, or any key that fits where the token names none.
   *
   * @throws KeysUnavailable if that cannot be told now
   */
  async find(kid: string | undefined, fits: (key: KeyObject) => boolean): Promise<PlacedKey | undefined> {
    const { url } = this;
    if (url === undefined) return this.named(kid).find(({ key }) => fits(key));
    const cameAt = performance.now();
    if (cameAt - this.askedAt > GOOD_FOR_MS) {
      await this.fetch(url).catch((error: unknown) => {
        // Keys that are old are better than none.
        if (this.keys.length === 0) throw error;
      });
    }
    for (;;) {
      const named = this.named(kid);
      const found = named.find(({ key }) => fits(key));
      if (found !== undefined) return found;
      const isNameKnown = kid !== undefined && named.length > 0;
      if (isNameKnown || this.askedAt >= cameAt) return undefined;
      await this.fetch(url);
    }
  }

  private named(kid: string | undefined): readonly PlacedKey[] {
    return kid === undefined ? this.keys : this.keys.filter((key) => key.kid === kid);
  }

  /** @throws KeysUnavailable, also where the keys were asked for a moment ago */
  private fetch(url: string): Promise<void> {
    if (this.fetching !== undefined) return this.fetching;
    if (performance.now() - this.triedAt < REST_MS) return Promise.reject(new KeysUnavailable(url));
    this.fetching = this.fetchNow(url).finally(() => {
      this.fetching = undefined;
    });
    return this.fetching;
  }

  private async fetchNow(url: string): Promise<void> {
    const askedAt = performance.now();
    this.triedAt = askedAt;
    try {
      const response = await fetch(url, { redirect: 'error', signal: AbortSignal.timeout(FETCH_MS) });
      const keys = placed(JSON.parse(await textOf(response)) as KeySet);
      if (keys.length === 0) throw new Error('it holds no public key');
      this.keys = keys;
      this.askedAt = askedAt;
    } catch (error) {
      throw new KeysUnavailable(url, { cause: error });
    }
  }
}

/** The keys of a sender cannot be fetched now. The delivery is neither right nor wrong yet. */
export class KeysUnavailable extends Error {
  override readonly name = 'KeysUnavailable';

  constructor(url: string, options?: ErrorOptions) {
    const { origin } = new URL(url);
    super(
      options === undefined
        ? `No key at ${origin} fits a token. The keys were asked for a moment ago, and are not asked for again yet`
        : `The keys at ${origin} cannot be fetched`,
      options,
    );
  }
}

/** The text of an answer, of which no more is read than a set of keys may have. */
async function textOf(response: Response): Promise<string> {
  if (!response.ok) {
    await response.body?.cancel();
    throw new Error(`it was answered ${response.status}`);
  }
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of response.body ?? []) {
    bytes += piece.length;
    if (bytes > LARGEST_BYTES) throw new Error(`the answer has more than ${LARGEST_BYTES} bytes`);
    pieces.push(piece);
  }
  return new TextDecoder().decode(Buffer.concat(pieces));
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

/**
 * Who can change an answer on its way could give keys of their own. Nobody is between a machine and itself.
 */
function checkedUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isSafe = url?.protocol === 'https:' || (url?.protocol === 'http:' && LOOPBACK.test(url.hostname));
  if (!isSafe)
    throw refused('the URL of keys must begin with https://, or with http:// on the machine itself');
  if (url?.username !== '' || url.password !== '')
    throw refused('the URL of keys must not hold a name or a password');
  return text;
}

function checkedKeys(set: KeySet): PlacedKey[] {
  const keys = Array.isArray(set?.keys) ? placed(set) : [];
  if (keys.length === 0) throw refused('keys must be a URL, or a set with at least one public key');
  return keys;
}

/** The URL is not said, because it may hold what is secret. */
function refused(problem: string): IntegrationError {
  return new IntegrationError('INTEGRATION_OPTIONS_INVALID', `Tokens cannot be verified: ${problem}`, {
    problems: [problem],
  });
}
