import { createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { sign as signOfGithub, verify as verifyOfGithub } from '@octokit/webhooks-methods';
import {
  githubSource,
  hmacScheme,
  hmacSource,
  hubspotSource,
  jwksSource,
  type RawWebhookRequest,
  type SignatureScheme,
  slackSource,
  standardSource,
  stripeScheme,
  stripeSource,
  twilioSource,
  type WebhookSource,
  webhookSource,
} from 'nestjs-integration/webhooks';
import { Webhook as StandardWebhook } from 'standardwebhooks';
import Stripe from 'stripe';
import { Webhook as SvixWebhook } from 'svix';
import twilio from 'twilio';
import { deliveryOf } from '../../src/webhooks/incoming/webhook-event.js';
import { seededRandom } from '../support/random.js';
import { BODY, EXAMPLES, ec, NOW, request, saysTheSame, token, WHSEC } from './signed-requests.js';
import { deliveryFor, flipped, stepOf, TOLERANCE_MS, verify } from './verifying.js';

describe.each(EXAMPLES)('a request of $name', ({ source, request: signed, headers, signsBody, signsUrl }) => {
  it('is verified', async () => {
    expect(await stepOf(source, signed)).toBe('accepted');
  });

  it('is refused if one bit is another one, wherever it is signed', async () => {
    const accepted: string[] = [];
    const look = async (where: string, changed: RawWebhookRequest) => {
      if ((await stepOf(source, changed)) === 'accepted') accepted.push(where);
    };
    for (const name of headers) {
      const value = Buffer.from(signed.headers[name] ?? '');
      for (let bit = 0; bit < value.length * 8; bit++) {
        const changed = flipped(value, bit).toString('latin1');
        if (saysTheSame(name, changed, value.toString('latin1'))) continue;
        await look(`${name}:${bit}`, { ...signed, headers: { ...signed.headers, [name]: changed } });
      }
      const { [name]: _, ...rest } = signed.headers;
      await look(`${name} left out`, { ...signed, headers: rest });
    }
    if (signsBody) {
      for (let bit = 0; bit < signed.body.length * 8; bit++)
        await look(`body:${bit}`, { ...signed, body: flipped(signed.body, bit) });
      await look('body cut', { ...signed, body: signed.body.subarray(1) });
      await look('no body', { ...signed, body: Buffer.alloc(0) });
    }
    if (signsUrl) await look('url', { ...signed, url: `${signed.url}x` });
    expect(accepted).toEqual([]);
  });

  it('is refused by another secret, and says which of two fits', async () => {
    if (source.secrets[0] === 'published keys') {
      const foreign = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      const keys = { keys: [{ ...foreign.publicKey.export({ format: 'jwk' }), kid: 'k1' }] };
      const other = jwksSource({ ...source, token: { header: 'X-Token', keys } });
      expect(await stepOf(other, signed)).toBe('signature');
      return;
    }
    const another = OTHERS.find((secret) => {
      try {
        return secret !== source.secrets[0] && webhookSource({ ...source, secrets: secret });
      } catch {
        return false;
      }
    });
    expect(await stepOf({ ...source, secrets: [another ?? ''] }, signed)).toBe('signature');
    const rotating = { ...source, secrets: [another ?? '', ...source.secrets] };
    expect(await verify(rotating, signed)).toMatchObject({ secret: 1 });
  });

  it('is good for five minutes if its time is signed', async () => {
    const later = [NOW + TOLERANCE_MS - 2_000, NOW + TOLERANCE_MS + 2_000, NOW - TOLERANCE_MS - 2_000];
    const steps = [];
    for (const now of later) steps.push(await stepOf(source, signed, now));
    const signsTime = source.verify.every((scheme) => scheme.signsTime);
    expect(steps).toEqual(['accepted', ...Array(2).fill(signsTime ? 'timestamp' : 'accepted')]);
  });
});

const otherEd25519 = generateKeyPairSync('ed25519')
  .publicKey.export({ format: 'der', type: 'spki' })
  .subarray(12);
const OTHERS = [
  otherEd25519.toString('hex'),
  `whpk_${otherEd25519.toString('base64')}`,
  'other:secret',
  'another',
  `whsec_${Buffer.from('another key of the same kind').toString('base64')}`,
];

describe('twenty thousand random changes of signed requests', () => {
  it('are refused, each with its step', async () => {
    const random = seededRandom(37).next;
    const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
    const signed = EXAMPLES.filter(({ signsBody }) => signsBody);
    const accepted: string[] = [];
    const steps = new Set<string>();
    for (let n = 0; n < 20_000; n++) {
      const example = pick(signed);
      const { body, headers } = example.request;
      const name = pick(example.headers);
      const value = Buffer.from(headers[name] ?? '', 'latin1');
      const changed: RawWebhookRequest =
        random() < 0.5
          ? { ...example.request, body: mutated(body, random) }
          : {
              ...example.request,
              headers: { ...headers, [name]: mutated(value, random).toString('latin1') },
            };
      const isSame =
        changed.body.equals(body) && saysTheSame(name, changed.headers[name] ?? '', headers[name] ?? '');
      const step = isSame ? 'signature' : await stepOf(example.source, changed);
      steps.add(step);
      // Twilio signs the fields of a form and not its bytes, so another text may hold the same fields.
      if (step === 'accepted' && !isSameForm(example.request, changed)) accepted.push(`${example.name} ${n}`);
    }
    expect(accepted).toEqual([]);
    expect([...steps].sort()).toEqual(expect.arrayContaining(['header', 'signature']));
  });

  it('and of bodies that are verified make deliveries that can be stored', () => {
    const random = seededRandom(7).next;
    for (let n = 0; n < 3_000; n++) {
      const body = mutated(BODY, random);
      for (const { source, request: signed } of EXAMPLES) {
        const context = { verified: { ok: true, secret: 0 }, tenantId: '', endpointId: undefined } as const;
        const { event } = deliveryOf(source, { ...signed, body }, context);
        expect(event.eventName.startsWith(`webhook.${source.key}.`)).toBe(true);
        expect([event.aggregateType, event.aggregateId].every((text) => text.length > 0)).toBe(true);
      }
    }
  });
});

describe('the hash by which a repeated body is found', () => {
  const url = 'https://example.com/webhooks/twilio';
  const source = twilioSource({ secrets: 'tw' });
  const signedFor = (fields: string, body: string | Buffer) =>
    request(
      {
        'content-type': 'application/x-www-form-urlencoded',
        'x-twilio-signature': createHmac('sha1', 'tw')
          .update(url + fields)
          .digest('base64'),
      },
      Buffer.from(body),
      url,
    );
  const hashOf = async (from: WebhookSource, asked: RawWebhookRequest) =>
    (await deliveryFor(from, asked)).bodyHash;

  it('of a form is the same however its fields are written', async () => {
    const spellings = [
      'MessageSid=SM1&MessageStatus=sent',
      'MessageStatus=sent&MessageSid=SM1',
      '%4dessageSid=SM1&MessageStatus=sent',
      'MessageSid=SM1&MessageStatus=sent&MessageSid=SM1',
    ];
    const hashes = [];
    for (const body of spellings)
      hashes.push(await hashOf(source, signedFor('MessageSidSM1MessageStatussent', body)));
    expect(new Set(hashes).size).toBe(1);
    const other = await hashOf(source, signedFor('MessageSidSM2', 'MessageSid=SM2'));
    expect(hashes).not.toContain(other);
  });

  it('is not made for a form that is no text, because the signature says nothing of it', async () => {
    const evil = Buffer.concat([Buffer.from('MessageSid=EVIL&x='), Buffer.of(0xff)]);
    expect(await stepOf(source, signedFor('', evil))).toBe('signature');
    expect(await stepOf(source, signedFor('', ''))).toBe('accepted');
  });

  it('is that of the signed parts where a scheme signs something else than the body', async () => {
    const tokens = hmacSource({
      key: 'tokens',
      secrets: 's',
      signature: { header: 'X-Sig', signed: ({ body }) => [JSON.parse(body.toString()).token] },
      deliveryId: () => undefined,
      type: () => 'x',
    });
    const asked = (body: object) =>
      request(
        { 'x-sig': createHmac('sha256', 's').update('t1').digest('hex') },
        Buffer.from(JSON.stringify(body)),
      );
    const captured = await hashOf(tokens, asked({ token: 't1' }));
    expect(await hashOf(tokens, asked({ token: 't1', amount: 9 }))).toBe(captured);
  });
});

function isSameForm(one: RawWebhookRequest, other: RawWebhookRequest): boolean {
  const isForm = one.headers['content-type']?.startsWith('application/x-www-form') === true;
  const fields = ({ body }: RawWebhookRequest) =>
    JSON.stringify([...new URLSearchParams(body.toString())].sort());
  const joined = ({ body }: RawWebhookRequest) =>
    [...new URLSearchParams(body.toString())]
      .sort()
      .map(([name, value]) => name + value)
      .join('');
  return isForm && (fields(one) === fields(other) || joined(one) === joined(other));
}

/** Changes, inserts, deletes, repeats or swaps some bytes. */
function mutated(bytes: Buffer, random: () => number): Buffer {
  const at = Math.floor(random() * (bytes.length + 1));
  const length = 1 + Math.floor(random() * 4);
  const noise = Buffer.from(Array.from({ length }, () => Math.floor(random() * 256)));
  const kinds = [
    () => Buffer.concat([bytes.subarray(0, at), noise, bytes.subarray(at + length)]),
    () => Buffer.concat([bytes.subarray(0, at), noise, bytes.subarray(at)]),
    () => Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + length)]),
    () => Buffer.concat([bytes, bytes]),
    () => bytes.subarray(0, at),
    () => Buffer.from(bytes.toString('latin1').toUpperCase(), 'latin1'),
    () => Buffer.concat([bytes, Buffer.from(' ')]),
  ];
  return (kinds[Math.floor(random() * kinds.length)] as () => Buffer)();
}

