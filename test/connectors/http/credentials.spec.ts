import { describe, expect, it } from '@jest/globals';
import { makeCertificates } from '../../support/certificates.js';
import { LoopbackServer } from '../../support/loopback-server.js';
import { everythingOf, failure, httpStage, json, status } from './stage.js';

const stage = httpStage();

describe('a token that is refused', () => {
  it('is renewed, and the request is sent once more with another one, also a POST', async () => {
    for (const method of ['GET', 'POST']) {
      const identity = stage.identity();
      identity.following = ['secret-token-2'];
      stage.answer(status(401), json({ well: true }));
      const { body } = await stage
        .client(identity)
        .request(method, '/x', method === 'POST' ? { json: { a: 1 } } : {});
      expect(body).toEqual({ well: true });
      expect(stage.came.map(({ headers }) => headers.authorization)).toEqual([
        'Bearer secret-token-1',
        'Bearer secret-token-2',
      ]);
      expect(new Set(stage.came.map((came) => came.body)).size).toBe(1);
    }
  });

  it('costs two requests a call, however often it is refused', async () => {
    const identity = stage.identity();
    identity.following = ['secret-token-2', 'secret-token-3', 'secret-token-4'];
    stage.answer(status(401));
    const error = await failure(stage.client(identity).get('/x'));
    expect(error).toMatchObject({ code: 'INTEGRATION_HTTP_FAILED', details: { status: 401, attempt: 2 } });
    expect(everythingOf(error)).not.toContain('secret');
    expect(stage.came).toHaveLength(2);
    expect(identity.renewed).toBe(1);
  });

  it('costs one request where there is no other token', async () => {
    const identity = stage.identity();
    stage.answer(status(401));
    expect(await failure(stage.client(identity).get('/x'))).toMatchObject({
      details: { status: 401, attempt: 1 },
    });
    expect(stage.came).toHaveLength(1);
  });

  it('is not renewed a second time by what fails in between', async () => {
    const identity = stage.identity();
    identity.following = ['secret-token-2', 'secret-token-3'];
    stage.answer(status(401), status(503), status(401));
    expect(await failure(stage.client(identity).get('/x'))).toMatchObject({ details: { status: 401 } });
    expect(stage.came).toHaveLength(3);
    expect(identity.renewed).toBe(1);
  });

  it('that another request has renewed already is replaced without asking', async () => {
    const identity = stage.identity();
    stage.answer((came, response) => {
      // The token moves while the request is under way.
      identity.token = 'secret-token-2';
      identity.generation = 2;
      response.writeHead(came.headers.authorization === 'Bearer secret-token-1' ? 401 : 204).end();
    });
    expect(await stage.client(identity).get('/x')).toBeUndefined();
    expect(stage.came).toHaveLength(2);
  });
});

describe('credentials', () => {
  it('are put on at each attempt anew', async () => {
    const identity = stage.identity();
    stage.answer((_, response, number) => {
      identity.token = `secret-token-${number + 1}`;
      response.writeHead(number < 3 ? 503 : 204).end();
    });
    await stage.client(identity).get('/x');
    expect(stage.came.map(({ headers }) => headers.authorization)).toEqual([
      'Bearer secret-token-1',
      'Bearer secret-token-2',
      'Bearer secret-token-3',
    ]);
  });

  it('in the query are sent, and stand in no error', async () => {
    const identity = stage.identity({
      authorize: async (request) => {
        request.url = new URL(`${request.url.href}&api_key=secret-key`);
        return {};
      },
    });
    stage.answer(status(404));
    const error = await failure(stage.client(identity).get('/x', { query: { a: 1 } }));
    expect(stage.came[0]?.path).toBe('/api/x?a=1&api_key=secret-key');
    expect(everythingOf(error)).not.toContain('secret');
  });

  it('that cannot be put on send nothing', async () => {
    const identity = stage.identity({ authorize: () => Promise.reject(new Error('no token')) });
    stage.answer(json({}));
    await expect(stage.client(identity).get('/x')).rejects.toThrow('no token');
    expect(stage.came).toHaveLength(0);
  });
});

