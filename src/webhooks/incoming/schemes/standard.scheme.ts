import { type KeyObject, verify } from 'node:crypto';
import {
  headerProblem,
  NO_MATCH,
  type SignatureScheme,
  type Verification,
} from '../definitions/signature-scheme.js';
import { ed25519KeyOf } from './ed25519-keys.js';
import { decodeBase64, hmac, matchOf, unixTime } from './matching.js';

const VERSIONED = /^\w+,[^,\s]+$/;
const SECRET_PREFIX = 'whsec_';
const PUBLIC_KEY_PREFIX = 'whpk_';
/**
 * How many `v1a` signatures of one request are verified. During a rotation a sender writes one for each key,
 * so two or three. Each one costs a pass over the whole body, before anything is known of the sender.
 */
const MOST_OF_KEYS = 4;

/** In bytes. Standard Webhooks asks for 24, and honest senders may have a little less. */
const SHORTEST_KEY = 16;
/**
 * Polar shows such secrets, and signs with the bytes of this text. It cannot be base64, because of its `_`.
 */
const PLAIN_PREFIX = 'polar_whs_';

export interface StandardSchemeOptions {
  /**
   * Whether the key of a secret is its text as it stands, and not the bytes of its base64. Default: only for
   * secrets of Polar, which begin with `polar_whs_`.
   */
  readonly plainKeys?: boolean | undefined;
}

/**
 * Standard Webhooks: `v1` is HMAC-SHA256 with a secret `whsec_…`, `v1a` is Ed25519 with a public key
 * `whpk_…`. Both sign the id, the time and the body. A secret may also be written with its version, as
 * `v1,whsec_…`.
 *
 * https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
 *
 * @param prefix what the names of the headers begin with; Svix also sends `svix-`
 */
export function standardScheme(
  prefix: 'webhook' | 'svix' = 'webhook',
  { plainKeys = false }: StandardSchemeOptions = {},
): SignatureScheme {
  const [id, time, signature] = [`${prefix}-id`, `${prefix}-timestamp`, `${prefix}-signature`];
  return {
    name: `Standard Webhooks in ${prefix}-signature`,
    signsTime: true,
    secretKind: 'Standard Webhooks',
    isPublicKey,
    weaknessOfSecret: (secret) =>
      (symmetricKeyOf(secret, plainKeys)?.length ?? SHORTEST_KEY) < SHORTEST_KEY && !isPublicKey(secret)
        ? `the key of a secret of Standard Webhooks has 24 bytes or more, and one with fewer than ${SHORTEST_KEY} can be guessed`
        : undefined,
    problemOfSecret: (secret) =>
      isPublicKey(secret)
        ? publicKeyOf(secret) === undefined
          ? `${PUBLIC_KEY_PREFIX}… must be the base64 of 32 bytes, and no point of small order`
          : undefined
        : symmetricKeyOf(secret, plainKeys) === undefined
          ? `a secret of Standard Webhooks is ${SECRET_PREFIX} and base64, or ${PUBLIC_KEY_PREFIX} and base64`
          : undefined,
    verify({ headers, body }, secrets) {
      const { [id]: messageId, [time]: timestamp, [signature]: given } = headers;
      if (!messageId || !given) return headerProblem(`The headers ${id} and ${signature} are needed`);
      const signedAt = unixTime(timestamp);
      if (timestamp === undefined || signedAt === undefined)
        return headerProblem(`The header ${time} is not a time in seconds since 1970`);
      // A part that cannot be read says nothing of its neighbours. Node joins equal headers with a comma.
      const signatures = given
        .split(/\s+/)
        .map((each) => each.replace(/,$/, ''))
        .filter((each) => VERSIONED.test(each));
      if (signatures.length === 0)
        return headerProblem(`The header ${signature} is not a list of signatures such as v1,…`);
      const signed = Buffer.concat([Buffer.from(`${messageId}.${timestamp}.`), body]);
      const found = matchAny(signatures, secrets, signed, plainKeys);
      return found.ok ? { ...found, signedAt } : found;
    },
  };
}

function matchAny(
  given: readonly string[],
  secrets: readonly string[],
  signed: Buffer,
  plainKeys: boolean,
): Verification {
  const symmetric = matchOf(given, secrets, (secret) => {
    const key = isPublicKey(secret) ? undefined : symmetricKeyOf(secret, plainKeys);
    // No header holds this text, because it holds a space.
    return key === undefined ? ' ' : `v1,${hmac('sha256', key, 'base64', signed)}`;
  });
  if (symmetric.ok) return symmetric;
  const ofKeys = given.flatMap((each) => signatureOfKey(each) ?? []).slice(0, MOST_OF_KEYS);
  const asymmetric = secrets.findIndex((secret) => {
    const key = ofKeys.length === 0 ? undefined : publicKeyOf(secret);
    return key !== undefined && ofKeys.some((each) => verify(null, signed, key, each));
  });
  return asymmetric < 0 ? NO_MATCH : { ok: true, secret: asymmetric };
}

/** The bytes of a `v1a` signature. Undefined for another version, and for what cannot be one. */
function signatureOfKey(given: string): Buffer | undefined {
  const bytes = given.startsWith('v1a,') ? decodeBase64(given.slice(4)) : undefined;
  return bytes?.length === 64 ? bytes : undefined;
}

function isPublicKey(secret: string): boolean {
  return withoutVersion(secret).startsWith(PUBLIC_KEY_PREFIX);
}

/** Supabase shows its secrets with the version of the signatures. */
function withoutVersion(secret: string): string {
  return secret.replace(/^v1a?,(?=wh(?:sec|pk)_)/, '');
}

function symmetricKeyOf(secret: string, plainKeys: boolean): Buffer | undefined {
  if (plainKeys || secret.startsWith(PLAIN_PREFIX)) return Buffer.from(secret);
  const shown = withoutVersion(secret);
  const text = shown.startsWith(SECRET_PREFIX) ? shown.slice(SECRET_PREFIX.length) : shown;
  const key = decodeBase64(padded(text));
  return key === undefined || key.length === 0 ? undefined : key;
}

function publicKeyOf(secret: string): KeyObject | undefined {
  if (!isPublicKey(secret)) return undefined;
  const bytes = decodeBase64(padded(withoutVersion(secret).slice(PUBLIC_KEY_PREFIX.length)));
  return bytes === undefined ? undefined : ed25519KeyOf(bytes);
}

/** Some senders show their keys without the padding at the end. */
function padded(base64: string): string {
  return base64 + '='.repeat((4 - (base64.length % 4)) % 4);
}
