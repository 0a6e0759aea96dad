import type { RawWebhookRequest } from '../raw-request.js';
import { headerProblem, type SignatureScheme } from '../signature-scheme.js';
import { type HmacAlgorithm, hmac, joined, matchOf, type SignatureEncoding, unixTime } from './matching.js';

export interface HmacSchemeOptions {
  /** The header with the signature. */
  readonly header: string;
  /** What stands before the signature in the header, such as `sha256=`. Default: nothing. */
  readonly prefix?: string | undefined;
  /** Default: `sha256`. */
  readonly algorithm?: HmacAlgorithm | undefined;
  /** How the signature is written. Default: `hex`, in small letters. */
  readonly encoding?: SignatureEncoding | undefined;
  /** The header with the time in Unix time, if the time is signed. */
  readonly timestampHeader?: string | undefined;
  /** Default: `s`. */
  readonly timestampUnit?: 's' | 'ms' | undefined;
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
  const { prefix = '', algorithm = 'sha256', encoding = 'hex', timestampUnit = 's', signsUrl } = options;
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
      if (!given.startsWith(prefix))
        return headerProblem(`The header ${options.header} does not begin with ${prefix}`);
      const time = timeHeader === undefined ? undefined : request.headers[timeHeader];
      const signedAt = unixTime(time, timestampUnit);
      if (timeHeader !== undefined && signedAt === undefined)
        return headerProblem(`The header ${timestampHeader} is no time in ${timestampUnit} since 1970`);
      const parts = signed(request, time ?? '');
      const match = matchOf([given.slice(prefix.length)], secrets, (secret) =>
        hmac(algorithm, key(secret), encoding, ...parts),
      );
      // A signed time makes each delivery another one, so it is left to the body.
      const covers = options.signed !== undefined && timeHeader === undefined ? joined(parts) : undefined;
      return match.ok ? { ...match, signedAt, covers } : match;
    },
  };
}

function ordinarilySigned(
  timestampHeader: string | undefined,
): (request: RawWebhookRequest, timestamp: string) => readonly (string | Buffer)[] {
  return timestampHeader === undefined
    ? ({ body }) => [body]
    : ({ body }, timestamp) => [timestamp, '.', body];
}
