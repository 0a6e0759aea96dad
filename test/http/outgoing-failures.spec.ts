import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { checkNetworkRules } from '../../src/http/network-rules.js';
import type { OutgoingAnswer } from '../../src/http/outgoing-answer.js';
import { OutgoingHttp, type OutgoingRequest } from '../../src/http/outgoing-http.js';
import { askNameServers } from '../../src/http/resolve-names.js';
import { LoopbackServer } from '../support/loopback-server.js';
import { until } from '../support/until.js';

/** Deadlines that a test has to sit out. */
const SHORT_MS = 150;
/** Long enough for the head of an answer, on a busy machine too. */
const HEAD_MS = 1_000;
const LONG_MS = 30_000;

const closing: { close(): unknown }[] = [];
afterEach(async () => {
  for (const each of closing.splice(0).reverse()) await each.close();
});

function out(resolve?: (host: string) => Promise<readonly string[]>): OutgoingHttp {
  const http = new OutgoingHttp(checkNetworkRules({ http: true, allow: ['127.0.0.1'] }), resolve);
  closing.push(http);
  return http;
}

async function raw(onSocket: (socket: Socket) => void): Promise<LoopbackServer> {
  const server = await LoopbackServer.raw(onSocket);
  closing.push(server);
  return server;
}

/** A server that answers each request with these texts, after its head has come. */
function answering(...pieces: string[]): Promise<LoopbackServer> {
  return raw((socket) => {
    socket.once('data', () => {
      for (const piece of pieces) socket.write(piece);
    });
  });
}

function send(server: { port: number }, request: Partial<OutgoingRequest> = {}): Promise<OutgoingAnswer> {
  return out().sendRequest({
    url: `http://127.0.0.1:${server.port}/hook?a=1`,
    body: '{"a":1}',
    answerBytes: 10,
    deadlines: { wholeMs: LONG_MS },
    ...request,
  });
}

/** Reads, so that it notices the end of a connection, and says nothing. */
const noTalk = (socket: Socket) => void socket.resume();

describe('an answer without a body', () => {
  it.each(['204 No Content', '304 Not Modified'])(
    '%s is whole with its head, whatever comes behind',
    async (said) => {
      const server = await answering(`HTTP/1.1 ${said}\r\ncontent-length: 7\r\n\r\n{"a":1}`);
      const answer = await send(server);
      expect(answer).toMatchObject({ is: 'answered', status: Number(said.slice(0, 3)), isCut: false });
      expect((answer as { body?: Buffer }).body).toHaveLength(0);
      await until('the connection is ended', async () => server.open === 0);
    },
  );
});

