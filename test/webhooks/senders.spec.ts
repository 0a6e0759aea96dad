import { createHmac, generateKeyPairSync, sign } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import {
  adyenSource,
  mailgunSource,
  paddleSource,
  pagerdutySource,
  type RawWebhookRequest,
  sendgridSource,
  twitchSource,
  workosSource,
} from 'nestjs-integration/webhooks';
import {
  ADYEN_PAYMENT_VECTOR,
  MAILGUN_VECTOR,
  SENDGRID_VECTOR,
  TWITCH_VECTOR,
  VECTORS,
} from './published-vectors.js';
import { NOW, request, SECONDS, saysTheSame } from './signed-requests.js';
import { deliveryFor, flipped, stepOf, TOLERANCE_MS, verify } from './verifying.js';

const json = (body: unknown) => Buffer.from(JSON.stringify(body));
const parsed = ({ body }: RawWebhookRequest) => JSON.parse(body.toString());
const hex = (secret: string, ...parts: (string | Buffer)[]) =>
  parts.reduce((mac, part) => mac.update(part), createHmac('sha256', secret)).digest('hex');

describe.each(VECTORS)('the published request of $name ($published)', (vector) => {
  const { source, request: asked, signedAt: now = NOW } = vector;

  it('is verified, and becomes the event that its sender means', async () => {
    const { event } = await deliveryFor(source, asked, now);
    expect({
      deliveryId: event.metadata?.webhook?.deliveryId,
      type: event.eventName.slice(`webhook.${source.key}.`.length),
      aggregate: `${event.aggregateType}/${event.aggregateId}`,
      signedAt: event.metadata?.webhook?.signedAt,
    }).toEqual({
      deliveryId: vector.deliveryId,
      type: vector.type,
      aggregate: vector.aggregate,
      signedAt: vector.signedAt === undefined ? undefined : new Date(vector.signedAt).toISOString(),
    });
  });

  it('is refused by another secret, and says which of two fits', async () => {
    expect(await stepOf({ ...source, secrets: [vector.other] }, asked, now)).toBe('signature');
    const rotating = { ...source, secrets: [vector.other, ...source.secrets] };
    expect(await verify(rotating, asked, now)).toMatchObject({ secret: 1 });
  });

  it('is good for as long as its sender may repeat it', async () => {
    const limit = source.toleranceMs ?? TOLERANCE_MS;
    const steps = [];
    for (const ms of [now + limit - 2_000, now + limit + 2_000]) steps.push(await stepOf(source, asked, ms));
    expect(steps).toEqual(['accepted', vector.signedAt === undefined ? 'accepted' : 'timestamp']);
  });
});

describe.each(VECTORS.filter(({ signsBody }) => signsBody))('the published request of $name', (vector) => {
  const { source, request: asked, signedAt: now = NOW } = vector;

  it('is refused if one bit of what is signed is another one', async () => {
    const accepted: string[] = [];
    const look = async (where: string, changed: RawWebhookRequest) => {
      if ((await stepOf(source, changed, now)) === 'accepted') accepted.push(where);
    };
    for (const name of vector.headers) {
      const value = Buffer.from(asked.headers[name] ?? '');
      for (let bit = 0; bit < value.length * 8; bit++) {
        const changed = flipped(value, bit).toString('latin1');
        if (saysTheSame(name, changed, value.toString())) continue;
        await look(`${name}:${bit}`, { ...asked, headers: { ...asked.headers, [name]: changed } });
      }
      await look(`${name} empty`, { ...asked, headers: { ...asked.headers, [name]: '' } });
    }
    for (let bit = 0; bit < asked.body.length * 8; bit += 7)
      await look(`body:${bit}`, { ...asked, body: flipped(asked.body, bit) });
    if (vector.signsUrl) await look('url', { ...asked, url: `${asked.url}x` });
    expect(accepted).toEqual([]);
  });
});

