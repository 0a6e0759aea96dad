import { headerProblem, type SignatureScheme } from '../definitions/signature-scheme.js';
import { hmac, matchOf, signedTime, spelled } from './matching.js';

const PART = /^\w+=[^=\s]+$/;

/**
 * `t=…,v1=…` as Stripe and many others write it, and `ts=…;h1=…` as Paddle does. The names say which it is.
 */
const FORMS = [
  { time: 't=', signature: 'v1=', between: '.' },
  { time: 'ts=', signature: 'h1=', between: ':' },
] as const;

/**
 * `Stripe-Signature: t=…,v1=…`: HMAC-SHA256 of the time, a dot and the body. The time is in seconds or
 * milliseconds. During a rotation there are several `v1`. Other parts of the header are ignored. With another
 * header it is the scheme of WorkOS, Mux and others, and of Paddle (`ts=…;h1=…`, with a colon for the dot).
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
      const parts = given.split(/[,;]/).map((part) => part.trim());
      const form = FORMS.find(({ time }) => parts.some((part) => part.startsWith(time))) ?? FORMS[0];
      const times = valuesOf(parts, form.time);
      const signatures = valuesOf(parts, form.signature).map((each) => spelled(each, 'hex'));
      const [time] = times;
      const signedAt = /^\d+$/.test(time ?? '') ? signedTime(time) : undefined;
      if (time === undefined || signedAt === undefined || times.length > 1)
        return headerProblem(`The header ${header} has no time ${form.time}`);
      if (signatures.length === 0)
        return headerProblem(`The header ${header} has no signature ${form.signature}`);
      const match = matchOf(signatures, secrets, (secret) =>
        hmac('sha256', secret, 'hex', time, form.between, body),
      );
      return match.ok ? { ...match, signedAt } : match;
    },
  };
}

function valuesOf(parts: readonly string[], prefix: string): string[] {
  // A part that cannot be read says nothing of its neighbours.
  return parts.flatMap((part) =>
    part.startsWith(prefix) && PART.test(part) ? part.slice(prefix.length) : [],
  );
}
