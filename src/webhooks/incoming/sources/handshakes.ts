import { fieldOf, queryOf, type RawWebhookRequest } from '../definitions/raw-request.js';
import type { HandshakeState, WebhookReply, WebhookSourceOptions } from '../definitions/webhook-source.js';
import { equalTexts, hmac } from '../schemes/matching.js';

export type Handshake = NonNullable<WebhookSourceOptions['handshake']>;

/**
 * What a source says to a request that only tries the address. An answer that is not an object is none: a
 * delivery that were taken for a handshake would be answered with 200 and lost. So is a function that throws,
 * because a delivery is not lost on account of a question that most requests do not ask.
 *
 * @param failed told of what the function throws
 */
export async function handshakeOf(
  { handshake }: Pick<WebhookSourceOptions, 'handshake'>,
  request: RawWebhookRequest,
  state: HandshakeState,
  failed: (error: unknown) => void,
): Promise<WebhookReply | undefined> {
  let reply: unknown;
  try {
    reply = await handshake?.(request, state);
  } catch (error) {
    failed(error);
  }
  return typeof reply === 'object' && reply !== null ? (reply as WebhookReply) : undefined;
}

/** Longer challenges are not repeated. */
const LONGEST = 4_096;

/**
 * Slack sends a challenge to a new address, signed as its events are.
 *
 * https://docs.slack.dev/reference/events/url_verification
 */
export function slackHandshake(): Handshake {
  return (request, { verified }) =>
    verified && fieldOf(request, 'type') === 'url_verification'
      ? repeated(fieldOf(request, 'challenge'))
      : undefined;
}

/**
 * Meta asks with a GET that shows the token which was typed in beside the address.
 *
 * https://developers.facebook.com/docs/graph-api/webhooks/getting-started
 */
export function metaHandshake({ verifyToken }: { readonly verifyToken: string }): Handshake {
  return (request) => {
    if (request.method !== 'GET') return undefined;
    const query = queryOf(request);
    if (query.get('hub.mode') !== 'subscribe') return undefined;
    return equalTexts(query.get('hub.verify_token') ?? '', verifyToken)
      ? repeated(query.get('hub.challenge') ?? undefined)
      : { status: 403, body: 'The verify token is another one' };
  };
}

/**
 * Microsoft Graph sends a token in the query of a POST, and wants it back as plain text.
 *
 * https://learn.microsoft.com/en-us/graph/change-notifications-delivery-webhooks
 */
export function graphHandshake(): Handshake {
  return (request, { verified }) =>
    verified || request.method !== 'POST'
      ? undefined
      : repeated(queryOf(request).get('validationToken') ?? undefined);
}

/**
 * Zoom sends a token and wants it back with its HMAC. Only a verified sender gets that: with it, anybody
 * could have a signature made for a text of their own. The HMAC is made with the secret that matched.
 *
 * https://developers.zoom.us/docs/api/webhooks/#validate-your-webhook-endpoint
 */
export function zoomHandshake({ secret: given }: { readonly secret?: string } = {}): Handshake {
  return (request, { verified, secret = given }) => {
    const plainToken = fieldOf(request, 'payload', 'plainToken');
    const asks = fieldOf(request, 'event') === 'endpoint.url_validation';
    if (!verified || !asks || plainToken === undefined || secret === undefined) return undefined;
    const encryptedToken = hmac('sha256', secret, 'hex', plainToken);
    return { contentType: 'application/json', body: JSON.stringify({ plainToken, encryptedToken }) };
  };
}

function repeated(challenge: string | undefined): WebhookReply | undefined {
  return challenge === undefined || challenge.length > LONGEST ? undefined : { body: challenge };
}