describe('hex in capital letters', () => {
  const inCapitals = (text: string) => text.replace(/\b[0-9a-f]{64}\b/g, (each) => each.toUpperCase());
  const signedInHex = VECTORS.map(({ name, source, signedAt, request: asked }) => {
    const headers = Object.entries(asked.headers).map(([key, value]) => [key, inCapitals(value)] as const);
    const isInBody = asked === MAILGUN_VECTOR.request;
    const body = isInBody ? Buffer.from(inCapitals(asked.body.toString())) : asked.body;
    return {
      name,
      source,
      now: signedAt,
      asked,
      changed: { ...asked, headers: Object.fromEntries(headers), body },
    };
  }).filter(({ asked, changed }) => JSON.stringify(asked) !== JSON.stringify(changed));

  it('is the signature of each sender that writes hex', async () => {
    const names = signedInHex.map(({ name }) => name).sort();
    expect(names).toEqual(['Mailgun', 'Paddle', 'PagerDuty', 'Twitch', 'WorkOS']);
    const refused: string[] = [];
    for (const { name, source, changed, now } of signedInHex)
      if ((await stepOf(source, changed, now)) !== 'accepted') refused.push(name);
    expect(refused).toEqual([]);
  });
});

describe('during a rotation', () => {
  const [old, fresh] = ['old', 'fresh'];
  const body = json({ id: '1' });
  const ms = String(NOW);
  it.each([
    [
      'PagerDuty',
      pagerdutySource({ secrets: old }),
      { 'x-pagerduty-signature': `v1=${hex(fresh, body)},v1=${hex(old, body)}` },
    ],
    [
      'Paddle',
      paddleSource({ secrets: old }),
      {
        'paddle-signature': `ts=${SECONDS};h1=${hex(fresh, SECONDS, ':', body)};h1=${hex(old, SECONDS, ':', body)}`,
      },
    ],
    [
      'WorkOS',
      workosSource({ secrets: old }),
      { 'workos-signature': `t=${ms}, v2=?, v1=${hex(fresh, ms, '.', body)}, v1=${hex(old, ms, '.', body)}` },
    ],
  ])('%s sends several signatures, of which one has to fit', async (_, source, headers) => {
    expect(await stepOf(source, request(headers, body))).toBe('accepted');
    expect(await stepOf({ ...source, secrets: ['neither'] }, request(headers, body))).toBe('signature');
  });
});

describe('a list of signatures', () => {
  const source = paddleSource({ secrets: 's' });
  const body = json({ event_id: '1' });
  const good = hex('s', SECONDS, ':', body);
  it.each([
    ['no time', `h1=${good}`],
    ['two times', `ts=${SECONDS};ts=${SECONDS};h1=${good}`],
    ['a time in milliseconds', `ts=${NOW};h1=${good}`],
    ['no signature', `ts=${SECONDS}`],
    ['a signature of another name', `ts=${SECONDS};h2=${good}`],
  ])('with %s is refused', async (_, header) => {
    expect(await stepOf(source, request({ 'paddle-signature': header }, body))).toBe('header');
  });
});

describe('SendGrid', () => {
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const key = pair.publicKey.export({ format: 'der', type: 'spki' }).toString('base64');
  const source = sendgridSource({ secrets: key });
  const signed = (body: Buffer) =>
    request(
      {
        'x-twilio-email-event-webhook-timestamp': SECONDS,
        'x-twilio-email-event-webhook-signature': sign(
          'sha256',
          Buffer.concat([Buffer.from(SECONDS), body]),
          pair.privateKey,
        ).toString('base64'),
      },
      body,
    );

  it('sends lists of events, whose ids make the id of the delivery', async () => {
    const first = { event: 'delivered', sg_event_id: 'a' };
    const second = { event: 'open', sg_event_id: 'b' };
    const [both, again, other] = [
      await deliveryFor(source, signed(json([first, second]))),
      await deliveryFor(source, signed(Buffer.from(JSON.stringify([first, second], null, 1)))),
      await deliveryFor(source, signed(json([first, { ...second, sg_event_id: 'c' }]))),
    ];
    expect(both.event.eventName).toBe('webhook.sendgrid.batch');
    expect([again.keyHash === both.keyHash, other.keyHash === both.keyHash]).toEqual([true, false]);
  });

  it('has public keys as secrets, and nothing else', () => {
    const pem = pair.publicKey.export({ format: 'pem', type: 'spki' }).toString();
    expect(() => sendgridSource({ secrets: [key, pem] })).not.toThrow();
    const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey;
    for (const secrets of ['secret', p384.export({ format: 'der', type: 'spki' }).toString('base64')])
      expect(() => sendgridSource({ secrets })).toThrow(/a verification key of SendGrid/);
  });

  it('is not verified by a key whose signature is of another message', async () => {
    const { request: asked, signedAt } = SENDGRID_VECTOR;
    expect(await stepOf(source, asked, signedAt)).toBe('signature');
  });
});

