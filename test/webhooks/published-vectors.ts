import { createHash, generateKeyPairSync } from 'node:crypto';
import {
  adyenSource,
  mailgunSource,
  paddleSource,
  pagerdutySource,
  type RawWebhookRequest,
  sendgridSource,
  squareSource,
  twitchSource,
  type WebhookSource,
  workosSource,
} from 'nestjs-integration/webhooks';

/** A signed request that was published together with its secret. */
export interface Vector {
  readonly name: string;
  /** Where it stands. */
  readonly published: string;
  readonly source: WebhookSource;
  /** A secret of the same form that has not signed it. */
  readonly other: string;
  /** When it was signed. Undefined where no time is signed. */
  readonly signedAt?: number;
  readonly request: RawWebhookRequest;
  /** The headers whose every bit is signed, or is the signature. */
  readonly headers: readonly string[];
  readonly signsBody: boolean;
  readonly signsUrl?: boolean;
  /** What becomes of it. */
  readonly deliveryId: string;
  readonly type: string;
  readonly aggregate: string;
}

const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const OTHER_KEY = ec.publicKey.export({ format: 'der', type: 'spki' }).toString('base64');
const OTHER_HEX = '00112233445566778899AABBCCDDEEFF00112233445566778899AABBCCDDEEFF';

function request(headers: Record<string, string>, body: string, url = 'https://example.com/x') {
  const all = { 'content-type': 'application/json', ...headers };
  return { method: 'POST', url, headers: all, body: Buffer.from(body) };
}

const bodyId = (body: string) => `sha256:${createHash('sha256').update(body).digest('hex')}`;

const SENDGRID_SIGNATURE = 'x-twilio-email-event-webhook-signature';
const SENDGRID_TIME = 'x-twilio-email-event-webhook-timestamp';

export const SENDGRID_VECTOR: Vector = {
  name: 'SendGrid',
  published: 'sendgrid/sendgrid-php, test/unit/EventWebhookTest.php',
  source: sendgridSource({
    secrets:
      'MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE83T4O/n84iotIvIW4mdBgQ/7dAfSmpqIM8kF9mN1flpVKS3GRqe62gw+2fNNRaINXvVpiglSI8eNEc6wEA3F+g==',
  }),
  other: OTHER_KEY,
  signedAt: 1_600_112_502_000,
  request: request(
    {
      [SENDGRID_SIGNATURE]:
        'MEUCIGHQVtGj+Y3LkG9fLcxf3qfI10QysgDWmMOVmxG0u6ZUAiEAyBiXDWzM+uOe5W0JuG+luQAbPIqHh89M15TluLtEZtM=',
      [SENDGRID_TIME]: '1600112502',
    },
    '[{"email":"hello@world.com","event":"dropped","reason":"Bounced Address","sg_event_id":"ZHJvcC0xMDk5NDkxOS1MUnpYbF9OSFN0T0doUTRrb2ZTbV9BLTA","sg_message_id":"LRzXl_NHStOGhQ4kofSm_A.filterdrecv-p3mdw1-756b745b58-kmzbl-18-5F5FC76C-9.0","smtp-id":"<LRzXl_NHStOGhQ4kofSm_A@ismtpd0039p1iad1.sendgrid.net>","timestamp":1600112492}]\r\n',
  ),
  headers: [SENDGRID_SIGNATURE, SENDGRID_TIME],
  signsBody: true,
  deliveryId: 'ZHJvcC0xMDk5NDkxOS1MUnpYbF9OSFN0T0doUTRrb2ZTbV9BLTA',
  type: 'dropped',
  aggregate: 'webhook_sendgrid/ZHJvcC0xMDk5NDkxOS1MUnpYbF9OSFN0T0doUTRrb2ZTbV9BLTA',
};

