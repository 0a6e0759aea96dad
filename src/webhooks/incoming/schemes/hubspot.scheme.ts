import type { RawWebhookRequest } from '../definitions/raw-request.js';
import type { SignatureScheme } from '../definitions/signature-scheme.js';
import { hmacScheme } from './hmac.scheme.js';

/** Escapes that HubSpot writes as the characters that they stand for, before it signs the URL. */
const DECODED: Readonly<Record<string, string>> = {
  '%3A': ':',
  '%2F': '/',
  '%3F': '?',
  '%40': '@',
  '%21': '!',
  '%24': '$',
  '%27': "'",
  '%28': '(',
  '%29': ')',
  '%2A': '*',
  '%2C': ',',
  '%3B': ';',
};

/**
 * HubSpot v3: HMAC-SHA256 of method, URL, body and time, in base64.
 *
 * https://developers.hubspot.com/docs/guides/apps/authentication/validating-requests
 */
export function hubspotScheme(): SignatureScheme {
  return hmacScheme({
    header: 'X-HubSpot-Signature-v3',
    encoding: 'base64',
    timestampHeader: 'X-HubSpot-Request-Timestamp',
    timestampUnit: 'ms',
    signsUrl: true,
    signed: (request, timestamp) => [request.method, signedUrlOf(request), request.body, timestamp],
  });
}

function signedUrlOf({ url }: RawWebhookRequest): string {
  return url.replace(/%(?:3A|2F|3F|40|21|24|27|28|29|2A|2C|3B)/gi, (escaped) => {
    return DECODED[escaped.toUpperCase()] ?? escaped;
  });
}
