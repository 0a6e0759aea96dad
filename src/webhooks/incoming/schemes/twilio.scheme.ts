import { formOf, queryOf, type RawWebhookRequest, textOf } from '../definitions/raw-request.js';
import { headerProblem, NO_MATCH, type SignatureScheme } from '../definitions/signature-scheme.js';
import { sha256Hex } from './digest.js';
import { equalTexts, hmac, matchOf, spelled } from './matching.js';

/**
 * `X-Twilio-Signature`: HMAC-SHA1 of the URL and of the fields of the form in the order of their names. A
 * body of another type is signed by its SHA-256, which stands in the query as `bodySHA256`. Of some calls
 * Twilio signs the URL with its port, and of others without it, so both are tried.
 *
 * https://www.twilio.com/docs/usage/security#validating-requests
 */
export function twilioScheme(): SignatureScheme {
  return {
    name: 'Twilio',
    signsTime: false,
    signsUrl: true,
    secretKind: 'hmac',
    verify(request, secrets) {
      const given = request.headers['x-twilio-signature'];
      if (given === undefined) return headerProblem('The header X-Twilio-Signature is missing');
      const bodyHash = queryOf(request).get('bodySHA256');
      if (bodyHash !== null && !equalTexts(spelled(bodyHash, 'hex'), sha256Hex(request.body)))
        return NO_MATCH;
      // A body that is not a form and has no hash in the URL is not signed at all.
      if (bodyHash === null && request.body.length > 0 && !isForm(request)) return NO_MATCH;
      // The fields of a form that is not text cannot be told, so the signature would cover the URL alone.
      if (bodyHash === null && textOf(request) === undefined) return NO_MATCH;
      const fields = bodyHash === null ? fieldsOf(request) : '';
      const match = matchOf([given], secrets, (secret) =>
        urlsOf(request).map((url) => hmac('sha1', secret, 'base64', url, fields)),
      );
      return match.ok ? { ...match, covers: request.url + fields } : match;
    },
  };
}

/** The URL as it is called, and without its port or with the ordinary port of its protocol. */
function urlsOf({ url }: RawWebhookRequest): readonly string[] {
  const [, protocol, authority = '', rest = ''] = /^(https?):\/\/([^/?#]*)(.*)$/is.exec(url) ?? [];
  if (protocol === undefined) return [url];
  const host = authority.replace(/:\d+$/, '');
  const port = protocol.toLowerCase() === 'https' ? 443 : 80;
  const other = host === authority ? `${host}:${port}` : host;
  return [url, `${protocol}://${other}${rest}`];
}

function isForm({ headers }: RawWebhookRequest): boolean {
  return /^application\/x-www-form-urlencoded\b/i.test(headers['content-type'] ?? '');
}

/** Names with their values, sorted. Of a name with several values, each different value counts once. */
function fieldsOf(request: RawWebhookRequest): string {
  const values = new Map<string, Set<string>>();
  for (const [name, value] of formOf(request)) values.set(name, (values.get(name) ?? new Set()).add(value));
  const names = [...values.keys()].sort();
  return names.flatMap((name) => [...(values.get(name) ?? [])].sort().map((value) => name + value)).join('');
}
