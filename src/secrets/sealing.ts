import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

/** The first byte of everything that is sealed. */
const FORMAT = 1;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const HEAD_BYTES = 1 + NONCE_BYTES + TAG_BYTES;
/** The bytes of a key of AES-256. */
export const KEY_BYTES = 32;

/**
 * Says what the sealed bytes are. They can be opened only as that. The texts are written as JSON, so no two
 * lists of texts are the same bytes.
 */
export type SealedAs = readonly (string | number)[];

/**
 * Seals bytes with AES-256-GCM: format, random nonce, tag, ciphertext. A data key seals far fewer texts than
 * the 2^32 for which random nonces of 96 bits are safe.
 */
export function seal(key: Buffer, plain: Buffer, as: SealedAs): Buffer {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(bytesOf(as));
  const sealed = Buffer.concat([cipher.update(plain), cipher.final()]);
  return Buffer.concat([Buffer.of(FORMAT), nonce, cipher.getAuthTag(), sealed]);
}

/** Throws if the bytes were sealed with another key, as something else, or were changed. */
export function open(key: Buffer, sealed: Buffer, as: SealedAs): Buffer {
  if (sealed.length < HEAD_BYTES || sealed[0] !== FORMAT) throw new Error('these bytes were not sealed here');
  const nonce = sealed.subarray(1, 1 + NONCE_BYTES);
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES });
  decipher.setAAD(bytesOf(as));
  decipher.setAuthTag(sealed.subarray(1 + NONCE_BYTES, HEAD_BYTES));
  return Buffer.concat([decipher.update(sealed.subarray(HEAD_BYTES)), decipher.final()]);
}

function bytesOf(as: SealedAs): Buffer {
  return Buffer.from(JSON.stringify(as));
}
