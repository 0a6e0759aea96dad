import { createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto';
import { describe, expect, it, jest } from '@jest/globals';
import type { Logger } from '@nestjs/common';
import type { SignatureScheme } from '../definitions/signature-scheme.js';
import { webhookSource } from '../sources/make-source.js';
import { standardSource } from '../sources/provider.sources.js';
import { ed25519Scheme } from './ed25519.scheme.js';
import { ed25519KeyOf, hasSmallOrder } from './ed25519-keys.js';
import { hmacScheme } from './hmac.scheme.js';
import { jwksScheme } from './jwks.scheme.js';
import { sayShort } from './secret-shares.js';

const DER = Buffer.from('302a300506032b6570032100', 'hex');
const keyOf = (bytes: Buffer) =>
  createPublicKey({ key: Buffer.concat([DER, bytes]), format: 'der', type: 'spki' });

/** The prime of the field of Ed25519, and the constant d of its curve. */
const P = 2n ** 255n - 19n;
const power = (base: bigint, exponent: bigint): bigint => {
  let [result, square] = [1n, base % P];
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = (result * square) % P;
    square = (square * square) % P;
  }
  return result;
};
const inverse = (value: bigint) => power(((value % P) + P) % P, P - 2n);
const D = (((-121_665n * inverse(121_666n)) % P) + P) % P;

function bytesOf(y: bigint, sign: boolean): Buffer {
  const bytes = Buffer.from(y.toString(16).padStart(64, '0'), 'hex').reverse();
  bytes[31] = (bytes[31] ?? 0) | (sign ? 0x80 : 0);
  return bytes;
}

/** The y of the points whose eighth multiple is the neutral one, from the equation of the curve. */
function smallOrders(): bigint[] {
  const rootOfMinusOne = power(2n, (P - 1n) / 4n);
  // Order 8: doubling gives a point with y = 0, so x and y have equal squares, up to the root of -1.
  const ys = [0n, 1n, P - 1n];
  for (const root of [1n, P - 1n]) {
    // -x^2 + y^2 = 1 + d x^2 y^2 with x^2 = -y^2 gives d y^4 + 2 y^2 - 1 = 0.
    const discriminant = (4n + 4n * D) % P;
    let r = power(discriminant, (P + 3n) / 8n);
    if ((r * r - discriminant) % P !== 0n) r = (r * rootOfMinusOne) % P;
    const squared = ((((-2n + root * r) * inverse(2n * D)) % P) + P) % P;
    let y = power(squared, (P + 3n) / 8n);
    if ((y * y - squared) % P !== 0n) y = (y * rootOfMinusOne) % P;
    if ((((y * y - squared) % P) + P) % P === 0n) ys.push(y, P - y);
  }
  return ys;
}

const BAD_KEYS = [...smallOrders(), P, P + 1n].flatMap((y) => [bytesOf(y, false), bytesOf(y, true)]);

/** Whether a signature that nobody has made fits one of many messages. */
function isForged(bytes: Buffer): boolean {
  const forged = [bytesOf(1n, false), bytesOf(0n, false), bytesOf(0n, true), bytesOf(P - 1n, false)].map(
    (r) => Buffer.concat([r, Buffer.alloc(32)]),
  );
  for (let n = 0; n < 400; n++)
    if (forged.some((each) => verify(null, Buffer.from(`message ${n}`), keyOf(bytes), each))) return true;
  return false;
}