describe('a server that hangs', () => {
  it('before its answer costs no more than the deadline of the head', async () => {
    const server = await raw(noTalk);
    expect(await send(server, { deadlines: { headersMs: SHORT_MS, wholeMs: LONG_MS } })).toMatchObject({
      is: 'failed',
      kind: 'timeout',
      message: `There was no head of an answer within ${SHORT_MS} ms`,
    });
    await until('the connection is ended', async () => server.open === 0);
  });

  it('in the middle of its head costs no more', async () => {
    const server = await answering('HTTP/1.1 200 OK\r\ncontent-le');
    expect(await send(server, { deadlines: { headersMs: SHORT_MS, wholeMs: LONG_MS } })).toMatchObject({
      kind: 'timeout',
    });
  });

  it('and says 100 Continue for ever costs no more', async () => {
    const server = await raw((socket) => {
      const timer = setInterval(() => socket.write('HTTP/1.1 100 Continue\r\n\r\n'), 10);
      socket.once('close', () => clearInterval(timer));
    });
    expect(await send(server, { deadlines: { headersMs: SHORT_MS, wholeMs: LONG_MS } })).toMatchObject({
      kind: 'timeout',
      message: expect.stringContaining('no head'),
    });
  });

  it('in the middle of its body costs no more than the whole deadline, and its status is known', async () => {
    const server = await answering('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nabc');
    expect(await send(server, { deadlines: { wholeMs: HEAD_MS } })).toMatchObject({
      is: 'failed',
      kind: 'timeout',
      status: 200,
      message: expect.stringContaining('did not end'),
    });
    await until('the connection is ended', async () => server.open === 0);
  });

  it('by one byte after the other costs no more', async () => {
    const server = await raw((socket) => {
      socket.resume().write('HTTP/1.1 200 OK\r\n\r\n');
      let sent = 0;
      const timer = setInterval(() => sent++ < 9 && socket.write('a'), 20);
      socket.once('close', () => clearInterval(timer));
    });
    const answer = await send(server, { deadlines: { wholeMs: HEAD_MS } });
    expect(answer).toMatchObject({ kind: 'timeout', status: 200 });
    expect(answer.durationMs).toBeGreaterThanOrEqual(HEAD_MS - 5);
    await until('the connection is ended', async () => server.open === 0);
  });

  it('when TLS is to be spoken costs no more than the deadline of the connection', async () => {
    const server = await raw(noTalk);
    expect(
      await send(server, {
        url: `https://127.0.0.1:${server.port}/`,
        deadlines: { connectMs: SHORT_MS, wholeMs: LONG_MS },
      }),
    ).toMatchObject({ kind: 'timeout', message: `There was no connection within ${SHORT_MS} ms` });
    await until('the connection is ended', async () => server.open === 0);
  });

  it('and reads nothing of a large body costs no more', async () => {
    const server = await raw((socket) => socket.pause());
    expect(
      await send(server, { body: Buffer.alloc(20_000_000), deadlines: { wholeMs: SHORT_MS } }),
    ).toMatchObject({ kind: 'timeout' });
  });
});

describe('a name server', () => {
  it('that is silent costs no more than the deadline of the connection', async () => {
    const silent = createSocket('udp4').bind(0, '127.0.0.1');
    await once(silent, 'listening');
    closing.push(silent);
    const http = out(askNameServers([`127.0.0.1:${silent.address().port}`]));
    expect(
      await http.sendRequest({
        url: 'https://hooks.example/',
        answerBytes: 10,
        deadlines: { connectMs: SHORT_MS, wholeMs: LONG_MS },
      }),
    ).toMatchObject({ is: 'failed', kind: 'timeout' });
  });

  it('that knows no such name is said so', async () => {
    const http = out(() => Promise.reject(Object.assign(new Error('no'), { code: 'ENOTFOUND' })));
    expect(
      await http.sendRequest({
        url: 'https://hooks.example/secret-token',
        answerBytes: 10,
        deadlines: { wholeMs: LONG_MS },
      }),
    ).toMatchObject({ kind: 'dns', message: 'The name cannot be resolved (ENOTFOUND)' });
  });
});

describe('a server that ends the connection', () => {
  it('at once is a reset', async () => {
    const server = await raw((socket) => socket.resetAndDestroy());
    expect(await send(server)).toMatchObject({ is: 'failed', kind: 'reset' });
  });

  it('without an answer is a reset', async () => {
    const server = await raw((socket) => socket.once('data', () => socket.end()));
    expect(await send(server)).toMatchObject({ kind: 'reset' });
  });

  it('in the middle of a body is a reset, whose status is known', async () => {
    for (const end of ['end', 'resetAndDestroy'] as const) {
      const server = await raw((socket) => {
        socket.once('data', () =>
          socket.write('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nabc', () => socket[end]()),
        );
      });
      expect(await send(server)).toMatchObject({ kind: 'reset', status: 200 });
    }
  });

  it('in the middle of its chunks is a reset', async () => {
    const server = await raw((socket) => {
      socket.once('data', () =>
        socket.end('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n'),
      );
    });
    expect(await send(server)).toMatchObject({ kind: 'reset', status: 200 });
  });

  it('when nobody listens any more is a failed connection, without an address in its message', async () => {
    const server = await LoopbackServer.raw(noTalk);
    const { port } = server;
    await server.close();
    expect(await send({ port })).toMatchObject({
      kind: 'connect',
      message: 'Nobody takes connections there (ECONNREFUSED)',
    });
  });

  it('to speak another protocol is a reset', async () => {
    const server = await answering(
      'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n',
    );
    expect(await send(server)).toMatchObject({ is: 'failed', kind: 'reset' });
  });
});

