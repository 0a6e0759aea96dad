import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import { headerProblem, NO_MATCH, type SignatureScheme } from '../definitions/signature-scheme.js';
import { decodeBase64, unixTime } from './matching.js';

const SIGNATURE = 'X-Twilio-Email-Event-Webhook-Signature';
const TIME = 'X-Twilio-Email-Event-Webhook-Timestamp';

/**
 * SendGrid: ECDSA on the curve P-256 of the time and the body. The secrets are its public keys, as it shows
 * them (base64 of their DER form), or in PEM.
 *
 * https://www.twilio.com/docs/sendgrid/for-developers/tracking-events
 */
export function sendgridScheme(): SignatureScheme {
  return {
    name: 'SendGrid',
    signsTime: true,
    secretKind: 'ECDSA P-256 public key',
    isPublicKey: (secret) => publicKeyOf(secret) !== undefined,
    problemOfSecret: (secret) =>
      publicKeyOf(secret) === undefined
        ? 'a verification key of SendGrid is the base64 of a public key on the curve P-256, or PEM'
        : undefined,
    verify({ headers, body }, secrets) {
      const given = headers[SIGNATURE.toLowerCase()];
      if (given === undefined) return headerProblem(`The header ${SIGNATURE} is missing`);
      const signature = decodeBase64(given);
      if (signature === undefined) return headerProblem(`The header ${SIGNATURE} is not base64`);
      const time = headers[TIME.toLowerCase()];
      const signedAt = unixTime(time);
      if (time === undefined || signedAt === undefined)
        return headerProblem(`The header ${TIME} is not a time in seconds since 1970`);
      const signed = Buffer.concat([Buffer.from(time), body]);
      const place = secrets.findIndex((secret) => {
        const key = publicKeyOf(secret);
        return key !== undefined && verify('sha256', signed, key, signature);
      });
      return place < 0 ? NO_MATCH : { ok: true, secret: place, signedAt };
    },
  };
}

function publicKeyOf(secret: string): KeyObject | undefined {
  try {
    const bytes = decodeBase64(secret);
    const key = secret.includes('-----BEGIN PUBLIC KEY')
      ? createPublicKey(secret)
      : bytes && createPublicKey({ key: bytes, format: 'der', type: 'spki' });
    return key?.asymmetricKeyDetails?.namedCurve === 'prime256v1' ? key : undefined;
  } catch {
    return undefined;
  }
}
