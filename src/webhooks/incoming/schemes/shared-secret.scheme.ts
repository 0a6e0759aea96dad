import type { RawWebhookRequest } from '../definitions/raw-request.js';
import { headerProblem, type SignatureScheme } from '../definitions/signature-scheme.js';
import { matchOf } from './matching.js';

/**
 * The sender shows the secret itself. A person who reads one request can send others, and the body is not
 * signed.
 *
 * @param where a header, or a function that finds what the sender shows
 */
export function sharedSecretScheme(
  where: string | ((request: RawWebhookRequest) => string | undefined),
): SignatureScheme {
  const find =
    typeof where === 'string' ? (request: RawWebhookRequest) => request.headers[where.toLowerCase()] : where;
  return {
    name: 'shared secret',
    signsTime: false,
    secretKind: 'shared secret',
    verify(request, secrets) {
      const given = find(request);
      if (given === undefined || given === '')
        return headerProblem(
          typeof where === 'string' ? `The header ${where} is missing` : 'The request shows no secret',
        );
      return matchOf([given], secrets, (secret) => secret);
    },
  };
}

/**
 * Basic authentication (https://www.rfc-editor.org/rfc/rfc7617). A secret is the name, a colon and the
 * password.
 */
export function basicScheme(): SignatureScheme {
  return {
    name: 'basic authentication',
    signsTime: false,
    secretKind: 'name and password',
    problemOfSecret: (secret) =>
      secret.includes(':') ? undefined : 'a secret of basic authentication is a name, a colon and a password',
    verify({ headers }, secrets) {
      const { authorization = '' } = headers;
      if (!/^basic /i.test(authorization))
        return headerProblem('The header Authorization with basic authentication is missing');
      const given = authorization.slice('basic '.length);
      return matchOf([given], secrets, (secret) => Buffer.from(secret).toString('base64'));
    },
  };
}
