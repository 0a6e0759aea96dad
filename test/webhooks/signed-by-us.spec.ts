import { describe, expect, it } from '@jest/globals';
import { standardSource } from 'nestjs-integration/webhooks';
import { Webhook as StandardWebhook } from 'standardwebhooks';
import { Webhook as Svix } from 'svix';
import {
  publicKeyOf,
  signatureOf,
  signingSecretFor,
} from '../../src/webhooks/outgoing/sending/signing-secrets.js';
import { isTakenHeader } from '../../src/webhooks/outgoing/sending/taken-headers.js';
import { type DestinationFormat, webhookBody } from '../../src/webhooks/outgoing/sending/webhook-body.js';
import { webhookHeaders } from '../../src/webhooks/outgoing/sending/webhook-headers.js';
import { deliveryFor, stepOf } from './verifying.js';

const EVENT = {
  id: '0199c7d5-0000-7000-8000-000000000001',
  type: 'invoice.paid',
  at: new Date('2026-11-28T10:00:00.123Z'),
  data: '{"amount": 12345678901234567890.10, "name": "Grüße \\u2028"}',
};
const SOURCE = 'urn:shop';

function signed(secrets: string[], at = new Date(), format: DestinationFormat = 'standard') {
  const body = webhookBody(format, EVENT, SOURCE);
  return { body: body.text, headers: webhookHeaders({ id: EVENT.id, at, body, secrets }) };
}

const secretOf = (signing: 'v1' | 'v1a') => signingSecretFor(signing, undefined).value;