describe('where credentials may go', () => {
  it('is the origin of the base URL, and those that the connector names', async () => {
    const other = await stage.stranger();
    const identity = stage.identity({ origins: [`${other.url}/uploads`] });
    stage.answer(json({}));
    const http = stage.client(identity);
    await http.get(`${stage.url}/elsewhere`);
    await http.get(`${other.url}/files`);
    expect(stage.came[0]).toMatchObject({
      path: '/elsewhere',
      headers: { authorization: 'Bearer secret-token-1' },
    });
    expect(other.came[0]).toMatchObject({
      path: '/files',
      headers: { authorization: 'Bearer secret-token-1' },
    });
  });

  it.each([
    ['another port', (url: string) => `${url.replace(/\d+$/, '1')}/x`],
    ['another host', (url: string) => `${url.replace('127.0.0.1', 'localhost')}/x`],
    ['another scheme', (url: string) => `${url.replace('http:', 'https:')}/x`],
    ['a user', (url: string) => `${url.replace('//', '//planted@')}/x`],
    ['a user and a password', (url: string) => `${url.replace('//', '//planted:planted@')}/x`],
    [
      'a host that begins like it',
      (url: string) => `${url.replace('127.0.0.1', '127.0.0.1.evil.example')}/x`,
    ],
    ['the host as a user', (url: string) => `${url.replace('//127.0.0.1', '//127.0.0.1@evil.example')}/x`],
    ['no HTTP', () => 'file:///etc/passwd'],
    ['data', () => 'data:text/plain,planted'],
    ['a scheme and nothing else', () => 'https:'],
  ])('is no URL with %s', async (_, urlOf) => {
    const identity = stage.identity();
    stage.answer(json({}));
    const before = stage.server.connections;
    const error = await failure(stage.client(identity).get(`${urlOf(stage.url)}?planted=1`));
    expect(error).toMatchObject({ code: 'INTEGRATION_HTTP_ORIGIN_REFUSED' });
    expect(everythingOf(error)).not.toMatch(/planted|secret/);
    expect(identity.authorized).toBe(0);
    expect(stage.server.connections).toBe(before);
  });

  it.each([
    '//evil.example/x',
    '/\\evil.example/x',
    '\\\\evil.example',
    '@evil.example/x',
    ':80/x',
    '.evil.example',
    '%2f%2fevil.example',
  ])('is not left by the path %j', async (path) => {
    stage.answer(json({}));
    await stage.client().get(path);
    expect(stage.came).toHaveLength(1);
    expect(stage.came[0]?.headers.host).toBe(`127.0.0.1:${stage.server.port}`);
    expect(stage.came[0]?.path.startsWith('/api')).toBe(true);
  });

  it('is checked again after a function of the connector has written the URL', async () => {
    const stranger = await stage.stranger();
    const identity = stage.identity({
      authorize: async (request) => {
        request.headers.authorization = 'Bearer secret-token-1';
        request.url = new URL(`${stranger.url}/x`);
        return {};
      },
    });
    expect(await failure(stage.client(identity).get('/x'))).toMatchObject({
      code: 'INTEGRATION_HTTP_ORIGIN_REFUSED',
    });
    expect(stranger.came).toHaveLength(0);
  });

  it('is not left by a redirect, which is followed within it', async () => {
    const stranger = await stage.stranger();
    stage.answer(status(302, { location: '/api/there?a=1' }), json({ there: true }));
    expect(await stage.client().get('/here')).toEqual({ there: true });
    expect(stage.came.map(({ path, headers }) => [path, headers.authorization])).toEqual([
      ['/api/here', 'Bearer secret-token-1'],
      ['/api/there?a=1', 'Bearer secret-token-1'],
    ]);
    for (const location of [
      `${stranger.url}/x`,
      `//localhost:${stage.server.port}/x`,
      `https://127.0.0.1:${stage.server.port}/x`,
      `http://planted@127.0.0.1:${stage.server.port}/x`,
      'http://[',
    ]) {
      stage.answer(status(307, { location }), json({}));
      expect(await failure(stage.client().get('/x'))).toMatchObject({
        code: 'INTEGRATION_HTTP_ORIGIN_REFUSED',
      });
      expect(stage.came).toHaveLength(1);
    }
    expect(stranger.came).toHaveLength(0);
  });

  it('is redirected only so often, and never with a POST', async () => {
    stage.answer(status(302, { location: '/api/x' }));
    expect((await failure(stage.client().get('/x'))).message).toContain('redirected more than 5 times');
    expect(stage.came).toHaveLength(6);
    stage.answer(status(307, { location: '/api/x' }), json({}));
    expect(await failure(stage.client().post('/x', { idempotencyKey: 'k' }))).toMatchObject({
      details: { status: 307 },
    });
    expect(stage.came).toHaveLength(1);
  });

  it('is not left by the link of a page', async () => {
    const stranger = await stage.stranger();
    stage.answer(json([1], 200, { link: `<${stranger.url}/x?page=2>; rel="next"` }));
    const pages = stage.client().pages('/x', { type: 'link' });
    expect((await pages.next()).value).toMatchObject({ items: [1] });
    expect(await failure(pages.next())).toMatchObject({ code: 'INTEGRATION_HTTP_ORIGIN_REFUSED' });
    expect(stranger.came).toHaveLength(0);
  });

  it('is judged by the network rules as well', async () => {
    const identity = stage.identity({ network: {} });
    stage.answer(json({}));
    const error = await failure(stage.client(identity).get('/x'));
    expect(error).toMatchObject({ code: 'INTEGRATION_HTTP_ADDRESS_REFUSED' });
    expect(stage.came).toHaveLength(0);
  });
});

