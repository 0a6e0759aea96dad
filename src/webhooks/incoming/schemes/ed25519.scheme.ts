import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import type { RawWebhookRequest } from '../definitions/raw-request.js';
import { headerProblem, NO_MATCH, type SignatureScheme } from '../definitions/signature-scheme.js';
import { ed25519KeyOf, hasSmallOrder } from './ed25519-keys.js';
import { decodeBase64, joined, signedTime } from './matching.js';

export interface Ed25519SchemeOptions {
  /** The header with the signature. */
  readonly header: string;
  /** How signature and keys are written. A key may also be PEM. Default: `hex`. */
  readonly encoding?: 'hex' | 'base64' | undefined;
  /** The header with the time, if it is signed: seconds or milliseconds since 1970, or ISO 8601. */
  readonly timestampHeader?: string | undefined;
  /** What is signed, in order. Default: the time, if there is one, and the body. */
  readonly signed?:
    | ((request: RawWebhookRequest, timestamp: string) => readonly (string | Buffer)[])
    | undefined;
}

/** Ed25519. The secrets of the source are public keys. */
export function ed25519Scheme(options: Ed25519SchemeOptions): SignatureScheme {
  const { header, encoding = 'hex', timestampHeader } = options;
  const { signed = ({ body }, timestamp) => [timestamp, body] } = options;
  return {
    name: `Ed25519 in ${header}`,
    signsTime: timestampHeader !== undefined,
    secretKind: `Ed25519 public key in ${encoding}`,
    isPublicKey: (secret) => publicKeyOf(secret, encoding) !== undefined,
    problemOfSecret: (secret) =>
      publicKeyOf(secret, encoding) === undefined
        ? `an Ed25519 public key is 32 bytes in ${encoding}, or PEM, and no point of small order`
        : undefined,
    verify(request, secrets) {
      const given = request.headers[header.toLowerCase()];
      if (given === undefined) return headerProblem(`The header ${header} is missing`);
      const signature = decode(given, encoding);
      if (signature?.length !== 64)
        return headerProblem(`The header ${header} is not a signature in ${encoding}`);
      const time = timestampHeader === undefined ? '' : request.headers[timestampHeader.toLowerCase()];
      const signedAt = signedTime(time);
      if (time === undefined || (timestampHeader !== undefined && signedAt === undefined))
        return headerProblem(
          `The header ${timestampHeader} is not a time in seconds or milliseconds since 1970 or ISO 8601`,
        );
      const bytes = joined(signed(request, time));
      const place = secrets.findIndex((secret) => {
        const key = publicKeyOf(secret, encoding);
        return key !== undefined && verify(null, bytes, key, signature);
      });
      // A signed time makes each delivery another one, so it is left to the body.
      const covers = options.signed !== undefined && timestampHeader === undefined ? bytes : undefined;
      return place < 0 ? NO_MATCH : { ok: true, secret: place, signedAt, covers };
    },
  };
}

function publicKeyOf(secret: string, encoding: 'hex' | 'base64'): KeyObject | undefined {
  try {
    if (secret.includes('-----BEGIN')) {
      const key = createPublicKey(secret);
      return key.asymmetricKeyType === 'ed25519' && !hasSmallOrder(key) ? key : undefined;
    }
    const bytes = decode(secret, encoding);
    return bytes === undefined ? undefined : ed25519KeyOf(bytes);
  } catch {
    return undefined;
  }
}

/** Of base64 only the one text that stands for its bytes is read. Hex may have capital letters. */
function decode(text: string, encoding: 'hex' | 'base64'): Buffer | undefined {
  if (encoding === 'base64') return decodeBase64(text);
  const bytes = Buffer.from(text, 'hex');
  return bytes.toString('hex') === text.toLowerCase() ? bytes : undefined;
}
