import { fieldOf, jsonOf, type RawWebhookRequest } from '../definitions/raw-request.js';
import type { CommonSourceOptions, SourceSecrets, WebhookSource } from '../definitions/webhook-source.js';
import { adyenField, adyenScheme } from '../schemes/adyen.scheme.js';
import { sha256Hex } from '../schemes/digest.js';
import { hmacScheme } from '../schemes/hmac.scheme.js';
import { mailgunScheme } from '../schemes/mailgun.scheme.js';
import { sendgridScheme } from '../schemes/sendgrid.scheme.js';
import { signatureListScheme } from '../schemes/signature-list.scheme.js';
import { twitchScheme } from '../schemes/twitch.scheme.js';
import { webhookSource } from './make-source.js';

type SenderOptions = CommonSourceOptions & SourceSecrets;

/** Mailgun repeats a delivery for eight hours, and does not say that it signs it again. */
const MAILGUN_TOLERANCE_MS = 12 * 3_600_000;
/** SendGrid repeats a delivery for a day, and does not say that it signs it again. */
const SENDGRID_TOLERANCE_MS = 24 * 3_600_000;
/** How old a message of Twitch may be, as its documentation says. */
const TWITCH_TOLERANCE_MS = 600_000;

/**
 * SendGrid: events of mails. The secrets are public keys. A delivery is a list of events: its id is made of
 * theirs (`sg_event_id`). The type is `event`, or `batch` for a list of several types.
 *
 * A signed time may be a day old, because a repetition may be so late. Nobody can use that: the events are
 * signed, and each list of them is accepted once.
 */
export function sendgridSource(options: SenderOptions): WebhookSource {
  return webhookSource({
    key: 'sendgrid',
    issuesSecrets: true,
    verify: sendgridScheme(),
    toleranceMs: SENDGRID_TOLERANCE_MS,
    deliveryId: (request) => {
      const ids = fieldsOfList(request, 'sg_event_id');
      return ids.length === 1
        ? ids[0]
        : ids.length === 0
          ? bodyId(request)
          : `sha256:${sha256Hex(ids.join(' '))}`;
    },
    type: (request) => {
      const types = new Set(fieldsOfList(request, 'event'));
      return types.size === 1 ? ([...types][0] ?? 'unknown') : 'batch';
    },
    ...options,
  });
}

/**
 * Mailgun: events of mails. Only a time and a token are signed, and not the event. The id is that of the
 * event with its time, because Mailgun uses an id again after a day. The type is the event; of a failure also
 * how severe it is, such as `failed.permanent`. Events of one mail are handled in the order in which they
 * came.
 *
 * A signed time may be twelve hours old, because a repetition may be so late. A captured signature with
 * another event is refused (`repeatedBody: 'reject'`).
 */
export function mailgunSource(options: SenderOptions): WebhookSource {
  const event = (request: RawWebhookRequest, ...path: string[]) => fieldOf(request, 'event-data', ...path);
  return webhookSource({
    key: 'mailgun',
    issuesSecrets: true,
    verify: mailgunScheme(),
    toleranceMs: MAILGUN_TOLERANCE_MS,
    repeatedBody: 'reject',
    deliveryId: (request) => {
      const id = event(request, 'id');
      return id === undefined
        ? fieldOf(request, 'signature', 'token')
        : `${id}:${event(request, 'timestamp')}`;
    },
    type: (request) => {
      const [name = 'unknown', severity] = [event(request, 'event'), event(request, 'severity')];
      return severity === undefined ? name : `${name}.${severity}`;
    },
    aggregate: (request) => ({
      type: 'mailgun_message',
      id: event(request, 'message', 'headers', 'message-id') ?? event(request, 'id') ?? 'unknown',
    }),
    occurredAt: (request) => new Date(Number(event(request, 'timestamp') ?? Number.NaN) * 1_000),
    ...options,
  });
}

/**
 * Paddle Billing. The id is `event_id`, so a notification that somebody sends again by hand is a repetition.
 * Events about one thing, such as a subscription, are handled in the order in which they came.
 *
 * https://developer.paddle.com/webhooks/about/signature-verification
 */