describe('a request that is signed here', () => {
  it('is verified by standardwebhooks and svix with each secret of a rotation, and with no other', () => {
    const [before, after, other] = [secretOf('v1'), secretOf('v1'), secretOf('v1')];
    const { body, headers } = signed([after, before]);
    for (const secret of [before, after]) {
      expect(new StandardWebhook(secret).verify(body, headers)).toMatchObject({ type: 'invoice.paid' });
      expect(new Svix(secret).verify(body, headers)).toMatchObject({ type: 'invoice.paid' });
    }
    expect(() => new StandardWebhook(other).verify(body, headers)).toThrow('No matching signature');
    expect(() => new Svix(other).verify(body, headers)).toThrow('No matching signature');
    expect(() => new StandardWebhook(before).verify(`${body} `, headers)).toThrow('No matching signature');
  });

  it('is verified by them when a secret was taken along from Svix', () => {
    const given = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
    const { value, isNew } = signingSecretFor('v1', given);
    const { body, headers } = signed([value]);
    expect([value, isNew]).toEqual([given, false]);
    expect(new Svix(given).verify(body, headers)).toBeDefined();
  });

  it.each(['standard', 'cloudevents'] as const)(
    'is taken by our own standardSource, with each secret and with public keys: %s',
    async (format) => {
      const [shared, later] = [secretOf('v1'), secretOf('v1')];
      const [key, laterKey, other] = [secretOf('v1a'), secretOf('v1a'), secretOf('v1a')];
      const at = new Date();
      const { body, headers } = signed([later, shared, laterKey, key], at, format);
      const asked = { method: 'POST', url: '/', query: {}, headers, body: Buffer.from(body) } as never;
      for (const secret of [shared, later, publicKeyOf(key), publicKeyOf(laterKey)])
        expect(await stepOf(standardSource({ key: 'a', secrets: secret }), asked, at.getTime())).toBe(
          'accepted',
        );
      const others = standardSource({ key: 'a', secrets: publicKeyOf(other) });
      expect(await stepOf(others, asked, at.getTime())).not.toBe('accepted');
    },
  );

  it('has the id of the event as that of the delivery, and its type', async () => {
    const secret = secretOf('v1');
    const at = new Date();
    const { body, headers } = signed([secret], at);
    const asked = { method: 'POST', url: '/', query: {}, headers, body: Buffer.from(body) } as never;
    const delivery = await deliveryFor(standardSource({ key: 'shop', secrets: secret }), asked, at.getTime());
    expect(JSON.stringify(delivery)).toContain('invoice.paid');
    expect(headers['webhook-id']).toBe(EVENT.id);
  });

  it('has the id of the event, the time of the attempt, and one signature for each secret', () => {
    const headers = signed([secretOf('v1'), secretOf('v1a')], new Date(1_700_000_000_999)).headers;
    expect(headers).toMatchObject({
      'content-type': 'application/json',
      'webhook-id': EVENT.id,
      'webhook-timestamp': '1700000000',
      'webhook-signature': expect.stringMatching(/^v1,[\w+/]{43}= v1a,[\w+/]{86}==$/),
    });
  });

  it('has the signature that is published with Standard Webhooks', () => {
    const text = 'msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{"test": 2432232314}';
    expect(signatureOf('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', text)).toBe(
      'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    );
  });
});

describe('the body', () => {
  it('of Standard Webhooks has the data as it was kept, digit by digit', () => {
    expect(webhookBody('standard', EVENT, SOURCE).text).toBe(
      `{"type":"invoice.paid","timestamp":"2026-11-28T10:00:00.123Z","data":${EVENT.data}}`,
    );
  });

  it('of CloudEvents 1.0 has what they ask for', () => {
    const { contentType, text } = webhookBody('cloudevents', EVENT, SOURCE);
    expect(contentType).toBe('application/cloudevents+json; charset=utf-8');
    expect(text).toContain(`"data":${EVENT.data}}`);
    expect(JSON.parse(text)).toEqual({
      specversion: '1.0',
      id: EVENT.id,
      source: SOURCE,
      type: 'invoice.paid',
      time: '2026-11-28T10:00:00.123Z',
      datacontenttype: 'application/json',
      data: JSON.parse(EVENT.data),
    });
  });

  it('is JSON whatever the type of the event is', () => {
    const event = { ...EVENT, type: 'a"},"data":{"b\u2028' };
    for (const format of ['standard', 'cloudevents'] as const)
      expect(JSON.parse(webhookBody(format, event, SOURCE).text)).toMatchObject({ type: event.type });
  });
});

describe('headers of a tenant', () => {
  const body = webhookBody('standard', EVENT, SOURCE);
  const sent = (headers: Record<string, string>) =>
    webhookHeaders({ id: EVENT.id, at: new Date(), body, secrets: [secretOf('v1')], headers });

  it('are sent, with small letters', () => {
    expect(sent({ Authorization: 'Bearer x', 'X-Tenant': 'a', 'User-Agent': 'theirs' })).toMatchObject({
      authorization: 'Bearer x',
      'x-tenant': 'a',
      'user-agent': 'theirs',
    });
  });

  it.each([
    'Host',
    'Content-Length',
    'Content-Type',
    'Content-Encoding',
    'Transfer-Encoding',
    'Connection',
    'Keep-Alive',
    'Upgrade',
    'HTTP2-Settings',
    'TE',
    'Trailer',
    'Expect',
    'Proxy-Authorization',
    'Proxy-Connection',
    'webhook-id',
    'Webhook-Signature',
    'WEBHOOK-TIMESTAMP',
    'webhook-anything',
    'ce-id',
  ])('never are one of the sender: %s', (name) => {
    expect(isTakenHeader(name)).toBe(true);
    const headers = sent({ [name]: 'theirs' });
    expect(Object.values(headers)).not.toContain('theirs');
    expect(new Set(Object.keys(headers).map((each) => each.toLowerCase())).size).toBe(
      Object.keys(headers).length,
    );
  });

  it.each(['authorization', 'x-api-key', 'cookie', 'accept', 'x-webhook-id', 'traceparent'])(
    'may be any other: %s',
    (name) => {
      expect(isTakenHeader(name)).toBe(false);
    },
  );
});

describe('a secret', () => {
  it('that is made here differs each time, and has the length that Standard Webhooks asks for', () => {
    const made = Array.from({ length: 20 }, () => secretOf('v1'));
    expect(new Set(made).size).toBe(20);
    expect(made.every((each) => /^whsec_[\w+/]{43}=$/.test(each))).toBe(true);
    expect(secretOf('v1a')).toMatch(/^whsk_[\w+/]{86}==$/);
    expect(publicKeyOf(secretOf('v1a'))).toMatch(/^whpk_[\w+/]{43}=$/);
  });

  it('of Ed25519 may be its seed alone', () => {
    const whole = secretOf('v1a');
    const seed = `whsk_${Buffer.from(whole.slice(5), 'base64').subarray(0, 32).toString('base64')}`;
    expect(signingSecretFor('v1a', seed).value).toBe(seed);
    expect(publicKeyOf(seed)).toBe(publicKeyOf(whole));
    expect(signatureOf(seed, 'text')).toBe(signatureOf(whole, 'text'));
  });

  it.each([
    ['v1', ''],
    ['v1', 'hunter2-hunter2-hunter2-hunter2'],
    ['v1', `whsec_${Buffer.alloc(23).toString('base64')}`],
    ['v1', `whsec_${Buffer.alloc(65).toString('base64')}`],
    ['v1', 'whsec_not base64 at all, hunter2!'],
    ['v1', 7 as never],
    ['v1a', `whsec_${Buffer.alloc(32).toString('base64')}`],
    ['v1a', `whsk_${Buffer.alloc(31).toString('base64')}`],
    ['v1a', `whsk_${Buffer.alloc(64).toString('base64')}`],
    ['v1a', `whpk_${Buffer.alloc(32).toString('base64')}`],
  ] as const)('of %s is refused without being shown: %j', (signing, given) => {
    const refusal = () => signingSecretFor(signing, given);
    expect(refusal).toThrow(expect.objectContaining({ code: 'INTEGRATION_ADMIN_INVALID' }));
    expect(refusal).not.toThrow('hunter2');
  });
});
