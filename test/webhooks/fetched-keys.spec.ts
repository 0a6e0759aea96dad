import { generateKeyPairSync } from 'node:crypto';
import { createServer, type RequestListener } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { JwksKeys, type KeyFetching } from '../../src/webhooks/incoming/schemes/jwks-keys.js';
import { type Certificates, makeCertificates } from '../support/certificates.js';
import { LoopbackServer } from '../support/loopback-server.js';

const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const KEYS = JSON.stringify({ keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'a' }] });
const publish: RequestListener = (_, response) => response.end(KEYS);

const closing: { close(): Promise<void> }[] = [];
afterEach(async () => {
  jest.restoreAllMocks();
  for (const each of closing.splice(0).reverse()) await each.close();
});

async function served(server: Promise<LoopbackServer>): Promise<LoopbackServer> {
  closing.push(await server);
  return server;
}

const found = (url: string, fetching?: KeyFetching) => new JwksKeys(url, fetching).find('a', () => true);
/** Why keys are not there. */
const failureOf = async (url: string, fetching?: KeyFetching) =>
  String(((await found(url, fetching).catch((error: unknown) => error)) as Error).cause);

describe('published keys', () => {
  it.each(['127.0.0.1', 'localhost'])(
    'come from this machine (%s), without the global fetch',
    async (host) => {
      const fetching = jest.spyOn(globalThis, 'fetch').mockRejectedValue(new Error('not by this way'));
      const { port } = await served(LoopbackServer.http(publish));
      expect(await found(`http://${host}:${port}/keys`)).toMatchObject({ kid: 'a' });
      expect(fetching).not.toHaveBeenCalled();
    },
  );

  it('are not looked for where a redirect leads', async () => {
    const other = await served(LoopbackServer.http(publish));
    const { port } = await served(
      LoopbackServer.http((_, response) => {
        response.writeHead(302, { location: `http://127.0.0.1:${other.port}/` }).end();
      }),
    );
    expect(await failureOf(`http://127.0.0.1:${port}/`)).toContain('it was answered 302');
    expect(other.connections).toBe(0);
  });

  it('are not taken from an answer that is longer than keys may be', async () => {
    const { port } = await served(
      LoopbackServer.http((_, response) => void response.end(KEYS + ' '.repeat(1_048_576))),
    );
    expect(await failureOf(`http://127.0.0.1:${port}/`)).toContain('more than 1048576 bytes');
  });

  it.each<[string, RequestListener]>([
    ['does not answer', () => undefined],
    ['does not come to an end', (_, response) => void response.write('{"keys":[')],
  ])('are waited for no longer than they may take, where their server %s', async (_, listener) => {
    const { port } = await served(LoopbackServer.http(listener));
    expect(await failureOf(`http://127.0.0.1:${port}/`, { timeoutMs: 100 })).toContain('within 100 ms');
  });
});

describe('published keys of https', () => {
  let certificates: Certificates;
  beforeAll(async () => {
    certificates = await makeCertificates();
  });
  const secured = () => served(LoopbackServer.https(certificates.signed, publish));

  it('come from an inner address too, by an authority of the options and by no other, whatever the process says', async () => {
    const { port } = await secured();
    const before = process.env.NODE_TLS_REJECT_UNAUTHORIZED;
    process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
    try {
      expect(await failureOf(`https://127.0.0.1:${port}/`)).toContain('The certificate');
    } finally {
      if (before === undefined) delete process.env.NODE_TLS_REJECT_UNAUTHORIZED;
      else process.env.NODE_TLS_REJECT_UNAUTHORIZED = before;
    }
    const network = { ca: certificates.authority.cert };
    expect(await found(`https://127.0.0.1:${port}/`, { network })).toMatchObject({ kid: 'a' });
  });

  it('come by the proxy of the options', async () => {
    const { port } = await secured();
    const asked: (string | undefined)[] = [];
    const proxy = createServer().on('connect', ({ url }, socket: Socket) => {
      asked.push(url);
      const through = connect(port, '127.0.0.1', () => {
        socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
        socket.pipe(through).pipe(socket);
      });
      for (const each of [through, socket]) each.on('error', () => undefined);
    });
    await new Promise<void>((listening) => proxy.listen(0, '127.0.0.1', listening));
    closing.push({ close: () => new Promise((closed) => proxy.close(() => closed())) });
    const network = {
      ca: certificates.authority.cert,
      proxy: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
    };
    expect(await found(`https://127.0.0.1:${port}/keys`, { network })).toMatchObject({ kid: 'a' });
    expect(asked).toEqual([`127.0.0.1:${port}`]);
  });

  it('are refused with options of the network that nobody can keep', () => {
    for (const network of [{ proxy: 'no url' }, { ca: 'ca.pem' }, { proxi: 'http://127.0.0.1:1' }])
      expect(() => new JwksKeys('https://example.com/keys', { network } as KeyFetching)).toThrow(
        expect.objectContaining({ code: 'INTEGRATION_OPTIONS_INVALID' }),
      );
  });
});
