import { fieldOf } from '../definitions/raw-request.js';
import { headerProblem, type SignatureScheme } from '../definitions/signature-scheme.js';
import { hmac, matchOf, spelled, unixTime } from './matching.js';

/**
 * Mailgun: HMAC-SHA256 of a time and a random token, which stand in the body. The rest of the body is **not**
 * signed. A repeated body is found by the time and the token, so a captured signature is of no use for
 * another body. An event of a subaccount also has the signature of its parent account.
 *
 * https://documentation.mailgun.com/docs/mailgun/user-manual/webhooks/securing-webhooks
 */
export function mailgunScheme(): SignatureScheme {
  return {
    name: 'Mailgun',
    signsTime: true,
    secretKind: 'hmac',
    verify(request, secrets) {
      const [time, token, ...given] = ['timestamp', 'token', 'signature', 'parent-signature'].map((name) =>
        fieldOf(request, 'signature', name),
      );
      const signatures = given.flatMap((each) => (each === undefined ? [] : spelled(each, 'hex')));
      if (!token || signatures.length === 0)
        return headerProblem('The body has no field signature with a token and a signature');
      const signedAt = unixTime(time);
      if (time === undefined || signedAt === undefined)
        return headerProblem('The field signature.timestamp is not a time in seconds since 1970');
      const match = matchOf(signatures, secrets, (secret) => hmac('sha256', secret, 'hex', time, token));
      return match.ok ? { ...match, signedAt, covers: time + token } : match;
    },
  };
}