describe('an answer', () => {
  it('is cut to the bytes that were asked for, and the connection is used again', async () => {
    const server = await LoopbackServer.http((_, response) => response.end('0123456789abcdef'));
    closing.push(server);
    const http = out();
    for (const _ of [1, 2, 3]) {
      const answer = await http.sendRequest({
        url: `http://127.0.0.1:${server.port}/`,
        answerBytes: 10,
        deadlines: { wholeMs: LONG_MS },
      });
      expect(answer).toMatchObject({ is: 'answered', status: 200, isCut: true });
      expect(answer.is === 'answered' && answer.body.toString()).toBe('0123456789');
    }
    expect(server.connections).toBe(1);
  });

  it('without an end is ended, and what was kept of it is the answer', async () => {
    let sent = 0;
    const server = await raw((socket) => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      const more = () => {
        while (!socket.destroyed && socket.write(Buffer.alloc(16_384, 'a'))) sent += 16_384;
      };
      socket.on('drain', more);
      more();
    });
    const answer = await send(server);
    expect(answer).toMatchObject({ is: 'answered', status: 200, isCut: true });
    expect(answer.is === 'answered' && answer.body.toString()).toBe('aaaaaaaaaa');
    await until('the connection is ended', async () => server.open === 0);
    expect(sent).toBeLessThan(20_000_000);
  });

  it('without an end that comes slowly is there at the deadline', async () => {
    const server = await raw((socket) => {
      socket.write('HTTP/1.1 500 No\r\n\r\n0123456789');
      const timer = setInterval(() => socket.write('a'), 20);
      socket.once('close', () => clearInterval(timer));
    });
    expect(await send(server, { deadlines: { wholeMs: HEAD_MS } })).toMatchObject({
      is: 'answered',
      status: 500,
      isCut: true,
    });
    await until('the connection is ended', async () => server.open === 0);
  });

  it('that is compressed stays so', async () => {
    const server = await answering(
      'HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 3\r\n\r\nabc',
    );
    const answer = await send(server);
    expect(answer.is === 'answered' && answer.body.toString()).toBe('abc');
  });

  it('with a huge head is refused', async () => {
    const server = await answering(`HTTP/1.1 200 OK\r\nx: ${'a'.repeat(100_000)}\r\n\r\n`);
    expect(await send(server)).toMatchObject({
      kind: 'protocol',
      message: 'The head of the answer is too large (HPE_HEADER_OVERFLOW)',
    });
  });

  it('that is not HTTP is refused', async () => {
    const server = await answering('220 mail.example ESMTP\r\n');
    expect(await send(server)).toMatchObject({ kind: 'protocol' });
  });

  it('before the end of a large request is taken', async () => {
    const server = await raw((socket) => {
      socket.once('data', () => socket.write('HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\n\r\n'));
    });
    expect(await send(server, { body: Buffer.alloc(20_000_000) })).toMatchObject({
      is: 'answered',
      status: 413,
    });
  });
});