describe('the signatures of published libraries', () => {
  const text = BODY.toString();
  const now = Date.now();
  const seconds = Math.floor(now / 1_000);

  it('of @octokit/webhooks-methods are ours, and ours theirs', async () => {
    const signature = await signOfGithub('secret', text);
    expect(
      await stepOf(githubSource({ secrets: 'secret' }), request({ 'x-hub-signature-256': signature })),
    ).toBe('accepted');
    const ours = EXAMPLES[0]?.request.headers['x-hub-signature-256'] ?? '';
    expect(await verifyOfGithub('secret', text, ours)).toBe(true);
  });

  it('of stripe are ours, and ours theirs', async () => {
    const stripe = new Stripe('sk_test_x');
    const header = stripe.webhooks.generateTestHeaderString({
      payload: text,
      secret: 'whsec_x',
      timestamp: seconds,
    });
    expect(
      await stepOf(stripeSource({ secrets: 'whsec_x' }), request({ 'stripe-signature': header }), now),
    ).toBe('accepted');
    const v1 = createHmac('sha256', 'whsec_x').update(`${seconds}.${text}`).digest('hex');
    expect(stripe.webhooks.constructEvent(text, `t=${seconds},v1=${v1}`, 'whsec_x')).toMatchObject({
      id: 'evt_1',
    });
  });

  it.each([
    ['standardwebhooks', new StandardWebhook(WHSEC), 'webhook'],
    ['svix', new SvixWebhook(WHSEC), 'svix'],
  ] as const)('of %s are ours, and ours theirs', async (_, library, prefix) => {
    const signature = library.sign('msg_2', new Date(seconds * 1_000), text);
    const headers = {
      [`${prefix}-id`]: 'msg_2',
      [`${prefix}-timestamp`]: String(seconds),
      [`${prefix}-signature`]: `v1,bm9uZQ== ${signature}`,
    };
    const source = standardSource({ key: 'standard', secrets: WHSEC, headers: prefix });
    expect(await stepOf(source, request(headers), now)).toBe('accepted');
    const mac = createHmac('sha256', Buffer.from(WHSEC.slice(6), 'base64'));
    const ours = `v1,${mac.update(`msg_2.${seconds}.${text}`).digest('base64')}`;
    expect(library.verify(text, { ...headers, [`${prefix}-signature`]: ours })).toEqual(JSON.parse(text));
  });

  it('of twilio are ours, and ours theirs', async () => {
    const url = 'https://example.com/webhooks/twilio?a=1';
    const fields = { To: '+1', From: '+2', Body: 'ä & b=c', MessageSid: 'SM2', Media: ['b', 'a', 'b'] };
    const form = new URLSearchParams();
    for (const [name, value] of Object.entries(fields))
      for (const each of [value].flat()) form.append(name, each);
    const signature = twilio.getExpectedTwilioSignature('secret', url, fields);
    const asked = request(
      { 'content-type': 'application/x-www-form-urlencoded', 'x-twilio-signature': signature },
      Buffer.from(form.toString()),
      url,
    );
    expect(await stepOf(twilioSource({ secrets: 'secret' }), asked)).toBe('accepted');
    const json = EXAMPLES.find(({ name }) => name === 'Twilio, JSON')?.request as RawWebhookRequest;
    expect(
      twilio.validateRequestWithBody(
        'secret',
        json.headers['x-twilio-signature'] ?? '',
        json.url,
        json.body.toString(),
      ),
    ).toBe(true);
  });
});