export const MAILGUN_VECTOR: Vector = {
  name: 'Mailgun',
  published:
    'symfony/symfony, src/Symfony/Component/Mailer/Bridge/Mailgun/Tests/Webhook (delivered_messages.json, MailgunRequestParserTest.php)',
  source: mailgunSource({ secrets: 'key-0p6mqbf74lb20gzq9f4dhpn9rg3zyk26' }),
  other: 'key-another',
  signedAt: 1_661_621_787_000,
  request: request(
    {},
    '{"signature":{"token":"d1931d9645b65e60f6fddf94448e982ff8db9256144a7fcb15","timestamp":"1661621787","signature":"1aed11dcc25700d6b75f9a6d568343ea02ecdd3fc89cc3209e2883a19e5cdd50"},"event-data":{"id":"CPgfbmQMTCKtHW6uIWtuVe","timestamp":1521472262.000002,"log-level":"info","event":"delivered","message":{"headers":{"to":"Alice <alice@example.com>","message-id":"20130503182626.18666.16540@app.symfony.com","from":"Bob <bob@app.symfony.com>","subject":"Test delivered webhook"},"attachments":[],"size":111},"recipient":"alice@example.com"}}',
  ),
  headers: [],
  signsBody: false,
  deliveryId: 'CPgfbmQMTCKtHW6uIWtuVe:1521472262.000002',
  type: 'delivered',
  aggregate: 'mailgun_message/20130503182626.18666.16540@app.symfony.com',
};

export const TWITCH_VECTOR: Vector = {
  name: 'Twitch',
  published: 'nicklaw5/helix, eventsub_test.go (TestVerifyEventSubNotification)',
  source: twitchSource({ secrets: 's3cRe7' }),
  other: 's3cRe8',
  signedAt: Date.parse('2019-11-16T10:11:12.123Z'),
  request: request(
    {
      'twitch-eventsub-message-id': 'e76c6bd4-55c9-4987-8304-da1588d8988b',
      'twitch-eventsub-message-timestamp': '2019-11-16T10:11:12.123Z',
      'twitch-eventsub-message-signature':
        'sha256=7e5a96480c29cdf834b371e7a5b049638cba6e425ea51b9b2a9fabf69bc5d227',
    },
    '{"challenge":"pogchamp-kappa-360noscope-vohiyo","subscription":{"id":"f1c2a387-161a-49f9-a165-0f21d7a4e1c4","status":"webhook_callback_verification_pending","type":"channel.follow","version":"1","condition":{"broadcaster_user_id":"12826"},"transport":{"method":"webhook","callback":"https://example.com/webhooks/callback"},"created_at":"2019-11-16T10:11:12.123Z"}}',
  ),
  headers: [
    'twitch-eventsub-message-id',
    'twitch-eventsub-message-timestamp',
    'twitch-eventsub-message-signature',
  ],
  signsBody: true,
  deliveryId: 'e76c6bd4-55c9-4987-8304-da1588d8988b',
  // It is the challenge of a new subscription, which is answered before anything becomes of it.
  type: 'revocation',
  aggregate: 'twitch_subscription/f1c2a387-161a-49f9-a165-0f21d7a4e1c4',
};

export const SQUARE_VECTOR: Vector = {
  name: 'Square',
  published: 'https://developer.squareup.com/docs/webhooks/step3validate, the request of the example',
  source: squareSource({ secrets: 'asdf1234' }),
  other: 'asdf1235',
  request: request(
    { 'x-square-hmacsha256-signature': '2kRE5qRU2tR+tBGlDwMEw2avJ7QM4ikPYD/PJ3bd9Og=' },
    '{"hello":"world"}',
    'https://example.com/webhook',
  ),
  headers: ['x-square-hmacsha256-signature'],
  signsBody: true,
  signsUrl: true,
  // The example is no event, so it has no id but its body.
  deliveryId: bodyId('{"hello":"world"}'),
  type: 'unknown',
  aggregate: 'square_event/unknown',
};

export const ADYEN_PAYMENT_VECTOR: Vector = {
  name: 'Adyen, a payment',
  published: 'Adyen/adyen-node-api-library, src/__tests__/hmacValidator.spec.ts',
  source: adyenSource({ secrets: 'DFB1EB5485895CFA84146406857104ABB4CBCABDC8AAF103A624C8F6A3EAAB00' }),
  other: OTHER_HEX,
  request: request(
    {},
    '{"live":"false","notificationItems":[{"NotificationRequestItem":{"additionalData":{"hmacSignature":"xhpHvYq2u2Np0rstbZ6QjLGu7JWhvf7Iwaa6EviJSX0="},"amount":{"currency":"EUR","value":1000},"eventCode":"CAPTURE","eventDate":"1970-01-01T00:00:00.000Z","merchantAccountCode":"merchantAccount","merchantReference":"reference","originalReference":"originalReference","paymentMethod":"VISA","pspReference":"pspReference","reason":"reason","success":"true"}}]}',
  ),
  headers: [],
  signsBody: false,
  deliveryId: 'CAPTURE:pspReference:true',
  type: 'CAPTURE',
  aggregate: 'adyen_payment/originalReference',
};

