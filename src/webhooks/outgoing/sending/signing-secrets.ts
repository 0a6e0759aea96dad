import {
  createHmac,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
} from 'node:crypto';
import { invalidArgument } from '../../../words/argument-checks.js';

/**
 * `v1`: HMAC-SHA256 with a secret that both sides have. `v1a`: Ed25519, where receivers have a public key.
 */
export type DestinationSigning = 'v1' | 'v1a';

const SHARED = 'whsec_';
const PRIVATE = 'whsk_';
const PUBLIC = 'whpk_';
/** What stands before the 32 bytes of a private key of Ed25519 in PKCS #8. */
const PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex');
const SEED_BYTES = 32;
const SHORTEST_SHARED = 24;
const LONGEST_SHARED = 64;

export interface SigningSecret {
  readonly value: string;
  /** Whether it was made here. */
  readonly isNew: boolean;
}

/**
 * The secret of a destination: what the caller gives, or a new one.
 *
 * @throws IntegrationError INTEGRATION_ADMIN_INVALID, without the value
 */
export function signingSecretFor(signing: DestinationSigning, given: string | undefined): SigningSecret {
  if (given === undefined) return { value: newSigningSecret(signing), isNew: true };
  checkSigningSecret(signing, given);
  return { value: given, isNew: false };
}

/** The signature of a text, with its version in front, by the secret of a destination. */
export function signatureOf(secret: string, text: string): string {
  if (secret.startsWith(PRIVATE))
    return `v1a,${sign(null, Buffer.from(text), privateKeyOf(keyBytes(secret, PRIVATE))).toString('base64')}`;
  return `v1,${createHmac('sha256', keyBytes(secret, SHARED)).update(text).digest('base64')}`;
}

/** The key with which receivers verify what a private key signs. */
export function publicKeyOf(secret: string): string {
  return PUBLIC + publicBytesOf(privateKeyOf(keyBytes(secret, PRIVATE))).toString('base64');
}

/** A new secret, as Standard Webhooks writes it. */
function newSigningSecret(signing: DestinationSigning): string {
  if (signing === 'v1') return SHARED + randomBytes(32).toString('base64');
  const { privateKey } = generateKeyPairSync('ed25519');
  const seed = privateKey.export({ format: 'der', type: 'pkcs8' }).subarray(-SEED_BYTES);
  return PRIVATE + Buffer.concat([seed, publicBytesOf(privateKey)]).toString('base64');
}

function checkSigningSecret(signing: DestinationSigning, secret: unknown): void {
  const bytes = bytesOf(secret, signing === 'v1' ? SHARED : PRIVATE);
  const isUsable =
    bytes !== undefined &&
    (signing === 'v1'
      ? bytes.length >= SHORTEST_SHARED && bytes.length <= LONGEST_SHARED
      : isPrivateKey(bytes));
  if (isUsable) return;
  throw invalidArgument(
    signing === 'v1'
      ? `secret must be ${SHARED} and the base64 of ${SHORTEST_SHARED} to ${LONGEST_SHARED} bytes`
      : `secret must be ${PRIVATE} and the base64 of a private key of Ed25519, of 32 or 64 bytes`,
    { field: 'secret' },
  );
}

function bytesOf(secret: unknown, prefix: string): Buffer | undefined {
  if (typeof secret !== 'string' || !secret.startsWith(prefix)) return undefined;
  const text = secret.slice(prefix.length);
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64').replace(/=+$/, '') === text.replace(/=+$/, '') ? bytes : undefined;
}

/** The key of a secret that was checked when it was stored. */
function keyBytes(secret: string, prefix: string): Buffer {
  return Buffer.from(secret.slice(prefix.length), 'base64');
}

/** Some libraries write the public key behind the private one. */
function isPrivateKey(bytes: Buffer): boolean {
  if (bytes.length === SEED_BYTES) return true;
  if (bytes.length !== 2 * SEED_BYTES) return false;
  return publicBytesOf(privateKeyOf(bytes)).equals(bytes.subarray(SEED_BYTES));
}

function privateKeyOf(bytes: Buffer): KeyObject {
  return createPrivateKey({
    key: Buffer.concat([PKCS8, bytes.subarray(0, SEED_BYTES)]),
    format: 'der',
    type: 'pkcs8',
  });
}

function publicBytesOf(key: KeyObject): Buffer {
  return createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(-SEED_BYTES);
}
