import { createHmac, generateKeyPairSync, sign } from 'node:crypto';
import { describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { EngineLogger } from '../../../words/engine-logger.js';
import { DatabaseClock } from '../database-clock.js';
import type { RawWebhookRequest } from '../definitions/raw-request.js';
import type { SchemeWithSecrets, SignatureScheme } from '../definitions/signature-scheme.js';
import type { WebhookSource } from '../definitions/webhook-source.js';
import { secretFor } from '../endpoints/endpoint-secret.js';
import { refusedStepOf } from '../refusal.js';
import { webhookSource } from '../sources/make-source.js';
import { verifyRequest } from '../verifier.js';
import { ed25519Scheme } from './ed25519.scheme.js';
import { hmacScheme } from './hmac.scheme.js';
import { jwksScheme } from './jwks.scheme.js';
import { sayUnusable } from './secret-shares.js';
import { basicScheme, sharedSecretScheme } from './shared-secret.scheme.js';
import { standardScheme } from './standard.scheme.js';
import { stripeScheme } from './stripe.scheme.js';

const pair = generateKeyPairSync('ed25519');
const PUBLIC = pair.publicKey.export({ format: 'der', type: 'spki' }).subarray(12);
const HEX = PUBLIC.toString('hex');
const WHPK = `whpk_${PUBLIC.toString('base64')}`;
const PEM = pair.publicKey.export({ format: 'pem', type: 'spki' }).toString();
const BODY = Buffer.from('{"forged":true}');

type Verify = readonly (SignatureScheme | SchemeWithSecrets)[];
const sourceOf = (secrets: string | readonly string[], ...verify: Verify) =>
  webhookSource({ key: 'moving', secrets, verify, deliveryId: () => undefined, type: () => 'x' });
const hmacOf = (secret: string) => createHmac('sha256', secret).update(BODY).digest('hex');
const requestWith = (headers: Record<string, string>): RawWebhookRequest => ({
  method: 'POST',
  url: 'https://example.com/webhooks/moving',
  headers,
  body: BODY,
});
const clock = new DatabaseClock(async () => Date.now(), new EngineLogger('test'));

/** The place of the secret that fits, or the step at which the request is refused. */
async function judged(source: WebhookSource, headers: Record<string, string>): Promise<number | string> {
  try {
    return (await verifyRequest(source, requestWith(headers), 300_000, clock)).secret;
  } catch (error) {
    return refusedStepOf(error) ?? String(error);
  }
}

const ed25519 = ed25519Scheme({ header: 'X-Ed' });
const hmac = hmacScheme({ header: 'X-Sig' });
const token = sharedSecretScheme('X-Token');

describe('a public key of a source with several schemes', () => {
  it.each([
    ['in hex', HEX, ed25519],
    ['in base64', PUBLIC.toString('base64'), ed25519Scheme({ header: 'X-Ed', encoding: 'base64' })],
    ['in PEM', PEM, ed25519],
    ['of Standard Webhooks', WHPK, standardScheme()],
  ])('%s is no HMAC key, no shared secret and no password of another one', async (_, key, scheme) => {
    expect(await judged(sourceOf([key], scheme, hmac), { 'x-sig': hmacOf(key) })).toBe('signature');
    expect(await judged(sourceOf([key], hmac, scheme), { 'x-sig': hmacOf(key) })).toBe('signature');
    expect(await judged(sourceOf([key], scheme, token), { 'x-token': key })).toBe('signature');
    const password = Buffer.from(key).toString('base64');
    expect(await judged(sourceOf([key], scheme, basicScheme()), { authorization: `Basic ${password}` })).toBe(
      'signature',
    );
  });

  it('still verifies, and the secret beside it as well, each with its place in the list', async () => {
    const source = sourceOf([HEX, 'the-hmac-secret'], ed25519, hmac);
    expect(await judged(source, { 'x-sig': hmacOf('the-hmac-secret') })).toBe(1);
    expect(await judged(source, { 'x-ed': sign(null, BODY, pair.privateKey).toString('hex') })).toBe(0);
    expect(await judged(source, { 'x-sig': hmacOf(HEX) })).toBe('signature');
  });
});

describe('a secret that several schemes could take', () => {
  it('is shared by schemes of one kind', async () => {
    const old = hmacScheme({ header: 'X-Old', algorithm: 'sha1' });
    const source = sourceOf(['a', 'b'], old, hmac);
    expect(await judged(source, { 'x-sig': hmacOf('b') })).toBe(1);
    expect(await judged(source, { 'x-old': createHmac('sha1', 'a').update(BODY).digest('hex') })).toBe(0);
  });

  it('is refused at once where they are of several kinds, without the secret in the message', () => {
    const make = () => sourceOf(['first', 'hidden-token'], hmac, token);
    expect(make).toThrow(
      /secret 1: it fits several schemes \(HMAC in X-Sig, shared secret\).*\{ scheme, secrets \}/,
    );
    expect(make).not.toThrow(/hidden-token/);
  });

  it('belongs to the scheme that it is given with, and to no other one', async () => {
    const source = sourceOf(
      [],
      { scheme: hmac, secrets: 'hmac-secret' },
      { scheme: token, secrets: ['old', 'shown'] },
    );
    expect(source.secrets).toEqual(['hmac-secret', 'old', 'shown']);
    expect(await judged(source, { 'x-sig': hmacOf('hmac-secret') })).toBe(0);
    expect(await judged(source, { 'x-token': 'shown' })).toBe(2);
    expect(await judged(source, { 'x-sig': hmacOf('shown') })).toBe('signature');
    expect(await judged(source, { 'x-token': 'hmac-secret' })).toBe('signature');
  });

  it('may not be given to two kinds, and must fit the scheme that it is given with', () => {
    const twice = [
      { scheme: hmac, secrets: 'same' },
      { scheme: token, secrets: 'same' },
    ];
    expect(() => sourceOf([], ...twice)).toThrow(/secret 1: it fits several schemes/);
    expect(() => sourceOf([], { scheme: ed25519, secrets: 'no key' }, hmac)).toThrow(
      /secret 1: an Ed25519 public key/,
    );
    expect(() => sourceOf(['left over'], { scheme: hmac, secrets: 'own' })).toThrow(
      /secret 1: HMAC in X-Sig has secrets of its own/,
    );
  });
});

describe('the secrets of an endpoint', () => {
  it('cannot be of several kinds, but public keys stand beside one kind', () => {
    expect(() => sourceOf('endpoint', hmac, token)).toThrow(/make a source for each kind/);
    expect(() => sourceOf('endpoint', { scheme: hmac, secrets: 'own' })).toThrow(/no secrets of their own/);
    expect(() =>
      sourceOf('endpoint', stripeScheme(), hmac, ed25519, jwksScheme({ keys: 'https://example.com/keys' })),
    ).not.toThrow();
  });

  it('go to the scheme that can read them', async () => {
    const source = sourceOf('endpoint', ed25519, hmac);
    expect(secretFor(source, HEX)).toEqual({ value: HEX, isNew: false });
    const given = { ...source, secrets: [HEX, 'secret'] };
    expect(await judged(given, { 'x-sig': hmacOf(HEX) })).toBe('signature');
    expect(await judged(given, { 'x-sig': hmacOf('secret') })).toBe(1);
  });
});

describe('a scheme without a secret', () => {
  it('is named at boot, and lets nothing in', async () => {
    const warn = jest.fn();
    const source = sourceOf([HEX], ed25519, token, jwksScheme({ keys: 'https://example.com/keys' }));
    sayUnusable(source, { warn } as unknown as Logger);
    expect(warn.mock.calls).toEqual([
      [expect.stringMatching(/^No secret of source "moving" belongs to the scheme "shared secret"/)],
    ]);
    expect(await judged(source, { 'x-token': HEX })).toBe('signature');
  });
});
