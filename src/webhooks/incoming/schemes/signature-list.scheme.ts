import { headerProblem, type SignatureScheme } from '../definitions/signature-scheme.js';
import { hmac, matchOf, spelled, unixTime } from './matching.js';

export interface SignatureListOptions {
  readonly header: string;
  /** What stands between the parts of the header. Blanks beside it are left out. */
  readonly separator: ',' | ';';
  /** The name of the parts that are signatures, such as `v1`. During a rotation there are several. */
  readonly signature: string;
  /** The part with the time, if the time is signed, and what stands between it and the body. */
  readonly time?: { readonly name: string; readonly unit: 's' | 'ms'; readonly joint: string } | undefined;
}

/**
 * One header with named parts, such as `ts=…;h1=…` or `v1=…,v1=…`: HMAC-SHA256 in hex of the time and the
 * body, or of the body alone. A part with another name, or without a name, is left out, because a sender may
 * add some.
 */
export function signatureListScheme(options: SignatureListOptions): SignatureScheme {
  const { header, separator, signature, time } = options;
  const name = header.toLowerCase();
  return {
    name: `${signature} in ${header}`,
    signsTime: time !== undefined,
    secretKind: 'hmac',
    verify({ headers, body }, secrets) {
      const given = headers[name];
      if (given === undefined || given === '') return headerProblem(`The header ${header} is missing`);
      const parts = given.split(separator).map((part) => part.trim());
      const signatures = valuesOf(parts, signature).map((each) => spelled(each, 'hex'));
      if (signatures.length === 0)
        return headerProblem(`The header ${header} has no signature ${signature}=`);
      if (time === undefined)
        return matchOf(signatures, secrets, (secret) => hmac('sha256', secret, 'hex', body));
      const [text, ...further] = valuesOf(parts, time.name);
      const signedAt = unixTime(text, time.unit);
      if (text === undefined || signedAt === undefined || further.length > 0)
        return headerProblem(`The header ${header} has no time ${time.name}=`);
      const match = matchOf(signatures, secrets, (secret) =>
        hmac('sha256', secret, 'hex', text, time.joint, body),
      );
      return match.ok ? { ...match, signedAt } : match;
    },
  };
}

function valuesOf(parts: readonly string[], name: string): string[] {
  return parts.flatMap((part) => (part.startsWith(`${name}=`) ? part.slice(name.length + 1) : []));
}
