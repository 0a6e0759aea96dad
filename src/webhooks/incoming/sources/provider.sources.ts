import { isNoDay } from '../../../words/time-text.js';
import { fieldOf, formOf, jsonOf, type RawWebhookRequest, textOf } from '../definitions/raw-request.js';
import type { CommonSourceOptions, SourceSecrets, WebhookSource } from '../definitions/webhook-source.js';
import { sha256Hex } from '../schemes/digest.js';
import { hmacScheme } from '../schemes/hmac.scheme.js';
import { hubspotScheme } from '../schemes/hubspot.scheme.js';
import { type StandardSchemeOptions, standardScheme } from '../schemes/standard.scheme.js';
import { stripeScheme } from '../schemes/stripe.scheme.js';
import { twilioScheme } from '../schemes/twilio.scheme.js';
import { slackHandshake } from './handshakes.js';
import { webhookSource } from './make-source.js';

type ProviderOptions = CommonSourceOptions & SourceSecrets;

/**
 * A sender that follows Standard Webhooks, and Svix. The secrets are `whsec_…`, or public keys `whpk_…`. The
 * id of the delivery is `webhook-id`, which is signed. The type is the field `type` of the body.
 *
 * https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
 */
export function standardSource({
  headers: prefix = 'webhook',
  plainKeys,
  ...options
}: ProviderOptions &
  StandardSchemeOptions & {
    readonly key: string;
    /** What the names of the headers begin with. Default: `webhook`. */
    readonly headers?: 'webhook' | 'svix' | undefined;
  }): WebhookSource {
  return webhookSource({
    verify: standardScheme(prefix, { plainKeys }),
    // Of the two headers with an id, only that of the scheme is signed.
    deliveryId: ({ headers }) => headers[`${prefix}-id`],
    type: (request) => fieldOf(request, 'type') ?? fieldOf(request, 'eventType') ?? 'unknown',
    occurredAt: (request) => dateOf(fieldOf(request, 'timestamp')),
    ...options,
  });
}

/**
 * Stripe. The id of the delivery is that of the Stripe event, which is signed. By default the events about
 * one object of Stripe are handled in the order in which they came, which need not be that in which they
 * happened.
 *
 * https://docs.stripe.com/webhooks/signature
 */
export function stripeSource(options: ProviderOptions): WebhookSource {
  return webhookSource({
    key: 'stripe',
    issuesSecrets: true,
    verify: stripeScheme(),
    deliveryId: (request) => fieldOf(request, 'id'),
    type: (request) => fieldOf(request, 'type') ?? 'unknown',
    aggregate: (request) => ({
      type: `stripe_${fieldOf(request, 'data', 'object', 'object') ?? 'event'}`,
      id: fieldOf(request, 'data', 'object', 'id') ?? fieldOf(request, 'id') ?? 'unknown',
    }),
    occurredAt: (request) => dateOfSeconds(fieldOf(request, 'created')),
    ...options,
  });
}

/**
 * Shopify. The body is signed; neither a time nor the ids are. The id of the delivery is
 * `X-Shopify-Webhook-Id`. `X-Shopify-Event-Id` names what a merchant did, and several webhooks of different
 * topics share it; where there is nothing else, it counts together with the topic. The type is the topic,
 * such as `orders.create`.
 *
 * https://shopify.dev/docs/apps/build/webhooks/subscribe/https
 */
export function shopifySource(options: ProviderOptions): WebhookSource {
  return webhookSource({
    key: 'shopify',
    issuesSecrets: true,
    verify: hmacScheme({ header: 'X-Shopify-Hmac-Sha256', encoding: 'base64' }),
    deliveryId: ({ headers }) => {
      const { 'x-shopify-webhook-id': id, 'x-shopify-event-id': event, 'x-shopify-topic': topic } = headers;
      return id ?? (event === undefined || topic === undefined ? event : `${event}/${topic}`);
    },
    type: ({ headers }) => headers['x-shopify-topic'] ?? 'unknown',
    occurredAt: ({ headers }) => dateOf(headers['x-shopify-triggered-at']),
    ...options,
  });
}