describe('spellings of honest senders', () => {
  const mac = (
    secret: string | Buffer,
    signed: string | Buffer,
    encoding: 'hex' | 'base64' = 'hex',
    algorithm = 'sha256',
  ) => createHmac(algorithm, secret).update(signed).digest(encoding);
  const seconds = String(NOW / 1_000);
  const iso = new Date(NOW).toISOString();
  const own = (signature: Parameters<typeof hmacScheme>[0]) =>
    webhookSource({
      key: 'own',
      secrets: 's',
      verify: hmacScheme(signature),
      deliveryId: () => undefined,
      type: () => 'x',
    });
  const listed = (header: string) =>
    webhookSource({
      key: 'listed',
      secrets: 's',
      verify: stripeScheme(header),
      deliveryId: () => undefined,
      type: () => 'x',
    });

  it.each([
    [
      'two signatures with a comma',
      { prefix: 'sha256=' },
      `sha256=${mac('new', BODY)},sha256=${mac('s', BODY)}`,
    ],
    [
      'two signatures with a comma and a blank',
      { prefix: 'v1=' },
      `v1=${mac('s', BODY)}, v1=${mac('new', BODY)}`,
    ],
    ['another version before it', { prefix: 'v1=' }, `v2=${mac('new', BODY)},v1=${mac('s', BODY)}`],
    ['a prefix with a comma', { prefix: 'a,b=' }, `a,b=${mac('s', BODY)}`],
    ['hex in capitals', { prefix: 'sha256=' }, `sha256=${mac('s', BODY).toUpperCase()}`],
  ])('of a signature are read: %s', async (_, options, given) => {
    const source = own({ header: 'X-Sig', ...options });
    expect(await stepOf(source, request({ 'x-sig': given }))).toBe('accepted');
    const foreign = given.replaceAll(/[0-9a-f]{64}/gi, mac('other', BODY));
    expect(await stepOf(source, request({ 'x-sig': foreign }))).toBe('signature');
  });

  it('of base64 stay exact, because letters in capitals are other bytes', async () => {
    const source = own({ header: 'X-Sig', encoding: 'base64' });
    const given = mac('s', BODY, 'base64');
    expect(await stepOf(source, request({ 'x-sig': given }))).toBe('accepted');
    expect(await stepOf(source, request({ 'x-sig': given.toUpperCase() }))).toBe('signature');
  });

  it.each([
    ['seconds', seconds, undefined, 'accepted'],
    ['milliseconds', String(NOW), undefined, 'accepted'],
    ['ISO 8601', iso, undefined, 'accepted'],
    [
      'ISO 8601 with nanoseconds and an offset',
      iso.replace('.000Z', '.000000001+00:00'),
      undefined,
      'accepted',
    ],
    ['ISO 8601 where milliseconds are promised', iso, 'ms', 'header'],
    ['milliseconds where seconds are promised', String(NOW), 's', 'header'],
    ['a day that does not exist', '2026-02-30T00:00:00Z', undefined, 'header'],
    ['a date without a time', '2026-09-21', 'iso', 'header'],
    ['ISO 8601 of another hour', new Date(NOW - 3_600_000).toISOString(), undefined, 'timestamp'],
  ] as const)('of a time are read: %s', async (_, time, timestampUnit, step) => {
    const source = own({ header: 'X-Sig', timestampHeader: 'X-Time', timestampUnit });
    const headers = { 'x-time': time, 'x-sig': mac('s', `${time}.${BODY}`) };
    expect(await stepOf(source, request(headers))).toBe(step);
  });

  it.each([
    ['milliseconds and a blank, as WorkOS', `t=${NOW}, v1=${mac('s', `${NOW}.${BODY}`)}`, 'accepted'],
    ['ts=…;h1=…, as Paddle', `ts=${seconds};h1=${mac('s', `${seconds}:${BODY}`)}`, 'accepted'],
    [
      'two h1 during a rotation',
      `ts=${seconds};h1=${mac('o', BODY)};h1=${mac('s', `${seconds}:${BODY}`)}`,
      'accepted',
    ],
    ['a part that cannot be read', `t=${seconds},?,v0,=x,v1=${mac('s', `${seconds}.${BODY}`)}`, 'accepted'],
    ['hex in capitals', `t=${seconds},v1=${mac('s', `${seconds}.${BODY}`).toUpperCase()}`, 'accepted'],
    ['a dot where Paddle signs a colon', `ts=${seconds};h1=${mac('s', `${seconds}.${BODY}`)}`, 'signature'],
    ['two times', `t=${seconds},t=${seconds},v1=${mac('s', `${seconds}.${BODY}`)}`, 'header'],
    ['no time', `v1=${mac('s', `.${BODY}`)}`, 'header'],
    ['no signature', `t=${seconds}`, 'header'],
  ])('of a list with a time are read: %s', async (_, given, step) => {
    expect(await stepOf(listed('X-Sig'), request({ 'x-sig': given }))).toBe(step);
  });

  const signedId = `msg_1.${seconds}.${BODY}`;
  const base64 = WHSEC.slice('whsec_'.length);
  const right = `v1,${mac(Buffer.from(base64, 'base64'), signedId, 'base64')}`;
  const standard = (given: string) =>
    request({ 'webhook-id': 'msg_1', 'webhook-timestamp': seconds, 'webhook-signature': given });

  it.each([
    ['two blanks between them', `v1,AAAA  ${right}`, 'accepted'],
    ['blanks around them', ` ${right}  `, 'accepted'],
    ['a part that cannot be read before it', `v1 ${right}`, 'accepted'],
    ['equal headers that were joined', `v1,AAAA, ${right}`, 'accepted'],
    ['nothing that can be read', 'v1 v1', 'header'],
  ])('of a list of Standard Webhooks are read: %s', async (_, given, step) => {
    expect(await stepOf(standardSource({ key: 'a', secrets: WHSEC }), standard(given))).toBe(step);
  });

  it.each([
    ['with the version before it, as Supabase shows it', `v1,${WHSEC}`],
    ['without its prefix', base64],
    ['without the padding', WHSEC.replace(/=+$/, '')],
  ])('of a secret of Standard Webhooks are read: %s', async (_, secrets) => {
    expect(await stepOf(standardSource({ key: 'a', secrets }), standard(right))).toBe('accepted');
  });

  it('of plain keys, as Polar signs, are read, and such a library takes what we take', async () => {
    const polar = 'polar_whs_AbC123dEf456GhI789jKl012';
    const library = new StandardWebhook(Buffer.from(polar).toString('base64'));
    const given = library.sign('msg_1', new Date(NOW), BODY.toString());
    expect(await stepOf(standardSource({ key: 'a', secrets: polar }), standard(given))).toBe('accepted');
    const plain = standardSource({ key: 'a', secrets: WHSEC, plainKeys: true });
    expect(await stepOf(plain, standard(`v1,${mac(WHSEC, signedId, 'base64')}`))).toBe('accepted');
    expect(await stepOf(plain, standard(right))).toBe('signature');
  });

  it.each([
    ['https://example.com/webhooks/twilio?a=1', 'https://example.com:443/webhooks/twilio?a=1'],
    ['https://example.com:8443/webhooks/twilio', 'https://example.com/webhooks/twilio'],
    ['http://example.com/webhooks/twilio', 'http://example.com:80/webhooks/twilio'],
  ])('of Twilio are read with and without the port: %s', async (url, signedUrl) => {
    const form = { MessageSid: 'SM1', Body: 'a' };
    const signature = twilio.getExpectedTwilioSignature('secret', signedUrl, form);
    const asked = request(
      { 'content-type': 'application/x-www-form-urlencoded', 'x-twilio-signature': signature },
      Buffer.from(new URLSearchParams(form).toString()),
      url,
    );
    const source = twilioSource({ secrets: 'secret' });
    expect(twilio.validateRequest('secret', signature, url, form)).toBe(true);
    expect(await stepOf(source, asked)).toBe('accepted');
    expect(await stepOf(source, { ...asked, url: url.replace('example', 'forged') })).toBe('signature');
    const elsewhere = twilio.getExpectedTwilioSignature(
      'secret',
      url.replace(/\.com(:\d+)?/, '.com:81'),
      form,
    );
    const moved = { ...asked, headers: { ...asked.headers, 'x-twilio-signature': elsewhere } };
    expect(await stepOf(source, moved)).toBe('signature');
  });

  it('of a secret with a line break or blank around it are said at once, without the secret', () => {
    for (const secret of ['planted-secret\n', 'planted-secret\r\n', ' planted-secret', '\tplanted-secret']) {
      const make = () => githubSource({ secrets: ['good secret', secret] });
      expect(make).toThrow(/secret 2: it begins or ends with a blank or a line break/);
      expect(make).not.toThrow(/planted/);
    }
    expect(() => standardSource({ key: 'a', secrets: `${WHSEC}\n` })).toThrow(/line break/);
  });
});