describe('a request', () => {
  it('has the method, the path, the body and the headers of its caller, and a length and a host of its own', async () => {
    let seen: unknown;
    const server = await LoopbackServer.http(async ({ method, url, headers, rawHeaders }, response) => {
      const names = rawHeaders.filter((_, index) => index % 2 === 0).map((name) => name.toLowerCase());
      seen = { method, url, headers, isOnce: new Set(names).size === names.length };
      response.end();
    });
    closing.push(server);
    await send(server, {
      method: 'PUT',
      body: 'grüße',
      headers: {
        'x-own': 'a',
        Host: 'other.example',
        'Content-Length': '1',
        'Transfer-Encoding': 'chunked',
        Connection: 'close, x-own',
        Expect: '100-continue',
        'Proxy-Authorization': 'Basic x',
      },
    });
    expect(seen).toEqual({
      method: 'PUT',
      url: '/hook?a=1',
      isOnce: true,
      headers: {
        'accept-encoding': 'identity',
        'x-own': 'a',
        host: `127.0.0.1:${server.port}`,
        'content-length': '7',
        connection: 'keep-alive',
      },
    });
  });

  it('that cannot be written is refused, and connects to nobody', async () => {
    const server = await raw(noTalk);
    for (const wrong of [
      { headers: { 'x-own': 'a\r\nb: c' } },
      { headers: { 'a b': 'c' } },
      { method: 'A B' },
    ])
      expect(await send(server, wrong)).toMatchObject({
        kind: 'refused',
        message: expect.stringMatching(/cannot be written/),
      });
    expect(server.connections).toBe(0);
  });

  it('is given up by its signal, before and while it is under way, without a warning for many', async () => {
    const warnings: Error[] = [];
    const onWarning = (warning: Error) => warnings.push(warning);
    process.on('warning', onWarning);
    try {
      const server = await raw(noTalk);
      const lane = new AbortController();
      const http = out();
      const request = {
        url: `http://127.0.0.1:${server.port}/`,
        answerBytes: 10,
        deadlines: { wholeMs: LONG_MS },
        signal: lane.signal,
      };
      const sent = Array.from({ length: 30 }, () => http.sendRequest(request));
      await until('all are under way', async () => server.connections === 30);
      lane.abort();
      const answers = await Promise.all(sent);
      expect(new Set(answers.map((answer) => answer.is === 'failed' && answer.kind))).toEqual(
        new Set(['aborted']),
      );
      expect(await http.sendRequest(request)).toMatchObject({ kind: 'aborted' });
      await until('the connections are ended', async () => server.open === 0);
      await new Promise(setImmediate);
      expect(warnings).toEqual([]);
    } finally {
      process.off('warning', onWarning);
    }
  });

  it('is given up when the way out is closed, and none is sent later', async () => {
    const server = await raw(noTalk);
    const http = out();
    const request = {
      url: `http://127.0.0.1:${server.port}/`,
      answerBytes: 10,
      deadlines: { wholeMs: LONG_MS },
    };
    const sent = http.sendRequest(request);
    await until('it is under way', async () => server.connections === 1);
    http.close();
    expect(await sent).toMatchObject({ kind: 'aborted' });
    expect(await http.sendRequest(request)).toMatchObject({ kind: 'aborted' });
    expect(server.connections).toBe(1);
  });
});

describe('a connection that was kept, and that the other side ends when it is used', () => {
  /** Answers the first request of its first connection; the next one of it ends the connection. */
  function forgetful(): Promise<LoopbackServer> {
    let connections = 0;
    return raw((socket) => {
      const isFirst = ++connections === 1;
      let requests = 0;
      socket.on('data', () => {
        if (isFirst && ++requests > 1) socket.resetAndDestroy();
        else socket.write('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n');
      });
    });
  }

  it.each([
    [true, { is: 'answered', status: 200 }, 2],
    [false, { is: 'failed', kind: 'reset' }, 1],
  ])(
    'is replaced by another one if the request is repeatable: %s',
    async (isRepeatable, second, connections) => {
      const server = await forgetful();
      const http = out();
      const request = {
        url: `http://127.0.0.1:${server.port}/`,
        answerBytes: 10,
        deadlines: { wholeMs: LONG_MS },
        isRepeatable,
      };
      expect(await http.sendRequest(request)).toMatchObject({ is: 'answered' });
      expect(await http.sendRequest(request)).toMatchObject(second);
      expect(server.connections).toBe(connections);
    },
  );
});
