import { createHash, createHmac, generateKeyPairSync, sign } from 'node:crypto';
import {
  basicSource,
  ed25519Source,
  githubSource,
  hmacSource,
  hubspotSource,
  jwksSource,
  type RawWebhookRequest,
  sharedSecretSource,
  shopifySource,
  slackSource,
  standardSource,
  stripeSource,
  twilioSource,
  type WebhookSource,
} from 'nestjs-integration/webhooks';

/** A time in whole seconds, by which all of these requests are signed. */
export const NOW = 1_790_000_000_000;
export const SECONDS = String(NOW / 1_000);
export const BODY = Buffer.from('{"id":"evt_1","type":"invoice.paid","data":{"object":{"id":"in_1"}}}');
export const WHSEC = `whsec_${Buffer.from('a key of Standard Webhooks').toString('base64')}`;

export const ed25519 = generateKeyPairSync('ed25519');
const rawKey = ed25519.publicKey.export({ format: 'der', type: 'spki' }).subarray(12);
export const WHPK = `whpk_${rawKey.toString('base64')}`;
export const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });

export function request(
  headers: Record<string, string>,
  body: Buffer = BODY,
  url = 'https://example.com/webhooks/x',
): RawWebhookRequest {
  return { method: 'POST', url, headers: { 'content-type': 'application/json', ...headers }, body };
}

const mac = (
  algorithm: string,
  encoding: 'hex' | 'base64',
  secret: string | Buffer,
  ...parts: (string | Buffer)[]
) => {
  const made = createHmac(algorithm, secret);
  for (const part of parts) made.update(part);
  return made.digest(encoding);
};

/** A token of ES256 over these claims. */
export function token(claims: object, header: object = { alg: 'ES256', kid: 'k1' }): string {
  const [head, body] = [header, claims].map((part) =>
    Buffer.from(JSON.stringify(part)).toString('base64url'),
  );
  const signature = sign('sha256', Buffer.from(`${head}.${body}`), {
    key: ec.privateKey,
    dsaEncoding: 'ieee-p1363',
  });
  return `${head}.${body}.${signature.toString('base64url')}`;
}

const own = (key: string) => ({
  key,
  deliveryId: ({ headers }: RawWebhookRequest) => headers['x-delivery'],
  type: () => 'x',
});

export interface SignedExample {
  readonly name: string;
  readonly source: WebhookSource;
  readonly request: RawWebhookRequest;
  /** The headers whose every bit is signed, or is the signature. */
  readonly headers: readonly string[];
  readonly signsBody: boolean;
  readonly signsUrl?: boolean;
}

const FORM = Buffer.from('Body=hello&From=441234567890&MessageSid=SM1&To=441234567891');
/** What senders call the application by. */
export const PUBLIC_URL = 'https://example.com';
const TWILIO_URL = `${PUBLIC_URL}/webhooks/twilio`;

/** A signed request of each scheme. */
export const EXAMPLES: readonly SignedExample[] = signedExamples(NOW);