describe('a public key of small order', () => {
  it('takes signatures that nobody has made, and is none for any scheme', async () => {
    expect(BAD_KEYS.length).toBeGreaterThanOrEqual(14);
    expect(BAD_KEYS.filter(isForged).length).toBeGreaterThanOrEqual(8);
    const jwk = (bytes: Buffer) => ({ kty: 'OKP', crv: 'Ed25519', x: bytes.toString('base64url') });
    for (const bytes of BAD_KEYS) {
      expect([bytes.toString('hex'), ed25519KeyOf(bytes)]).toEqual([bytes.toString('hex'), undefined]);
      expect(hasSmallOrder(keyOf(bytes))).toBe(true);
      const pem = keyOf(bytes).export({ format: 'pem', type: 'spki' }).toString();
      for (const secret of [bytes.toString('hex'), pem])
        expect(() => sourceOf(secret, ed25519Scheme({ header: 'X-Ed' }))).toThrow(/small order/);
      const secrets = `whpk_${bytes.toString('base64')}`;
      expect(() => standardSource({ key: 'a', secrets })).toThrow(/small order/);
      const [head, claims] = [{ alg: 'EdDSA' }, { exp: 4e9 }].map((part) =>
        Buffer.from(JSON.stringify(part)).toString('base64url'),
      );
      const forged = Buffer.concat([bytesOf(1n, false), Buffer.alloc(32)]).toString('base64url');
      const scheme = jwksScheme({ keys: { keys: [jwk(bytes)] } });
      const request = {
        method: 'POST',
        url: '',
        headers: { authorization: `${head}.${claims}.${forged}` },
        body: DER,
      };
      expect(await scheme.verify(request, [])).toMatchObject({ ok: false });
    }
  });

  it('is not what other keys are', () => {
    for (let n = 0; n < 50; n++) {
      const { publicKey, privateKey } = generateKeyPairSync('ed25519');
      const raw = publicKey.export({ format: 'der', type: 'spki' }).subarray(12);
      const key = ed25519KeyOf(raw);
      expect(hasSmallOrder(publicKey)).toBe(false);
      expect(key !== undefined && verify(null, raw, key, sign(null, raw, privateKey))).toBe(true);
    }
  });
});

const sourceOf = (secrets: string | readonly string[], ...verify: SignatureScheme[]) =>
  webhookSource({ key: 'a', secrets, verify, deliveryId: () => undefined, type: () => 'x' });
const hmac = hmacScheme({ header: 'X-Sig' });

describe('a secret that is none', () => {
  it.each(['test', 'whsec_AA==', `whsec_${Buffer.alloc(15, 7).toString('base64')}`, 'v1,whsec_AA=='])(
    'of Standard Webhooks is refused: %s',
    (secrets) => {
      expect(() => standardSource({ key: 'a', secrets })).toThrow(/can be guessed/);
    },
  );

  it('is one of sixteen bytes no more', () => {
    const secrets = `whsec_${Buffer.alloc(16, 7).toString('base64')}`;
    expect(() => standardSource({ key: 'a', secrets })).not.toThrow();
    expect(() => standardSource({ key: 'a', secrets: 'shorter', plainKeys: true })).toThrow(/can be guessed/);
  });

  it("is the word 'endpoint' in a list", () => {
    for (const secrets of [['endpoint'], ['a good secret', 'endpoint']])
      expect(() => sourceOf(secrets, hmac)).toThrow(/write secrets: 'endpoint'/);
    expect(() =>
      webhookSource({
        key: 'a',
        secrets: [],
        verify: { scheme: hmac, secrets: 'endpoint' },
        deliveryId: () => undefined,
        type: () => 'x',
      }),
    ).toThrow(/write secrets: 'endpoint'/);
    expect(sourceOf('endpoint', hmac).secrets).toBe('endpoint');
  });

  it('is said in the log where the application gives a short one, without the secret', () => {
    const warn = jest.fn();
    sayShort(sourceOf(['a good secret', 'planted'], hmac), { warn } as unknown as Logger);
    expect(warn.mock.calls).toEqual([
      ['Secret 2 of source "a" is weak: it has fewer than 8 characters, so it can be guessed.'],
    ]);
    sayShort(sourceOf('endpoint', hmac), { warn } as unknown as Logger);
    sayShort(sourceOf('keys', jwksScheme({ keys: 'https://example.com' })), { warn } as unknown as Logger);
    expect(warn).toHaveBeenCalledTimes(1);
  });
});