describe('many signatures in one header', () => {
  it('are looked at up to four, so that nobody unknown can keep the process busy', async () => {
    const pair = generateKeyPairSync('ed25519');
    const key = `whpk_${pair.publicKey.export({ format: 'der', type: 'spki' }).subarray(12).toString('base64')}`;
    const source = standardSource({ key: 'standard', secrets: key });
    const good = `v1a,${sign(null, Buffer.from(`m1.${NOW / 1_000}.${BODY}`), pair.privateKey).toString('base64')}`;
    const wrong = `v1a,${Buffer.alloc(64).toString('base64')}`;
    const asked = (...given: string[]) =>
      request({
        'webhook-id': 'm1',
        'webhook-timestamp': String(NOW / 1_000),
        'webhook-signature': given.join(' '),
      });
    expect(await stepOf(source, asked(wrong, 'v1,bm9uZQ==', wrong, wrong, good))).toBe('accepted');
    expect(await stepOf(source, asked(...Array<string>(170).fill(wrong), good))).toBe('signature');
    expect(await stepOf(source, asked(wrong, wrong, wrong, wrong, good))).toBe('signature');
  });
});

describe('the documented examples', () => {
  it('of GitHub', async () => {
    const signature = 'sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17';
    const source = githubSource({ secrets: "It's a Secret to Everybody" });
    expect(
      await stepOf(source, request({ 'x-hub-signature-256': signature }, Buffer.from('Hello, World!'))),
    ).toBe('accepted');
  });

  it('of Slack', async () => {
    const body =
      'token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c';
    const headers = {
      'content-type': 'application/x-www-form-urlencoded',
      'x-slack-request-timestamp': '1531420618',
      'x-slack-signature': 'v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503',
    };
    const source = slackSource({ secrets: '8f742231b10e8888abcd99yyyzzz85a5' });
    const asked = request(headers, Buffer.from(body));
    expect(await stepOf(source, asked, 1_531_420_618_000)).toBe('accepted');
    expect(source.type(asked)).toBe('command');
    expect(await stepOf(source, asked)).toBe('timestamp');
  });

  it('of HubSpot: method, URL with its escapes read, body and time', async () => {
    // The documentation gives the parts and the steps, and leaves the secret to the reader.
    const url = 'https://www.example.com/webhook_uri?to=https%3A%2F%2Fexample.com&n=%20';
    const body = Buffer.from('{"example_field":"example_value"}');
    const signed = `POSThttps://www.example.com/webhook_uri?to=https://example.com&n=%20${body}${NOW}`;
    const secret = 'yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy';
    const headers = {
      'x-hubspot-request-timestamp': String(NOW),
      'x-hubspot-signature-v3': createHmac('sha256', secret).update(signed).digest('base64'),
    };
    expect(await stepOf(hubspotSource({ secrets: secret }), request(headers, body, url))).toBe('accepted');
  });
});