describe('Mailgun', () => {
  const { source, request: asked, signedAt } = MAILGUN_VECTOR;
  const now = signedAt;
  const { signature, 'event-data': event } = parsed(asked);
  const other = (body: unknown) => ({ ...asked, body: json(body) });

  it.each(['timestamp', 'token', 'signature'])('is refused with another %s', async (name) => {
    const changed = { ...signature, [name]: `${signature[name].slice(0, -1)}8` };
    expect(await stepOf(source, other({ signature: changed, 'event-data': event }), now)).toBe('signature');
    const { [name]: _, ...without } = signature;
    expect(await stepOf(source, other({ signature: without, 'event-data': event }), now)).toBe('header');
  });

  it('signs no event, so a captured signature with another event counts as a repeated body', async () => {
    const [genuine, forged] = [
      await deliveryFor(source, asked, now),
      await deliveryFor(source, other({ signature, 'event-data': { ...event, id: 'forged' } }), now),
    ];
    expect(forged.keyHash).not.toBe(genuine.keyHash);
    expect(forged.bodyHash).toBe(genuine.bodyHash);
    expect(forged.repeatedBody).toBe('reject');
  });

  it('says how severe a failure is, and when it happened', async () => {
    const body = { signature, 'event-data': { ...event, event: 'failed', severity: 'temporary' } };
    const { event: stored } = await deliveryFor(source, other(body), now);
    expect(stored.eventName).toBe('webhook.mailgun.failed.temporary');
    expect(stored.metadata?.webhook?.occurredAt).toBe('2018-03-19T15:11:02.000Z');
  });

  it('of a subaccount is verified by the key of the parent account', async () => {
    const body = { signature: { ...signature, signature: 'x', 'parent-signature': signature.signature } };
    expect(await stepOf(source, other(body), now)).toBe('accepted');
    expect(await stepOf(mailgunSource({ secrets: 'another' }), other(body), now)).toBe('signature');
  });
});

describe('Twitch', () => {
  const source = twitchSource({ secrets: 'secret' });
  const time = new Date(NOW).toISOString().replace('000Z', '618908427Z');
  const signed = (id: string, at: string, body: Buffer, mac = hex('secret', id, at, body)) =>
    request(
      {
        'twitch-eventsub-message-id': id,
        'twitch-eventsub-message-timestamp': at,
        'twitch-eventsub-message-signature': `sha256=${mac}`,
      },
      body,
    );
  const subscription = { id: 's1', type: 'stream.online', status: 'enabled' };

  it('tells events from revocations by the body, which is signed', async () => {
    const online = signed('m1', time, json({ subscription, event: { id: 'e1' } }));
    const revoked = signed('m2', time, json({ subscription: { ...subscription, status: 'user_removed' } }));
    const names = [];
    for (const asked of [online, revoked]) names.push((await deliveryFor(source, asked)).event.eventName);
    expect(names).toEqual(['webhook.twitch.stream.online', 'webhook.twitch.revocation']);
  });

  it('is answered the challenge of a new subscription once it is verified', () => {
    const { source: known, request: asked } = TWITCH_VECTOR;
    expect(known.handshake?.(asked, { verified: false })).toBeUndefined();
    expect(known.handshake?.(asked, { verified: true })).toEqual({
      body: 'pogchamp-kappa-360noscope-vohiyo',
    });
    const event = signed('m3', time, json({ subscription, challenge: 'x', event: {} }));
    expect(known.handshake?.(event, { verified: true })).toBeUndefined();
  });

  it('is refused where letters have moved between its id, its time and its body', async () => {
    const body = json({ subscription, event: {} });
    const mac = hex('secret', 'm12', time, body);
    const moved = [
      signed('m', `12${time}`, body, mac),
      signed(`m12${time.slice(0, 1)}`, time.slice(1), body, mac),
      signed('m12', `${time}{`, body.subarray(1), mac),
      signed('m12', time.slice(0, -1), Buffer.concat([Buffer.from('Z'), body]), mac),
      signed('m12', '2026-99-99T00:00:00Z', body, hex('secret', 'm12', '2026-99-99T00:00:00Z', body)),
    ];
    const steps = [];
    for (const asked of moved) steps.push(await stepOf(source, asked));
    expect(steps).toEqual(Array(5).fill('header'));
    expect(await stepOf(source, signed('m12', time, body))).toBe('accepted');
  });
});