export function paddleSource(options: SenderOptions): WebhookSource {
  return webhookSource({
    key: 'paddle',
    issuesSecrets: true,
    verify: signatureListScheme({
      header: 'Paddle-Signature',
      separator: ';',
      signature: 'h1',
      time: { name: 'ts', unit: 's', joint: ':' },
    }),
    deliveryId: (request) => fieldOf(request, 'event_id'),
    type: (request) => fieldOf(request, 'event_type') ?? 'unknown',
    aggregate: (request) => ({
      type: `paddle_${beforeDot(fieldOf(request, 'event_type'))}`,
      id: fieldOf(request, 'data', 'id') ?? fieldOf(request, 'event_id') ?? 'unknown',
    }),
    occurredAt: (request) => new Date(fieldOf(request, 'occurred_at') ?? Number.NaN),
    ...options,
  });
}

/**
 * WorkOS. Events about one thing, such as a connection, are handled in the order in which they came.
 *
 * https://workos.com/docs/events/data-syncing/webhooks
 */
export function workosSource(options: SenderOptions): WebhookSource {
  return webhookSource({
    key: 'workos',
    issuesSecrets: true,
    verify: signatureListScheme({
      header: 'WorkOS-Signature',
      separator: ',',
      signature: 'v1',
      time: { name: 't', unit: 'ms', joint: '.' },
    }),
    deliveryId: (request) => fieldOf(request, 'id'),
    type: (request) => fieldOf(request, 'event') ?? 'unknown',
    aggregate: (request) => ({
      type: `workos_${fieldOf(request, 'data', 'object') ?? 'event'}`,
      id: fieldOf(request, 'data', 'id') ?? fieldOf(request, 'id') ?? 'unknown',
    }),
    occurredAt: (request) => new Date(fieldOf(request, 'created_at') ?? Number.NaN),
    ...options,
  });
}

/**
 * PagerDuty, webhooks of version 3. The body is signed; a time is not, but the id of the event is in the
 * body. Events about one incident are handled in the order in which they came.
 *
 * https://developer.pagerduty.com/docs/verifying-signatures
 */
export function pagerdutySource(options: SenderOptions): WebhookSource {
  return webhookSource({
    key: 'pagerduty',
    issuesSecrets: true,
    verify: signatureListScheme({ header: 'X-PagerDuty-Signature', separator: ',', signature: 'v1' }),
    deliveryId: (request) => fieldOf(request, 'event', 'id'),
    type: (request) => fieldOf(request, 'event', 'event_type') ?? 'unknown',
    aggregate: (request) => ({
      type: `pagerduty_${fieldOf(request, 'event', 'resource_type') ?? 'event'}`,
      id: fieldOf(request, 'event', 'data', 'id') ?? fieldOf(request, 'event', 'id') ?? 'unknown',
    }),
    occurredAt: (request) => new Date(fieldOf(request, 'event', 'occurred_at') ?? Number.NaN),
    ...options,
  });
}

/**
 * Twitch EventSub. The id of the message is signed. The type is that of the subscription, such as
 * `channel.follow`; a body without an event is a `revocation`. The challenge of a new subscription is
 * answered. Events of one subscription are handled in the order in which they came.
 *
 * https://dev.twitch.tv/docs/eventsub/handling-webhook-events/
 */
export function twitchSource(options: SenderOptions): WebhookSource {
  return webhookSource({
    key: 'twitch',
    verify: twitchScheme(),
    toleranceMs: TWITCH_TOLERANCE_MS,
    deliveryId: ({ headers }) => headers['twitch-eventsub-message-id'],
    // The header with the kind of the message is not signed, so the body decides.
    type: (request) =>
      hasEvent(request) ? (fieldOf(request, 'subscription', 'type') ?? 'unknown') : 'revocation',
    aggregate: (request) => ({
      type: 'twitch_subscription',
      id: fieldOf(request, 'subscription', 'id') ?? 'unknown',
    }),
    occurredAt: ({ headers }) => new Date(headers['twitch-eventsub-message-timestamp'] ?? Number.NaN),
    handshake: (request, { verified }) => {
      const challenge = fieldOf(request, 'challenge');
      return verified && challenge !== undefined && !hasEvent(request) ? { body: challenge } : undefined;
    },
    ...options,
  });
}

