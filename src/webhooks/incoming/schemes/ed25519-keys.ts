import { createPublicKey, type KeyObject } from 'node:crypto';

/** What stands before the 32 bytes of an Ed25519 key in its DER form. */
const DER = Buffer.from('302a300506032b6570032100', 'hex');

/**
 * The y of the eight points of small order, in the bytes of a key without the sign bit, and the two larger
 * spellings of 0 and 1. For such a key anybody can make a signature that fits, because S times the base point
 * may be 0. OpenSSL takes them.
 */
const SMALL_ORDER: ReadonlySet<string> = new Set([
  `00${'00'.repeat(31)}`,
  `01${'00'.repeat(31)}`,
  `ec${'ff'.repeat(30)}7f`,
  `ed${'ff'.repeat(30)}7f`,
  `ee${'ff'.repeat(30)}7f`,
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
]);

/** The key of these 32 bytes. Undefined if there is none that proves anything. */
export function ed25519KeyOf(bytes: Buffer): KeyObject | undefined {
  if (bytes.length !== 32 || isSmall(bytes)) return undefined;
  return createPublicKey({ key: Buffer.concat([DER, bytes]), format: 'der', type: 'spki' });
}

/** Whether anybody can make a signature that fits this key of Ed25519. */
export function hasSmallOrder(key: KeyObject): boolean {
  return isSmall(Buffer.from(String(key.export({ format: 'jwk' }).x), 'base64url'));
}

function isSmall(bytes: Buffer): boolean {
  const y = Buffer.from(bytes);
  y[31] = (y[31] ?? 0) & 0x7f;
  return SMALL_ORDER.has(y.toString('hex'));
}