describe('Adyen', () => {
  const { source, request: asked } = ADYEN_PAYMENT_VECTOR;
  const [secret = ''] = source.secrets;
  const notification = parsed(asked);
  const item = notification.notificationItems[0].NotificationRequestItem;
  const withItems = (...items: object[]) => ({
    ...asked,
    body: json({
      live: 'false',
      notificationItems: items.map((each) => ({ NotificationRequestItem: each })),
    }),
  });
  const macOf = (signed: string | Buffer) =>
    createHmac('sha256', Buffer.from(secret, 'hex')).update(signed).digest('base64');

  it.each([
    ['pspReference', 'x'],
    ['originalReference', 'x'],
    ['merchantAccountCode', 'x'],
    ['merchantReference', 'x'],
    ['amount', { currency: 'EUR', value: 1001 }],
    ['amount', { currency: 'USD', value: 1000 }],
    ['eventCode', 'REFUND'],
    ['success', 'false'],
  ])('is refused with another %s', async (name, value) => {
    expect(await stepOf(source, withItems({ ...item, [name]: value }))).toBe('signature');
  });

  it('sends one notification, so a second one, which nobody has verified, is refused', async () => {
    expect(await stepOf(source, withItems(item, { ...item, success: 'false' }))).toBe('header');
    expect(await stepOf(source, withItems())).toBe('header');
  });

  it('tells a repetition from what happened otherwise by what is signed', async () => {
    const signedItem = (changes: object) => {
      const { additionalData: _, ...fields } = { ...item, ...changes };
      const { pspReference, originalReference, merchantAccountCode, merchantReference, amount } = fields;
      const { eventCode, success } = fields;
      const signed = [pspReference, originalReference, merchantAccountCode, merchantReference];
      const text = [...signed, amount.value, amount.currency, eventCode, success].join(':');
      return withItems({ ...fields, additionalData: { hmacSignature: macOf(text) } });
    };
    const keys = [];
    for (const changes of [{}, { eventDate: '2030-01-01' }, { success: 'false' }, { eventCode: 'REFUND' }])
      keys.push((await deliveryFor(source, signedItem(changes))).keyHash);
    expect(keys[1]).toBe(keys[0]);
    expect(new Set(keys).size).toBe(3);
  });

  it('is answered as it wants', () => {
    expect(source.reply).toEqual({ body: '[accepted]' });
  });

  it('has one meaning for each signature: that of a payment is none of a body, and the other way round', async () => {
    const text = 'pspReference:originalReference:merchantAccount:reference:1000:EUR:CAPTURE:true';
    const asBody = request({ hmacsignature: item.additionalData.hmacSignature }, Buffer.from(text));
    expect(await stepOf(source, asBody)).toBe('signature');
    const body = '{"a":"1","b":"2","c":"3","d":"4","e":"5","f":"6","g":"7"}';
    const [pspReference, originalReference, merchantAccountCode, merchantReference, value, currency] =
      body.split(':');
    const asItem = withItems({
      ...{ pspReference, originalReference, merchantAccountCode, merchantReference },
      ...{ amount: { value, currency }, eventCode: body.split(':')[6], success: body.split(':')[7] },
      additionalData: { hmacSignature: macOf(body) },
    });
    expect(await stepOf(source, asItem)).toBe('header');
  });

  it('has keys in hex, and nothing else', () => {
    for (const secrets of ['secret', 'DFB1', `${secret}0`])
      expect(() => adyenSource({ secrets })).toThrow(/an HMAC key of Adyen is hex/);
  });
});