/**
 * Square. The URL and the body are signed, so the module needs `publicUrl`; a time is not, but the id of the
 * event is in the body. Events about one thing, such as a payment, are handled in the order in which they
 * came.
 *
 * https://developer.squareup.com/docs/webhooks/step3validate
 */
export function squareSource(options: SenderOptions): WebhookSource {
  return webhookSource({
    key: 'square',
    issuesSecrets: true,
    verify: hmacScheme({
      header: 'X-Square-HmacSha256-Signature',
      encoding: 'base64',
      signsUrl: true,
      signed: ({ url, body }) => [url, body],
    }),
    deliveryId: (request) => fieldOf(request, 'event_id'),
    type: (request) => fieldOf(request, 'type') ?? 'unknown',
    aggregate: (request) => ({
      type: `square_${fieldOf(request, 'data', 'type') ?? 'event'}`,
      id: fieldOf(request, 'data', 'id') ?? fieldOf(request, 'event_id') ?? 'unknown',
    }),
    occurredAt: (request) => new Date(fieldOf(request, 'created_at') ?? Number.NaN),
    ...options,
  });
}

/**
 * Adyen: webhooks about payments, and those of its platforms. Of a notification about a payment only eight
 * fields are signed: `pspReference`, `originalReference`, `merchantAccountCode`, `merchantReference`,
 * `amount`, `eventCode` and `success`. Its id is made of three of them, by which Adyen tells events apart.
 * Of other webhooks the body is signed, and the body is the id. Events about one payment are handled in the
 * order in which they came. A time is not signed.
 *
 * https://docs.adyen.com/development-resources/webhooks/secure-webhooks/verify-hmac-signatures
 */
export function adyenSource(options: SenderOptions): WebhookSource {
  return webhookSource({
    key: 'adyen',
    issuesSecrets: true,
    verify: adyenScheme(),
    deliveryId: (request) => {
      const eventCode = adyenField(request, 'eventCode');
      if (eventCode === undefined) return bodyId(request);
      return `${eventCode}:${adyenField(request, 'pspReference')}:${adyenField(request, 'success')}`;
    },
    type: (request) =>
      adyenField(request, 'eventCode') ??
      fieldOf(request, 'type') ??
      fieldOf(request, 'eventType') ??
      'unknown',
    aggregate: (request) => {
      const payment = adyenField(request, 'originalReference') || adyenField(request, 'pspReference');
      if (payment !== undefined) return { type: 'adyen_payment', id: payment };
      return { type: 'adyen_object', id: fieldOf(request, 'data', 'id') ?? bodyId(request) };
    },
    occurredAt: (request) =>
      new Date(adyenField(request, 'eventDate') ?? fieldOf(request, 'timestamp') ?? Number.NaN),
    reply: { body: '[accepted]' },
    ...options,
  });
}

/** A text of each element of a body that is a list, where it is there. */
function fieldsOfList(request: RawWebhookRequest, name: string): string[] {
  const json = jsonOf(request);
  const elements: readonly unknown[] = Array.isArray(json) ? json : [];
  return elements.flatMap((element) => {
    const value = (element as Record<string, unknown> | null)?.[name];
    return typeof value === 'string' ? [value] : [];
  });
}

/** The id of a delivery that is known by its body. */
function bodyId({ body }: RawWebhookRequest): string {
  return `sha256:${sha256Hex(body)}`;
}

function hasEvent(request: RawWebhookRequest): boolean {
  const json = jsonOf(request);
  return typeof json === 'object' && json !== null && ('event' in json || 'events' in json);
}

/** `subscription` of `subscription.created`. */
function beforeDot(type = 'event'): string {
  return type.split('.', 1)[0] ?? type;
}