describe('a scheme of the application', () => {
  const source = (verify: SignatureScheme['verify']) =>
    webhookSource({
      key: 'own',
      secrets: 'secret',
      verify: { name: 'own', signsTime: false, verify },
      deliveryId: () => undefined,
      type: () => 'x',
    });

  it('says yes by ok: true, and by nothing else', async () => {
    expect(
      await stepOf(
        source(() => ({ ok: true, secret: 0 })),
        request({}),
      ),
    ).toBe('accepted');
    expect(
      await stepOf(
        source(async () => ({ ok: true, secret: 0 })),
        request({}),
      ),
    ).toBe('accepted');
    const others: unknown[] = [undefined, null, true, 1, 'yes', [], {}, { secret: 0 }];
    for (const answer of [...others, ...others.map((ok) => ({ ok, secret: 0 }))].filter(
      (each) => (each as { ok?: unknown } | null | undefined)?.ok !== true,
    )) {
      expect([
        answer,
        await stepOf(
          source(() => answer as never),
          request({}),
        ),
      ]).toEqual([answer, 'signature']);
      expect([
        answer,
        await stepOf(
          source(async () => answer as never),
          request({}),
        ),
      ]).toEqual([answer, 'signature']);
    }
  });

  it('is not good with a time that cannot be read', async () => {
    for (const time of [new Date('x'), null, '2026-11-25', NOW]) {
      for (const name of ['signedAt', 'notBefore', 'notAfter']) {
        const answer = { ok: true, secret: 0, [name]: time } as never;
        expect([
          name,
          time,
          await stepOf(
            source(() => answer),
            request({}),
          ),
        ]).toEqual([name, time, 'timestamp']);
      }
    }
  });
});

