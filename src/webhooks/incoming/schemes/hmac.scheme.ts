import type { RawWebhookRequest } from '../definitions/raw-request.js';
import { headerProblem, type SignatureScheme } from '../definitions/signature-scheme.js';
import {
  type HmacAlgorithm,
  hmac,
  joined,
  matchOf,
  type SignatureEncoding,
  signedTime,
  spelled,
  type TimestampUnit,
} from './matching.js';

export interface HmacSchemeOptions {
  /** The header with the signature. */
  readonly header: string;
  /**
   * What stands before the signature in the header, such as `sha256=`. Default: nothing. Of several
   * signatures with commas between them (`sha256=…,sha256=…`), as senders write them during a rotation, one
   * has to fit.
   */
  readonly prefix?: string | undefined;
  /** Default: `sha256`. */
  readonly algorithm?: HmacAlgorithm | undefined;
  /** How the signature is written. Default: `hex`, in small or capital letters. */
  readonly encoding?: SignatureEncoding | undefined;
  /** The header with the time, if the time is signed. */
  readonly timestampHeader?: string | undefined;
  /**
   * How the time is written: `s` and `ms` since 1970, or `iso` (`2026-11-27T12:00:00Z`). Default: any of
   * them, by its form.
   */
  readonly timestampUnit?: TimestampUnit | undefined;
  /**
   * What is signed, in order. Default: the body alone, or with `timestampHeader` the time, a dot and the
   * body.
   */
  readonly signed?:
    | ((request: RawWebhookRequest, timestamp: string) => readonly (string | Buffer)[])
    | undefined;
  /** Whether `signed` uses the URL. */
  readonly signsUrl?: boolean | undefined;
  /** The key of a secret. Default: its text in UTF-8. */
  readonly key?: ((secret: string) => string | Buffer) | undefined;
}

/** HMAC over what the options say. */
export function hmacScheme(options: HmacSchemeOptions): SignatureScheme {
  const { prefix = '', algorithm = 'sha256', encoding = 'hex', timestampUnit, signsUrl } = options;
  const { timestampHeader, signed = ordinarilySigned(timestampHeader), key = (secret) => secret } = options;
  const header = options.header.toLowerCase();
  const timeHeader = timestampHeader?.toLowerCase();
  return {
    name: `HMAC in ${options.header}`,
    signsTime: timeHeader !== undefined,
    signsUrl,
    secretKind: 'hmac',
    verify(request, secrets) {
      const given = request.headers[header];
      if (given === undefined || given === '')
        return headerProblem(`The header ${options.header} is missing`);
      const signatures = signaturesOf(given, prefix).map((each) => spelled(each, encoding));
      if (signatures.length === 0)
        return headerProblem(`The header ${options.header} does not begin with ${prefix}`);
      const time = timeHeader === undefined ? undefined : request.headers[timeHeader];
      const signedAt = signedTime(time, timestampUnit);
      if (timeHeader !== undefined && signedAt === undefined)
        return headerProblem(
          `The header ${timestampHeader} is not a time in ${WORDS[timestampUnit ?? 'any']}`,
        );
      const parts = signed(request, time ?? '');
      const match = matchOf(signatures, secrets, (secret) =>
        hmac(algorithm, key(secret), encoding, ...parts),
      );
      // A signed time makes each delivery another one, so it is left to the body.
      const covers = options.signed !== undefined && timeHeader === undefined ? joined(parts) : undefined;
      return match.ok ? { ...match, signedAt, covers } : match;
    },
  };
}

const WORDS: { readonly [U in TimestampUnit | 'any']: string } = {
  s: 'seconds since 1970',
  ms: 'milliseconds since 1970',
  iso: 'ISO 8601',
  any: 'seconds or milliseconds since 1970 or ISO 8601',
};

/** The header as one signature, and as a list of them with commas. A prefix may hold a comma itself. */
function signaturesOf(given: string, prefix: string): string[] {
  const parts = given.includes(',') ? given.split(',').map((part) => part.trim()) : [];
  return [given, ...parts].flatMap((each) => (each.startsWith(prefix) ? each.slice(prefix.length) : []));
}

function ordinarilySigned(
  timestampHeader: string | undefined,
): (request: RawWebhookRequest, timestamp: string) => readonly (string | Buffer)[] {
  return timestampHeader === undefined
    ? ({ body }) => [body]
    : ({ body }, timestamp) => [timestamp, '.', body];
}
