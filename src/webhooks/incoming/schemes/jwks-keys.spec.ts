import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { JwksKeys, type KeySet, KeysUnavailable } from './jwks-keys.js';

const [a, b] = ['a', 'b'].map((kid) => {
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { ...publicKey.export({ format: 'jwk' }), kid };
}) as [KeySet['keys'][number], KeySet['keys'][number]];
const is = (jwk: object) => (key: KeyObject) => key.export({ format: 'jwk' }).x === (jwk as { x: string }).x;

let server: Server;
let url: string;
let asked = 0;
let answer: (response: ServerResponse) => void;
let now = 1_000_000;

const publish = (...keys: object[]) => {
  answer = (response) => response.end(JSON.stringify({ keys }));
};

beforeEach(async () => {
  asked = 0;
  jest.spyOn(performance, 'now').mockImplementation(() => now);
  server = createServer((_, response) => {
    asked++;
    answer(response);
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`;
});
afterEach(async () => {
  jest.restoreAllMocks();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

/** Keys that were fetched once, some time ago. */
async function fetched(...keys: object[]): Promise<JwksKeys> {
  publish(...keys);
  const known = new JwksKeys(url);
  await known.find('a', is(a));
  now += 1_000;
  return known;
}

describe('a key that is not known', () => {
  it.each([
    ['of a name', 'b'],
    ['of a token without a name', undefined],
  ])('%s is no wrong signature until the keys were asked for anew', async (_, kid) => {
    const keys = await fetched(a);
    publish(a, b);
    await expect(keys.find(kid, is(b))).rejects.toThrow(KeysUnavailable);
    await expect(keys.find(kid, is(b))).rejects.toThrow('are not asked for again yet');
    expect(asked).toBe(1);
    now += 30_000;
    expect(await keys.find(kid, is(b))).toMatchObject({ kid: 'b', place: 1 });
    expect(asked).toBe(2);
  });

  it.each([
    ['of a name', 'c'],
    ['of a token without a name', undefined],
  ])('%s is a wrong signature where the keys were asked for after it had come', async (_, kid) => {
    const keys = await fetched(a);
    now += 30_000;
    expect(await keys.find(kid, () => false)).toBeUndefined();
    publish(a);
    const fresh = new JwksKeys(url);
    expect(await fresh.find(kid, () => false)).toBeUndefined();
    expect(asked).toBe(3);
  });

  it('is no wrong signature where the keys cannot be fetched, however often that is asked', async () => {
    const keys = await fetched(a);
    answer = (response) => response.writeHead(503).end();
    now += 30_000;
    for (let n = 0; n < 3; n++) await expect(keys.find('b', is(b))).rejects.toThrow(KeysUnavailable);
    expect(await keys.find('a', is(a))).toMatchObject({ kid: 'a' });
    const none = new JwksKeys(url);
    for (let n = 0; n < 3; n++) await expect(none.find('a', is(a))).rejects.toThrow(KeysUnavailable);
    expect(asked).toBe(3);
  });

  it('under a known name is a wrong signature at once', async () => {
    const keys = await fetched(a);
    expect(await keys.find('a', is(b))).toBeUndefined();
    expect(asked).toBe(1);
  });

  it('has the keys asked for once, however many come', async () => {
    const keys = await fetched(a);
    publish(a, b);
    now += 30_000;
    const found = await Promise.all(Array.from({ length: 20 }, () => keys.find('b', is(b))));
    expect(new Set(found.map((key) => key?.kid))).toEqual(new Set(['b']));
    expect(asked).toBe(2);
  });
});

describe('keys that are known', () => {
  it('stay good after ten minutes where they cannot be fetched, and are forgotten where they can', async () => {
    const keys = await fetched(a);
    answer = (response) => response.end('<html>');
    now += 600_001;
    expect(await keys.find('a', is(a))).toMatchObject({ kid: 'a' });
    publish();
    now += 600_001;
    expect(await keys.find('a', is(a))).toMatchObject({ kid: 'a' });
    publish(b);
    now += 600_001;
    expect(await keys.find('a', is(a))).toBeUndefined();
    expect(asked).toBe(4);
  });

  it('are what is left of a set with keys of no use', () => {
    const set = { keys: [{ kty: 'oct', k: 'AA' }, null as never, a] };
    return expect(new JwksKeys(set).find(undefined, is(a))).resolves.toMatchObject({ place: 2 });
  });

  it('of a set are asked for nowhere: another one is a wrong signature at once', async () => {
    const keys = new JwksKeys({ keys: [a] });
    for (const kid of ['a', 'b', undefined]) expect(await keys.find(kid, is(b))).toBeUndefined();
  });
});

it('an answer is read no further than a set of keys may be long, and is not taken', async () => {
  let written = 0;
  let isClosed: () => void = () => undefined;
  const closed = new Promise<void>((resolve) => {
    isClosed = resolve;
  });
  answer = (response) => {
    response.on('close', isClosed);
    const piece = Buffer.alloc(65_536, 32);
    const write = () => {
      while (!response.destroyed && written < 2 ** 28) {
        written += piece.length;
        if (!response.write(piece)) return response.once('drain', write);
      }
      return response.end();
    };
    write();
  };
  await expect(new JwksKeys(url).find('a', is(a))).rejects.toThrow(KeysUnavailable);
  await closed;
  expect(written).toBeLessThan(2 ** 27);
});

describe('keys are refused when the source is made', () => {
  it.each([
    'http://example.com/planted',
    'http://127.0.0.1.example.com/planted',
    'http://localhost.example.com/planted',
    'file:///etc/planted',
    'data:application/json,planted',
    'ftp://example.com/planted',
    '//example.com/planted',
    'planted',
    '',
    'https://planted:word@example.com/',
    'https://planted@example.com/',
  ])('from the URL %j, which is not repeated', (wrong) => {
    const make = () => new JwksKeys(wrong);
    expect(make).toThrow(expect.objectContaining({ code: 'INTEGRATION_OPTIONS_INVALID' }));
    expect(make).not.toThrow(/planted/);
  });

  it.each([[undefined], [{}], [{ keys: [] }], [{ keys: [{ kty: 'oct', k: 'AA' }] }]])(
    'from the set %j',
    (wrong) => {
      expect(() => new JwksKeys(wrong as never)).toThrow(/a set with at least one public key/);
    },
  );

  it.each(['https://example.com/keys', 'http://localhost:1/', 'http://127.0.0.1/', 'http://[::1]:8/'])(
    'but not from %s',
    (right) => {
      expect(() => new JwksKeys(right)).not.toThrow();
    },
  );
});