describe('a token', () => {
  const keys = { keys: [{ ...ec.publicKey.export({ format: 'jwk' }), kid: 'k1' }] };
  const source = (options: Partial<Parameters<typeof jwksSource>[0]['token']> = {}) =>
    jwksSource({ key: 'jwt', deliveryId: () => undefined, type: () => 'x', token: { keys, ...options } });
  const bearer = (claims: object, header?: object) =>
    request({ authorization: `Bearer ${token(claims, header)}` });
  const good = { iss: 'a', aud: 'b', exp: NOW / 1_000 + 60 };

  it.each([
    [true, 'accepted'],
    ...[undefined, null, false, 'false', 'true', 1, 0, {}, Promise.resolve(true), Promise.resolve(false)].map(
      (answer) => [answer, 'signature'],
    ),
  ])('is good where claims answers true: %p', async (answer, step) => {
    expect(await stepOf(source({ claims: () => answer as boolean }), bearer(good))).toBe(step);
    const verified = ({ email_verified }: Record<string, unknown>) => email_verified as boolean;
    const claim = { ...good, email_verified: answer instanceof Promise ? {} : answer };
    expect(await stepOf(source({ claims: verified }), bearer(claim))).toBe(step);
  });

  it('is judged by its claims, its time and its algorithm', async () => {
    const steps = [
      await stepOf(source({ issuer: 'a', audience: 'b' }), bearer(good)),
      await stepOf(source({ issuer: 'c' }), bearer(good)),
      await stepOf(source({ audience: 'c' }), bearer(good)),
      await stepOf(source({ claims: ({ iss }) => iss !== 'a' }), bearer(good)),
      await stepOf(source(), bearer({ ...good, exp: NOW / 1_000 - 301 })),
      await stepOf(source(), bearer({ ...good, nbf: NOW / 1_000 + 301 })),
      await stepOf(source(), bearer({ iss: 'a' })),
      await stepOf(source(), bearer(good, { alg: 'none', kid: 'k1' })),
      await stepOf(source(), bearer(good, { alg: 'HS256', kid: 'k1' })),
      await stepOf(source(), bearer(good, { alg: 'RS256', kid: 'k1' })),
      await stepOf(source(), bearer(good, { alg: 'ES256', kid: 'k2' })),
      await stepOf(source(), bearer(good, { alg: 'ES256', kid: 'k1', crit: ['x'] })),
    ];
    expect(steps).toEqual([
      'accepted',
      'signature',
      'signature',
      'signature',
      'timestamp',
      'timestamp',
      'timestamp',
      'header',
      'header',
      'signature',
      'signature',
      'header',
    ]);
  });

  const now = NOW / 1_000;
  it.each([
    ['an exp that is a text', { iat: now, exp: '1' }, 'signature'],
    ['an exp that is null', { iat: now, exp: null }, 'signature'],
    ['an exp that no clock will show', { iat: now, exp: 1e300 }, 'signature'],
    ['an iat that no clock will show', { iat: 1e300 }, 'signature'],
    ['an nbf that no clock will show', { iat: now, nbf: 1e300, exp: now + 60 }, 'signature'],
    ['an nbf in a list', { iat: now, nbf: [now], exp: now + 60 }, 'signature'],
    ['an exp of no number', { iat: now, exp: {} }, 'signature'],
    ['an iat in the future, and an exp behind it', { iat: now + 301, exp: now + 2e6 }, 'timestamp'],
    [
      'an iat in the future, and an nbf before it',
      { iat: now + 301, nbf: now - 60, exp: now + 2e6 },
      'timestamp',
    ],
    ['an iat within the tolerance', { iat: now + 299, exp: now + 2e6 }, 'accepted'],
    ['an iat long ago, and an exp ahead', { iat: now - 1e6, exp: now + 60 }, 'accepted'],
    ['a time with a fraction', { iat: now + 0.5 }, 'accepted'],
  ])('is judged by its times: %s', async (_, claims, step) => {
    expect(await stepOf(source(), bearer(claims))).toBe(step);
  });

  const signedBy = (alg: string, pair: { publicKey: KeyObject; privateKey: KeyObject }, hash: string) => {
    const [head, claims] = [{ alg }, { iat: now }].map((part) =>
      Buffer.from(JSON.stringify(part)).toString('base64url'),
    );
    const key = { key: pair.privateKey, dsaEncoding: 'ieee-p1363' } as const;
    const made = sign(hash, Buffer.from(`${head}.${claims}`), key).toString('base64url');
    const keys = { keys: [pair.publicKey.export({ format: 'jwk' })] };
    return stepOf(source({ keys }), request({ authorization: `${head}.${claims}.${made}` }));
  };

  it('is taken with a key of the one curve of its algorithm, and of RSA with a key of 2,048 bits', async () => {
    const hashes = { ES256: 'sha256', ES384: 'sha384', ES512: 'sha512' };
    const curves = { ES256: 'P-256', ES384: 'P-384', ES512: 'P-521' };
    for (const [alg, hash] of Object.entries(hashes))
      for (const [owner, namedCurve] of Object.entries(curves)) {
        const step = await signedBy(alg, generateKeyPairSync('ec', { namedCurve }), hash);
        expect([alg, namedCurve, step]).toEqual([alg, namedCurve, alg === owner ? 'accepted' : 'signature']);
      }
    for (const modulusLength of [1_024, 2_048]) {
      const step = await signedBy('RS256', generateKeyPairSync('rsa', { modulusLength }), 'sha256');
      expect([modulusLength, step]).toEqual([
        modulusLength,
        modulusLength === 2_048 ? 'accepted' : 'signature',
      ]);
    }
  });

  it('is verified with keys that are fetched, and not refused where they cannot be', async () => {
    let asked = 0;
    let answers = false;
    const server = createServer((_, response) => {
      asked++;
      response.statusCode = answers ? 200 : 503;
      response.end(JSON.stringify(keys));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`;
    try {
      await expect(verify(source({ keys: url }), bearer(good))).rejects.toThrow('cannot be fetched');
      answers = true;
      const fetching = source({ keys: url });
      const many = await Promise.all(Array.from({ length: 20 }, () => stepOf(fetching, bearer(good))));
      expect(new Set(many)).toEqual(new Set(['accepted']));
      expect(asked).toBe(2);
    } finally {
      server.close();
    }
  });
});

describe('a source', () => {
  it('is refused with secrets that its scheme cannot use, without saying them', () => {
    const make = () => standardSource({ key: 'a', secrets: ['whsec_!!planted!!'] });
    expect(make).toThrow(/cannot be used: secret 1/);
    expect(make).not.toThrow(/planted/);
    expect(() => githubSource({ key: 'A.b', secrets: [] })).toThrow(/key must be .*; secrets must be/);
  });
});
