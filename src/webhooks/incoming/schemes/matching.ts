import { createHmac, timingSafeEqual } from 'node:crypto';
import { NO_MATCH, type Verification } from '../definitions/signature-scheme.js';

/** Whether two texts are equal. How long it takes does not depend on where they differ. */
export function equalTexts(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}

/**
 * Looks for the secret whose text is among those given. `expected` returns the text, or each of the texts
 * that an honest sender may make. Texts are compared and not the bytes that they stand for, because several
 * texts of base64 stand for the same bytes. All secrets are tried, so the time does not tell which one it
 * was.
 */
export function matchOf(
  given: readonly string[],
  secrets: readonly string[],
  expected: (secret: string) => string | readonly string[],
): Verification {
  let matched = -1;
  for (const [index, secret] of secrets.entries())
    for (const text of [expected(secret)].flat())
      for (const each of given) if (equalTexts(each, text) && matched < 0) matched = index;
  return matched < 0 ? NO_MATCH : { ok: true, secret: matched };
}

/** A signature in the spelling in which `hmac` writes it. Senders also write hex in capital letters. */
export function spelled(signature: string, encoding: SignatureEncoding): string {
  return encoding === 'hex' ? signature.toLowerCase() : signature;
}

export type HmacAlgorithm = 'sha1' | 'sha256' | 'sha384' | 'sha512';
export type SignatureEncoding = 'hex' | 'base64';

/** The bytes of the parts one after the other. */
export function joined(parts: readonly (string | Buffer)[]): Buffer {
  return Buffer.concat(parts.map((part) => Buffer.from(part)));
}

/** The HMAC of the parts one after the other. */
export function hmac(
  algorithm: HmacAlgorithm,
  key: string | Buffer,
  encoding: SignatureEncoding,
  ...parts: readonly (string | Buffer)[]
): string {
  const made = createHmac(algorithm, key);
  for (const part of parts) made.update(part);
  return made.digest(encoding);
}

/** How a header says a time: seconds or milliseconds since 1970, or ISO 8601. */
export type TimestampUnit = 's' | 'ms' | 'iso';

const SECONDS = /^[1-9]\d{8,11}$/;
const MILLISECONDS = /^[1-9]\d{11,14}$/;

/** The time that a header with Unix time holds. Undefined for anything else than plain digits. */
export function unixTime(text: string | undefined, unit: 's' | 'ms' = 's'): Date | undefined {
  if (text === undefined || !(unit === 's' ? SECONDS : MILLISECONDS).test(text)) return undefined;
  return new Date(Number(text) * (unit === 's' ? 1_000 : 1));
}

/**
 * The time that a header holds. Without a unit it is what the text can only be: seconds have 9 to 11 digits,
 * milliseconds have more. The text is signed as it stands, so nobody but the sender chooses how it is read.
 */
export function signedTime(text: string | undefined, unit?: TimestampUnit): Date | undefined {
  if (unit === 'iso') return isoTime(text);
  if (unit !== undefined) return unixTime(text, unit);
  return (text ?? '').length < 12 ? unixTime(text) : (unixTime(text, 'ms') ?? isoTime(text));
}

const ISO = /^(\d{4})-(\d\d)-(\d\d)T\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/;

function isoTime(text: string | undefined): Date | undefined {
  const [, year, month, day] = ISO.exec(text ?? '') ?? [];
  const date = new Date(text ?? '');
  // JavaScript takes the 30th of February for the 2nd of March.
  const lastDay = new Date(Date.UTC(Number(year), Number(month), 0)).getUTCDate();
  return day === undefined || Number(day) > lastDay || Number.isNaN(date.getTime()) ? undefined : date;
}

/**
 * The bytes of a base64 text. Undefined if it is not the one text that stands for its bytes, because Node
 * ignores what it does not know and bits that are too many.
 */
export function decodeBase64(text: string, encoding: 'base64' | 'base64url' = 'base64'): Buffer | undefined {
  const bytes = Buffer.from(text, encoding);
  return bytes.toString(encoding) === text ? bytes : undefined;
}
