import { fieldOf, jsonOf, type RawWebhookRequest } from '../definitions/raw-request.js';
import { headerProblem, NO_MATCH, type SignatureScheme } from '../definitions/signature-scheme.js';
import { hmac, matchOf } from './matching.js';

const KEY = /^(?:[0-9a-f]{2}){16,}$/i;
/** Where the only notification of a body about payments stands. */
const ITEM = ['notificationItems', '0', 'NotificationRequestItem'] as const;
/** What Adyen signs of a notification, in this order, with colons between. */
const SIGNED = [
  ['pspReference'],
  ['originalReference'],
  ['merchantAccountCode'],
  ['merchantReference'],
  ['amount', 'value'],
  ['amount', 'currency'],
  ['eventCode'],
  ['success'],
] as const;

/**
 * Adyen: HMAC-SHA256 in base64 with a key in hex. In webhooks about payments the signature stands in the
 * body, and only eight fields of it are signed. In others the body is signed, and the signature stands in the
 * header `HmacSignature`.
 *
 * https://docs.adyen.com/development-resources/webhooks/secure-webhooks/verify-hmac-signatures
 */
export function adyenScheme(): SignatureScheme {
  return {
    name: 'Adyen',
    signsTime: false,
    // Its secrets are hex. As the text of another HMAC they would be another key.
    secretKind: 'hmac key in hex',
    problemOfSecret: (secret) =>
      KEY.test(secret) ? undefined : 'an HMAC key of Adyen is hex, as the Customer Area shows it',
    verify(request, secrets) {
      const given = request.headers.hmacsignature;
      if (given !== undefined) return verifyBody(request, given, secrets);
      const signature = adyenField(request, 'additionalData', 'hmacSignature');
      if (signature === undefined || !hasOneItem(request))
        return headerProblem('There is no header HmacSignature, and the body is not one signed notification');
      const signed = SIGNED.map((path) => adyenField(request, ...path) ?? '').join(':');
      const match = matchOf([signature], secrets, (secret) => macOf(secret, signed));
      return match.ok ? { ...match, covers: signed } : match;
    },
  };
}

/** The text at this path of a notification about a payment. */
export function adyenField(request: RawWebhookRequest, ...path: readonly string[]): string | undefined {
  return fieldOf(request, ...ITEM, ...path);
}

/**
 * Only JSON may be signed as a whole. Otherwise the signature of a notification would fit a body that is its
 * signed text.
 */
function verifyBody(request: RawWebhookRequest, given: string, secrets: readonly string[]) {
  return jsonOf(request) === undefined
    ? NO_MATCH
    : matchOf([given], secrets, (secret) => macOf(secret, request.body));
}

/** In JSON, Adyen sends one notification at a time. Of several, only the first one would be verified. */
function hasOneItem(request: RawWebhookRequest): boolean {
  const { notificationItems } = jsonOf(request) as { readonly notificationItems?: unknown };
  const success = adyenField(request, 'success');
  // The last signed field is one of two words, so no other text that Adyen has signed is a notification.
  return (
    Array.isArray(notificationItems) &&
    notificationItems.length === 1 &&
    (success === 'true' || success === 'false')
  );
}

function macOf(secret: string, signed: string | Buffer): string {
  return hmac('sha256', Buffer.from(secret, 'hex'), 'base64', signed);
}