/**
 * Slack: events, commands and interactions. The time and the body are signed. The challenge of a new address
 * is answered.
 *
 * https://docs.slack.dev/authentication/verifying-requests-from-slack
 */
export function slackSource(options: ProviderOptions): WebhookSource {
  return webhookSource({
    key: 'slack',
    issuesSecrets: true,
    verify: hmacScheme({
      header: 'X-Slack-Signature',
      prefix: 'v0=',
      timestampHeader: 'X-Slack-Request-Timestamp',
      signed: ({ body }, timestamp) => ['v0:', timestamp, ':', body],
    }),
    deliveryId: (request) => fieldOf(request, 'event_id') ?? formOf(request).get('trigger_id') ?? undefined,
    type: slackType,
    handshake: slackHandshake(),
    // Slack shows other answers to the person who sent a command.
    reply: {},
    ...options,
  });
}

/** `message` for an event, `command` for a command, the type of the interaction for an interaction. */
function slackType(request: RawWebhookRequest): string {
  if (jsonOf(request) !== undefined)
    return fieldOf(request, 'event', 'type') ?? fieldOf(request, 'type') ?? 'unknown';
  const form = formOf(request);
  if (form.has('command')) return 'command';
  const interaction = /"type"\s*:\s*"([a-z_]{1,63})"/.exec(form.get('payload') ?? '');
  return interaction?.[1] ?? 'unknown';
}

/**
 * Twilio. The URL and the form are signed, so the module needs `publicUrl`; a time is not. The type is the
 * status of a message or call. The answer is an empty TwiML document.
 *
 * https://www.twilio.com/docs/usage/webhooks/webhooks-security
 */
export function twilioSource(options: ProviderOptions): WebhookSource {
  return webhookSource({
    key: 'twilio',
    issuesSecrets: true,
    verify: twilioScheme(),
    deliveryId: ({ headers }) => headers['i-twilio-idempotency-token'],
    type: (request) => {
      const form = formOf(request);
      return form.get('MessageStatus') ?? form.get('CallStatus') ?? form.get('SmsStatus') ?? 'unknown';
    },
    aggregate: (request) => {
      const form = formOf(request);
      return { type: 'twilio', id: form.get('MessageSid') ?? form.get('CallSid') ?? 'unknown' };
    },
    reply: { contentType: 'text/xml', body: '<Response/>' },
    ...options,
  });
}

/** A quote in a text is escaped, so this is never within a text. */
const ATTEMPT = /"attemptNumber"\s*:\s*\d+/g;

/**
 * HubSpot, signature version 3. The method, the URL, the body and the time are signed, so the module needs
 * `publicUrl`. HubSpot sends lists of events without an id of the list. So the list is what is accepted once,
 * without the `attemptNumber` of its events, which is another one in each repetition.
 *
 * https://developers.hubspot.com/docs/guides/apps/authentication/validating-requests
 */
export function hubspotSource(options: ProviderOptions): WebhookSource {
  return webhookSource({
    key: 'hubspot',
    issuesSecrets: true,
    verify: hubspotScheme(),
    deliveryId: (request) => {
      const text = textOf(request);
      return text === undefined ? undefined : `sha256:${sha256Hex(text.replace(ATTEMPT, ''))}`;
    },
    type: (request) => {
      const json = jsonOf(request);
      const first = Array.isArray(json) ? (json[0] as { subscriptionType?: unknown } | undefined) : undefined;
      return typeof first?.subscriptionType === 'string' ? first.subscriptionType : 'unknown';
    },
    ...options,
  });
}

function dateOf(text: string | undefined): Date | undefined {
  return text === undefined || isNoDay(text) ? undefined : new Date(text);
}

function dateOfSeconds(text: string | undefined): Date | undefined {
  return text === undefined ? undefined : new Date(Number(text) * 1_000);
}