const ACCOUNT_HOLDER =
  '{"eventDate":"2018-07-09T12:07:27+02:00","eventType":"ACCOUNT_HOLDER_CREATED","executingUserKey":"ws","live":false,"pspReference":"9915311308462016","content":{"invalidFields":[],"pspReference":"9915311308462016","accountCode":"9915311308462024","accountHolderCode":"6750d8cf-80ab-4a34-b2c5-f8a1f37a79da","accountHolderDetails":{"bankAccountDetails":[],"email":"testEmail@gmail.com","individualDetails":{"name":{"firstName":"TestFirstName","gender":"MALE","lastName":"TestData"}},"merchantCategoryCode":"7999"},"accountHolderStatus":{"status":"Active","processingState":{"disabled":false,"processedFrom":{"currency":"EUR","value":0},"processedTo":{"currency":"EUR","value":0},"tierNumber":0},"payoutState":{"allowPayout":false,"disabled":false,"tierNumber":0},"events":[]},"legalEntity":"Individual","verification":{}}}';

export const VECTORS: readonly Vector[] = [
  SENDGRID_VECTOR,
  MAILGUN_VECTOR,
  {
    name: 'Paddle',
    published: 'PaddleHQ/paddle-go-sdk, webhook_verifier_test.go',
    source: paddleSource({
      secrets: 'pdl_ntfset_01hsdn8d43dt7mezr1ef2jtbaw_hKkRiCGyyRhbFwIUuqiTBgI7gnWoV0Gr',
    }),
    other: 'pdl_ntfset_another',
    signedAt: 1_710_929_255_000,
    request: request(
      {
        'paddle-signature':
          'ts=1710929255;h1=6c05ef8fa83c44d751be6d259ec955ce5638e2c54095bf128e408e2fce1589c8',
      },
      '{"data":{"id":"pri_01hsdn96k2hxjzsq5yerecdj9j","name":null,"status":"active","quantity":{"maximum":999999,"minimum":1},"tax_mode":"account_setting","product_id":"pro_01hsdn8qp7yydry3x1yeg6a9rv","unit_price":{"amount":"1000","currency_code":"USD"},"custom_data":null,"description":"testing","import_meta":null,"trial_period":null,"billing_cycle":{"interval":"month","frequency":1},"unit_price_overrides":[]},"event_id":"evt_01hsdn97563968dy0szkmgjwh3","event_type":"price.created","occurred_at":"2024-03-20T10:07:35.590857Z","notification_id":"ntf_01hsdn977e920kbgzt6r6c9rqc"}',
    ),
    headers: ['paddle-signature'],
    signsBody: true,
    deliveryId: 'evt_01hsdn97563968dy0szkmgjwh3',
    type: 'price.created',
    aggregate: 'paddle_price/pri_01hsdn96k2hxjzsq5yerecdj9j',
  },
  {
    name: 'WorkOS',
    published: 'workos/workos-python, tests/test_webhooks.py',
    source: workosSource({ secrets: '1lyKDzhJjuCkIscIWqkSe4YsQ' }),
    other: '1lyKDzhJjuCkIscIWqkSe4YsR',
    signedAt: 1_632_409_405_772,
    request: request(
      {
        'workos-signature':
          't=1632409405772, v1=67612f0e74f008b436a13b00266f90ef5c13f9cbcf6262206f5f4a539ff61702',
      },
      '{"id":"wh_01FG9JXJ9C9S052FX59JVG4EG1","data":{"id":"conn_01EHWNC0FCBHZ3BJ7EGKYXK0E6","name":"Foo Corp\'s Connection","state":"active","object":"connection","domains":[{"id":"conn_domain_01EHWNFTAFCF3CQAE5A9Q0P1YB","domain":"foo-corp.com","object":"connection_domain"}],"connection_type":"OktaSAML","organization_id":"org_01EHWNCE74X7JSDV0X3SZ3KJNY"},"event":"connection.activated"}',
    ),
    // A blank between the parts may be another one, so only the signature is looked at.
    headers: [],
    signsBody: true,
    deliveryId: 'wh_01FG9JXJ9C9S052FX59JVG4EG1',
    type: 'connection.activated',
    aggregate: 'workos_connection/conn_01EHWNC0FCBHZ3BJ7EGKYXK0E6',
  },
  {
    name: 'PagerDuty',
    published: 'PagerDuty/go-pagerduty, webhookv3/webhookv3_test.go',
    source: pagerdutySource({
      secrets: 'lDQHScfUeXUKaQRNF+8XIiDKZ7XX3itBAYzwU0TARw8lJqRnkKl2iB1anSb0Z+IK',
    }),
    other: 'another',
    request: request(
      {
        'x-pagerduty-signature': 'v1=0c0b9495b893a39e70d1fea2fe11fbe0a825f88b9f67846f6cc07dd2bc5476cd',
      },
      '{"event":{"id":"01BWDWL3NYY7LUFPZCC28QUCMK","event_type":"incident.priority_updated","resource_type":"incident","occurred_at":"2021-04-26T17:36:27.458Z","agent":{"html_url":"https://acme.pagerduty.com/users/PLH1HKV","id":"PLH1HKV","self":"https://api.pagerduty.com/users/PLH1HKV","summary":"Tenex Engineer","type":"user_reference"},"client":null,"data":{"id":"PGR0VU2","type":"incident","self":"https://api.pagerduty.com/incidents/PGR0VU2","html_url":"https://acme.pagerduty.com/incidents/PGR0VU2","number":2,"status":"triggered","title":"A little bump in the road","service":{"html_url":"https://acme.pagerduty.com/services/PF9KMXH","id":"PF9KMXH","self":"https://api.pagerduty.com/services/PF9KMXH","summary":"API Service","type":"service_reference"},"assignees":[{"html_url":"https://acme.pagerduty.com/users/PTUXL6G","id":"PTUXL6G","self":"https://api.pagerduty.com/users/PTUXL6G","summary":"User 123","type":"user_reference"}],"escalation_policy":{"html_url":"https://acme.pagerduty.com/escalation_policies/PUS0KTE","id":"PUS0KTE","self":"https://api.pagerduty.com/escalation_policies/PUS0KTE","summary":"Default","type":"escalation_policy_reference"},"teams":[{"html_url":"https://acme.pagerduty.com/teams/PFCVPS0","id":"PFCVPS0","self":"https://api.pagerduty.com/teams/PFCVPS0","summary":"Engineering","type":"team_reference"}],"priority":{"html_url":"https://acme.pagerduty.com/account/incident_priorities","id":"PSO75BM","self":"https://api.pagerduty.com/priorities/PSO75BM","summary":"P1","type":"priority_reference"},"urgency":"high","conference_bridge":{"conference_number":1000,"conference_url":"https://example.com"},"resolve_reason":null}}}',
    ),
    headers: ['x-pagerduty-signature'],
    signsBody: true,
    deliveryId: '01BWDWL3NYY7LUFPZCC28QUCMK',
    type: 'incident.priority_updated',
    aggregate: 'pagerduty_incident/PGR0VU2',
  },
  TWITCH_VECTOR,
  SQUARE_VECTOR,
  ADYEN_PAYMENT_VECTOR,
  {
    name: 'Adyen, an account holder',
    published:
      'https://docs.adyen.com/classic-platforms/configure-notifications/signing-notifications-with-hmac',
    source: adyenSource({ secrets: '79A3EAF309C43708726A8C284C0D72618696A12E840DFA1DF3A158AFA3B577DA' }),
    other: OTHER_HEX,
    request: request({ hmacsignature: 'A2bHr0WPlKg1fJLVEDReVAdUDWt3znmsuYvp2KdihXY=' }, ACCOUNT_HOLDER),
    headers: ['hmacsignature'],
    signsBody: true,
    deliveryId: bodyId(ACCOUNT_HOLDER),
    type: 'ACCOUNT_HOLDER_CREATED',
    aggregate: `adyen_object/${bodyId(ACCOUNT_HOLDER)}`,
  },
];
