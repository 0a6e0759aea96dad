import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import { headerProblem, NO_MATCH, type SignatureScheme, type Verification } from '../signature-scheme.js';
import { decodeBase64, hmac, matchOf, unixTime } from './matching.js';

const VERSIONED = /^\w+,[^,\s]+$/;
const SECRET_PREFIX = 'whsec_';
const PUBLIC_KEY_PREFIX = 'whpk_';
/**
 * How many `v1a` signatures of one request are verified. During a rotation a sender writes one for each key, so
 * two or three. Each one costs a pass over the whole body, before anything is known of the sender.
 */
const MOST_OF_KEYS = 4;
/** What stands before the 32 bytes of an Ed25519 key in its DER form. */
export const ED25519_DER = Buffer.from('302a300506032b6570032100', 'hex');

/**
 * Standard Webhooks: `v1` is HMAC-SHA256 with a secret `whsec_…`, `v1a` is Ed25519 with a public key
 * `whpk_…`. Both sign the id, the time and the body.
 *
 * https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
 *
 * @param prefix what the names of the headers begin with; Svix also sends `svix-`
 */
export function standardScheme(prefix: 'webhook' | 'svix' = 'webhook'): SignatureScheme {
  const [id, time, signature] = [`${prefix}-id`, `${prefix}-timestamp`, `${prefix}-signature`];
  return {
    name: `Standard Webhooks in ${prefix}-signature`,
    signsTime: true,
    secretKind: 'Standard Webhooks',
    isPublicKey: (secret) => secret.startsWith(PUBLIC_KEY_PREFIX),
    problemOfSecret: (secret) =>
      secret.startsWith(PUBLIC_KEY_PREFIX)
        ? publicKeyOf(secret) === undefined
          ? `${PUBLIC_KEY_PREFIX}… must be the base64 of 32 bytes`
          : undefined
        : symmetricKeyOf(secret) === undefined
          ? `a secret of Standard Webhooks is ${SECRET_PREFIX} and base64, or ${PUBLIC_KEY_PREFIX} and base64`
          : undefined,
    verify({ headers, body }, secrets) {
      const { [id]: messageId, [time]: timestamp, [signature]: given } = headers;
      if (!messageId || !given) return headerProblem(`The headers ${id} and ${signature} are needed`);
      const signedAt = unixTime(timestamp);
      if (timestamp === undefined || signedAt === undefined)
        return headerProblem(`The header ${time} is no time in seconds since 1970`);
      const signatures = given.split(' ');
      if (!signatures.every((each) => VERSIONED.test(each)))
        return headerProblem(`The header ${signature} is no list of signatures such as v1,…`);
      const signed = Buffer.concat([Buffer.from(`${messageId}.${timestamp}.`), body]);
      const found = matchAny(signatures, secrets, signed);
      return found.ok ? { ...found, signedAt } : found;
    },
  };
}

function matchAny(given: readonly string[], secrets: readonly string[], signed: Buffer): Verification {
  const symmetric = matchOf(given, secrets, (secret) => {
    const key = secret.startsWith(PUBLIC_KEY_PREFIX) ? undefined : symmetricKeyOf(secret);
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

function symmetricKeyOf(secret: string): Buffer | undefined {
  const text = secret.startsWith(SECRET_PREFIX) ? secret.slice(SECRET_PREFIX.length) : secret;
  const key = decodeBase64(padded(text));
  return key === undefined || key.length === 0 ? undefined : key;
}

function publicKeyOf(secret: string): KeyObject | undefined {
  if (!secret.startsWith(PUBLIC_KEY_PREFIX)) return undefined;
  const bytes = decodeBase64(padded(secret.slice(PUBLIC_KEY_PREFIX.length)));
  if (bytes?.length !== 32) return undefined;
  return createPublicKey({ key: Buffer.concat([ED25519_DER, bytes]), format: 'der', type: 'spki' });
}

/** Some senders show their keys without the padding at the end. */
function padded(base64: string): string {
  return base64 + '='.repeat((4 - (base64.length % 4)) % 4);
}