describe('a client certificate', () => {
  it('is shown to the server that asks for one, and each certificate has connections of its own', async () => {
    const { authority, signed, selfSigned } = await makeCertificates();
    const subjects: (string | undefined)[] = [];
    const server = await LoopbackServer.https(
      { ...signed, ca: authority.cert, requestCert: true, rejectUnauthorized: false },
      (request, response) => {
        const socket = request.socket as import('node:tls').TLSSocket;
        subjects.push(`${socket.getPeerCertificate()?.issuer?.CN} ${socket.authorized}`);
        response.writeHead(204).end();
      },
    );
    try {
      const baseUrl = `https://127.0.0.1:${server.port}`;
      for (const own of [signed, selfSigned, signed, undefined]) {
        const identity = stage.identity({ baseUrl, network: { allow: ['127.0.0.1'], ca: authority.cert } });
        identity.tls = own;
        await stage.client(identity).get('/x');
      }
      expect(subjects).toEqual([
        'An authority of tests true',
        'hooks.example false',
        'An authority of tests true',
        'undefined false',
      ]);
      // The first and the third one share a connection.
      expect(server.connections).toBe(3);
      const trusting = stage.identity({ baseUrl, network: { allow: ['127.0.0.1'] } });
      expect(await failure(stage.client(trusting).post('/x'))).toMatchObject({ details: { kind: 'tls' } });
      trusting.tls = { ...signed, ca: authority.cert };
      await stage.client(trusting).post('/x');
    } finally {
      await server.close();
    }
  });

  it('that cannot be read is said without its text', async () => {
    const identity = stage.identity();
    identity.tls = { cert: 'planted-certificate', key: 'planted-key' };
    const error = await failure(stage.client(identity).get('/x'));
    expect(error).toMatchObject({ code: 'INTEGRATION_HTTP_FAILED', details: { kind: 'tls' } });
    expect(everythingOf(error)).not.toContain('planted');
  });
});
