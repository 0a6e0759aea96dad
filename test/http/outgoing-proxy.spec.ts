import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { checkNetworkRules, type NetworkRules } from '../../src/http/network-rules.js';
import type { OutgoingAnswer } from '../../src/http/outgoing-answer.js';
import { OutgoingHttp } from '../../src/http/outgoing-http.js';
import { type Certificates, makeCertificates } from '../support/certificates.js';
import { LoopbackServer } from '../support/loopback-server.js';

const LOGIN = `Basic ${Buffer.from('user:p@ss').toString('base64')}`;

let certificates: Certificates;
let plain: LoopbackServer;
let secure: LoopbackServer;
let proxy: Server;
let answers: 'tunnels' | 'forbids' | 'hangs';
let asked: { path: string | undefined; login: string | undefined }[];
const tunnels = new Set<Socket>();
beforeAll(async () => {
  certificates = await makeCertificates();
  plain = await LoopbackServer.http(({ headers }, response) => response.end(headers.host));
  secure = await LoopbackServer.https(certificates.signed, ({ headers }, response) =>
    response.end(headers.host),
  );
  proxy = createServer((_, response) => response.writeHead(400).end());
  proxy.on('connect', ({ url = '', headers }, socket: Socket) => {
    tunnels.add(socket);
    socket.on('error', () => undefined);
    asked.push({ path: url, login: headers['proxy-authorization'] });
    if (answers === 'hangs') return;
    if (headers['proxy-authorization'] !== LOGIN)
      return void socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n');
    if (answers === 'forbids')
      return void socket.end('HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno');
    const { hostname, port } = new URL(`http://${url}`);
    const through = connect(Number(port), hostname, () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      socket.pipe(through).pipe(socket);
    });
    through.on('error', () => socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n'));
    tunnels.add(through);
  });
  await new Promise<void>((listening) => proxy.listen(0, '127.0.0.1', listening));
});
beforeEach(() => {
  answers = 'tunnels';
  asked = [];
});
const made: OutgoingHttp[] = [];
afterEach(() => {
  for (const http of made.splice(0)) http.close();
});
afterAll(async () => {
  for (const socket of tunnels) socket.destroy();
  await new Promise((closed) => proxy.close(closed));
  await Promise.all([plain.close(), secure.close()]);
});

const proxyUrl = (login = 'user:p%40ss@') =>
  `http://${login}127.0.0.1:${(proxy.address() as AddressInfo).port}`;

function out(rules: NetworkRules = {}, addresses = ['127.0.0.1']): OutgoingHttp {
  const given = {
    http: true,
    allow: ['127.0.0.1'],
    proxy: proxyUrl(),
    ca: certificates.authority.cert,
    ...rules,
  };
  const http = new OutgoingHttp(checkNetworkRules(given), async () => addresses);
  made.push(http);
  return http;
}

function send(http: OutgoingHttp, url: string, wholeMs = 20_000): Promise<OutgoingAnswer> {
  return http.sendRequest({ url, answerBytes: 100, deadlines: { wholeMs } });
}

describe('through a proxy', () => {
  it('a request goes to the address that was judged, with TLS for the name, and keeps its connection', async () => {
    const http = out();
    for (const [url, port] of [
      [`https://hooks.example:${secure.port}/`, secure.port],
      [`http://hooks.example:${plain.port}/`, plain.port],
    ] as const) {
      asked = [];
      for (const _ of [1, 2]) {
        const answer = await send(http, url);
        expect(answer.is === 'answered' && answer.body.toString()).toBe(`hooks.example:${port}`);
      }
      expect(asked).toEqual([{ path: `127.0.0.1:${port}`, login: LOGIN }]);
    }
  });

  it('a certificate for another name is refused', async () => {
    expect(await send(out(), `https://other.example:${secure.port}/`)).toMatchObject({ kind: 'tls' });
  });

  it('an inner address is refused before the proxy hears of it', async () => {
    const { connections } = plain;
    const http = out({ allow: [] }, ['8.8.8.8', '127.0.0.1']);
    expect(await send(http, `http://hooks.example:${plain.port}/`)).toMatchObject({ kind: 'refused' });
    expect(await send(http, `http://127.0.0.1:${plain.port}/`)).toMatchObject({ kind: 'refused' });
    expect([asked, plain.connections]).toEqual([[], connections]);
  });

  it('the next address is tried when the proxy does not reach the first', async () => {
    const http = out({ allow: ['127.0.0.0/8'] }, ['127.0.0.3', '127.0.0.1']);
    expect(await send(http, `http://hooks.example:${plain.port}/`)).toMatchObject({ status: 200 });
    expect(asked.map(({ path }) => path)).toEqual([`127.0.0.3:${plain.port}`, `127.0.0.1:${plain.port}`]);
  });

  it('what it forbids is a failed connection', async () => {
    answers = 'forbids';
    expect(await send(out(), `https://hooks.example:${secure.port}/`)).toMatchObject({
      kind: 'connect',
      message: 'The proxy answered 403 when it was asked for a connection',
    });
  });

  it('a wrong password, or a proxy that is not there, is a failure of the proxy, and no message has the password', async () => {
    const wrong = await send(
      out({ proxy: proxyUrl('user:hunter2@') }),
      `http://hooks.example:${plain.port}/`,
    );
    const gone = await LoopbackServer.raw(() => undefined);
    const { port } = gone;
    await gone.close();
    const away = await send(
      out({ proxy: `http://user:hunter2@127.0.0.1:${port}` }),
      `http://hooks.example:${plain.port}/`,
    );
    expect([wrong, away]).toMatchObject([{ kind: 'proxy' }, { kind: 'proxy' }]);
    expect(JSON.stringify([wrong, away])).not.toContain('hunter2');
  });

  it('one that hangs costs no more than the deadline, and is left when the way out is closed', async () => {
    answers = 'hangs';
    const http = out();
    expect(await send(http, `http://hooks.example:${plain.port}/`, 150)).toMatchObject({ kind: 'timeout' });
    const [hanging] = [...tunnels].slice(-1);
    expect(hanging?.closed).toBe(false);
    http.close();
    await endOf(hanging);
  });
});

/** The end that the other side has sent. Servers of HTTP leave their own half open. */
function endOf(socket: Socket | undefined): Promise<unknown> {
  return new Promise((ended) => socket?.resume().once('end', ended).once('error', ended));
}