/** A request of each scheme that is signed at this time, in whole seconds. The sources have names of their own. */
export function signedExamples(now: number): SignedExample[] {
  const seconds = String(now / 1_000);
  return [
    {
      name: 'GitHub',
      source: githubSource({ secrets: 'secret' }),
      request: request({
        'x-hub-signature-256': `sha256=${mac('sha256', 'hex', 'secret', BODY)}`,
        'x-github-event': 'push',
        'x-github-delivery': 'd1',
      }),
      headers: ['x-hub-signature-256'],
      signsBody: true,
    },
    {
      name: 'Stripe',
      source: stripeSource({ secrets: 'secret' }),
      request: request({
        'stripe-signature': `t=${seconds},v1=${mac('sha256', 'hex', 'secret', seconds, '.', BODY)}`,
      }),
      headers: ['stripe-signature'],
      signsBody: true,
    },
    {
      name: 'Standard Webhooks v1',
      source: standardSource({ key: 'standard', secrets: WHSEC }),
      request: request({
        'webhook-id': 'msg_1',
        'webhook-timestamp': seconds,
        'webhook-signature': `v1,${mac('sha256', 'base64', Buffer.from(WHSEC.slice(6), 'base64'), `msg_1.${seconds}.`, BODY)}`,
      }),
      headers: ['webhook-id', 'webhook-timestamp', 'webhook-signature'],
      signsBody: true,
    },
    {
      name: 'Standard Webhooks v1a',
      source: standardSource({ key: 'standard-v1a', secrets: WHPK }),
      request: request({
        'webhook-id': 'msg_1',
        'webhook-timestamp': seconds,
        'webhook-signature': `v1a,${sign(null, Buffer.concat([Buffer.from(`msg_1.${seconds}.`), BODY]), ed25519.privateKey).toString('base64')}`,
      }),
      headers: ['webhook-id', 'webhook-timestamp', 'webhook-signature'],
      signsBody: true,
    },
    {
      name: 'Shopify',
      source: shopifySource({ secrets: 'secret' }),
      request: request({ 'x-shopify-hmac-sha256': mac('sha256', 'base64', 'secret', BODY) }),
      headers: ['x-shopify-hmac-sha256'],
      signsBody: true,
    },
    {
      name: 'Slack',
      source: slackSource({ secrets: 'secret' }),
      request: request({
        'x-slack-request-timestamp': seconds,
        'x-slack-signature': `v0=${mac('sha256', 'hex', 'secret', `v0:${seconds}:`, BODY)}`,
      }),
      headers: ['x-slack-request-timestamp', 'x-slack-signature'],
      signsBody: true,
    },
    {
      name: 'Twilio, a form',
      source: twilioSource({ secrets: 'secret' }),
      request: request(
        {
          'content-type': 'application/x-www-form-urlencoded',
          'x-twilio-signature': mac(
            'sha1',
            'base64',
            'secret',
            `${TWILIO_URL}BodyhelloFrom441234567890MessageSidSM1To441234567891`,
          ),
        },
        FORM,
        TWILIO_URL,
      ),
      headers: ['x-twilio-signature'],
      signsBody: true,
      signsUrl: true,
    },
    {
      name: 'Twilio, JSON',
      source: twilioSource({ key: 'twilio-json', secrets: 'secret' }),
      request: (() => {
        const url = `${TWILIO_URL}-json?bodySHA256=${createHash('sha256').update(BODY).digest('hex')}`;
        return request({ 'x-twilio-signature': mac('sha1', 'base64', 'secret', url) }, BODY, url);
      })(),
      headers: ['x-twilio-signature'],
      signsBody: true,
      signsUrl: true,
    },
    {
      name: 'HubSpot',
      source: hubspotSource({ secrets: 'secret' }),
      request: request(
        {
          'x-hubspot-request-timestamp': String(now),
          'x-hubspot-signature-v3': mac(
            'sha256',
            'base64',
            'secret',
            `POST${PUBLIC_URL}/webhooks/hubspot`,
            BODY,
            String(now),
          ),
        },
        BODY,
        `${PUBLIC_URL}/webhooks/hubspot`,
      ),
      headers: ['x-hubspot-request-timestamp', 'x-hubspot-signature-v3'],
      signsBody: true,
      signsUrl: true,
    },
    {
      name: 'HMAC of one’s own',
      source: hmacSource({
        ...own('hmac'),
        secrets: 'secret',
        signature: { header: 'X-Sign', algorithm: 'sha512', encoding: 'base64', timestampHeader: 'X-Time' },
      }),
      request: request({
        'x-time': seconds,
        'x-sign': mac('sha512', 'base64', 'secret', seconds, '.', BODY),
      }),
      headers: ['x-time', 'x-sign'],
      signsBody: true,
    },
    {
      name: 'Ed25519',
      source: ed25519Source({
        ...own('ed25519'),
        secrets: rawKey.toString('hex'),
        signature: { header: 'X-Signature-Ed25519', timestampHeader: 'X-Signature-Timestamp' },
      }),
      request: request({
        'x-signature-timestamp': seconds,
        'x-signature-ed25519': sign(
          null,
          Buffer.concat([Buffer.from(seconds), BODY]),
          ed25519.privateKey,
        ).toString('hex'),
      }),
      headers: ['x-signature-timestamp', 'x-signature-ed25519'],
      signsBody: true,
    },
    {
      name: 'JWT with a hash of the body',
      source: jwksSource({
        ...own('jwks'),
        token: {
          header: 'X-Token',
          keys: { keys: [{ ...ec.publicKey.export({ format: 'jwk' }), kid: 'k1' }] },
          bodyHashClaim: 'body',
          issuer: 'sender',
          audience: 'us',
        },
      }),
      request: request({
        'x-token': token({
          iss: 'sender',
          aud: ['us'],
          iat: now / 1_000,
          body: createHash('sha256').update(BODY).digest('hex'),
        }),
      }),
      headers: ['x-token'],
      signsBody: true,
    },
    {
      name: 'a shared secret',
      source: sharedSecretSource({ ...own('shared'), secrets: 'secret', where: 'X-Secret' }),
      request: request({ 'x-secret': 'secret' }),
      headers: ['x-secret'],
      signsBody: false,
    },
    {
      name: 'basic authentication',
      source: basicSource({ ...own('basic'), secrets: 'name:password' }),
      request: request({ authorization: `Basic ${Buffer.from('name:password').toString('base64')}` }),
      headers: [],
      signsBody: false,
    },
  ];
}

/** Hex in capital letters stands for the same bytes. */
const inSmallHex = (value: string) => value.replace(/[0-9a-f]{40,}/gi, (hex) => hex.toLowerCase());

const withCommas = (value: string) => value.split(',').map((part) => part.trim());

/** The parts of the headers that are lists. What stands beside a part says nothing of it. */
const PARTS: Readonly<Record<string, (value: string) => string[]>> = {
  'webhook-signature': (value) => value.split(/\s+/).map((part) => part.replace(/,$/, '')),
  'stripe-signature': (value) => value.split(/[,;]/).map((part) => part.trim()),
  'x-hub-signature-256': withCommas,
  'x-slack-signature': withCommas,
  'x-shopify-hmac-sha256': withCommas,
  'x-hubspot-signature-v3': withCommas,
  'x-sign': withCommas,
};

/** Whether a changed header says the same: it is the same hex, or a list that still holds each of its parts. */
export function saysTheSame(name: string, changed: string, original: string): boolean {
  const partsOf = PARTS[name] ?? ((value: string) => [value]);
  const parts = partsOf(inSmallHex(changed));
  return partsOf(inSmallHex(original)).every((part) => parts.includes(part));
}
