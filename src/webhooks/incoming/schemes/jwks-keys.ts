import { createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import { IntegrationError } from '../../../errors.js';
import {
  type CheckedNetworkRules,
  checkNetworkRules,
  hostOf,
  type NetworkRules,
} from '../../../http/network-rules.js';
import type { OutgoingAnswer } from '../../../http/outgoing-answer.js';
import { OutgoingHttp } from '../../../http/outgoing-http.js';
import { portOf } from '../../../http/refused-url.js';

/** A JSON Web Key Set. */
export interface KeySet {
  readonly keys: readonly (JsonWebKey & { readonly kid?: string })[];
}

/** How keys are fetched. */
export interface KeyFetching {
  readonly network?: Pick<NetworkRules, 'ca' | 'proxy'> | undefined;
  /** Milliseconds that the whole answer may take. */
  readonly timeoutMs?: number | undefined;
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
  private readonly place: KeyPlace | undefined;

  /** @throws IntegrationError INTEGRATION_OPTIONS_INVALID */
  constructor(source: string | KeySet, fetching: KeyFetching = {}) {
    if (typeof source === 'string') this.place = placeOf(source, fetching);
    else this.keys = checkedKeys(source);
  }

  /**
   * The key of this name that fits, or any key that fits where the token names none.
   *
   * @throws KeysUnavailable if that cannot be told now
   */
  async find(kid: string | undefined, fits: (key: KeyObject) => boolean): Promise<PlacedKey | undefined> {
    const { place } = this;
    if (place === undefined) return this.named(kid).find(({ key }) => fits(key));
    const cameAt = performance.now();
    if (cameAt - this.askedAt > GOOD_FOR_MS) {
      await this.fetch(place).catch((error: unknown) => {
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
      await this.fetch(place);
    }
  }

  private named(kid: string | undefined): readonly PlacedKey[] {
    return kid === undefined ? this.keys : this.keys.filter((key) => key.kid === kid);
  }

  /** @throws KeysUnavailable, also where the keys were asked for a moment ago */
  private fetch(place: KeyPlace): Promise<void> {
    if (this.fetching !== undefined) return this.fetching;
    if (performance.now() - this.triedAt < REST_MS) return Promise.reject(new KeysUnavailable(place.url));
    this.fetching = this.fetchNow(place).finally(() => {
      this.fetching = undefined;
    });
    return this.fetching;
  }

  private async fetchNow(place: KeyPlace): Promise<void> {
    const askedAt = performance.now();
    this.triedAt = askedAt;
    try {
      const keys = placed(JSON.parse(textOf(await answerOf(place))) as KeySet);
      if (keys.length === 0) throw new Error('it holds no public key');
      this.keys = keys;
      this.askedAt = askedAt;
    } catch (error) {
      throw new KeysUnavailable(place.url, { cause: error });
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

/** Where keys are fetched. */
interface KeyPlace {
  readonly url: string;
  readonly rules: CheckedNetworkRules;
  readonly timeoutMs: number;
}

/**
 * The developer of the application writes the URL, so its host may be anywhere, also in an inner network. No
 * other host is reached, because redirects are not followed.
 *
 * @throws IntegrationError INTEGRATION_OPTIONS_INVALID
 */
function placeOf(text: string, { network = {}, timeoutMs = FETCH_MS }: KeyFetching): KeyPlace {
  const url = checkedUrl(text);
  const http = url.protocol === 'http:';
  const rules = checkNetworkRules({ ...network, allow: [hostOf(url)], http, ports: [portOf(url)] });
  return { url: text, rules, timeoutMs };
}

/** The keys are asked for too seldom for a connection to be kept. */
async function answerOf({ url, rules, timeoutMs }: KeyPlace): Promise<OutgoingAnswer> {
  const http = new OutgoingHttp(rules);
  try {
    return await http.sendRequest({
      url,
      method: 'GET',
      headers: { accept: 'application/json, */*' },
      deadlines: { wholeMs: timeoutMs },
      answerBytes: LARGEST_BYTES,
    });
  } finally {
    http.close();
  }
}

/** The text of an answer. An answer with more bytes than a set of keys may have is refused. */
function textOf(answer: OutgoingAnswer): string {
  if (answer.is === 'failed') throw new Error(answer.message);
  const { status, body, isCut } = answer;
  if (status < 200 || status > 299) throw new Error(`it was answered ${status}`);
  if (isCut) throw new Error(`the answer has more than ${LARGEST_BYTES} bytes`);
  return new TextDecoder().decode(body);
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
function checkedUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isSafe = url?.protocol === 'https:' || (url?.protocol === 'http:' && LOOPBACK.test(url.hostname));
  if (url === undefined || !isSafe)
    throw refused('the URL of keys must begin with https://, or with http:// on the machine itself');
  if (url.username !== '' || url.password !== '')
    throw refused('the URL of keys must not hold a name or a password');
  return url;
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
