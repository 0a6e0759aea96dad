import { headerProblem, type SignatureScheme } from '../signature-scheme.js';
import { hmac, matchOf, unixTime } from './matching.js';

const PART = /^\w+=[^=\s]+$/;

/**
 * `Stripe-Signature: t=…,v1=…`: HMAC-SHA256 of the time, a dot and the body. During a rotation there are
 * several `v1`. Other schemes in the header are ignored.
 *
 * https://docs.stripe.com/webhooks/signature
 */
export function stripeScheme(header = 'Stripe-Signature'): SignatureScheme {
  const name = header.toLowerCase();
  return {
    name: 'Stripe v1',
    signsTime: true,
    secretKind: 'hmac',
    verify({ headers, body }, secrets) {
      const given = headers[name];
      if (given === undefined) return headerProblem(`The header ${header} is missing`);
      const parts = given.split(',');
      if (!parts.every((part) => PART.test(part)))
        return headerProblem(`The header ${header} is no list of parts such as v1=…`);
      const times = valuesOf(parts, 't=');
      const signatures = valuesOf(parts, 'v1=');
      const [time] = times;
      const signedAt = unixTime(time);
      if (time === undefined || signedAt === undefined || times.length > 1)
        return headerProblem(`The header ${header} has no time t=`);
      if (signatures.length === 0) return headerProblem(`The header ${header} has no signature v1=`);
      const match = matchOf(signatures, secrets, (secret) => hmac('sha256', secret, 'hex', time, '.', body));
      return match.ok ? { ...match, signedAt } : match;
    },
  };
}

function valuesOf(parts: readonly string[], prefix: string): string[] {
  return parts.flatMap((part) => (part.startsWith(prefix) ? part.slice(prefix.length) : []));
}
