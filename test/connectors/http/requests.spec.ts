import { gzipSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { until } from '../../support/until.js';
import { everythingOf, failure, httpStage, json, status } from './stage.js';

const stage = httpStage();

describe('a request', () => {
  it('goes below the base URL with its query, its body and the credentials, and gives the body of the answer', async () => {
    stage.answer(json({ id: 7 }, 201));
    const http = stage.client();
    expect(
      await http.post('/employees', {
        json: { name: 'Ada' },
        query: { notify: true, tag: ['a', 'b'], none: null },
      }),
    ).toEqual({ id: 7 });
    expect(stage.came).toEqual([
      expect.objectContaining({
        method: 'POST',
        path: '/api/employees?notify=true&tag=a&tag=b',
        body: '{"name":"Ada"}',
        headers: expect.objectContaining({
          authorization: 'Bearer secret-token-1',
          'content-type': 'application/json',
          accept: 'application/json',
        }),
      }),
    ]);
  });

  it.each(['get', 'post', 'put', 'patch', 'delete'] as const)('is sent by %s', async (method) => {
    stage.answer(json({ method }));
    expect(await stage.client().request(method, 'x')).toMatchObject({ status: 200, body: { method } });
    expect(await stage.client()[method]('x')).toEqual({ method });
    expect(stage.came.map((came) => `${came.method} ${came.path}`)).toEqual(
      Array(2).fill(`${method.toUpperCase()} /api/x`),
    );
  });

  it('sends a form, a text and bytes as they are', async () => {
    stage.answer(json({}));
    const http = stage.client();
    await http.post('/x', { form: { a: '1 2', b: 'ü' } });
    await http.post('/x', { body: 'plain', headers: { 'content-type': 'text/plain' } });
    await http.post('/x', { body: new Uint8Array([65, 66]) });
    expect(stage.came.map(({ body, headers }) => [body, headers['content-type']])).toEqual([
      ['a=1+2&b=%C3%BC', 'application/x-www-form-urlencoded'],
      ['plain', 'text/plain'],
      ['AB', undefined],
    ]);
  });

  it('is refused if it has two bodies, or an option that nobody knows', async () => {
    const http = stage.client();
    await expect(http.post('/x', { json: {}, body: '' })).rejects.toMatchObject({
      code: 'INTEGRATION_ADMIN_INVALID',
    });
    await expect(http.get('/x', { qurey: {} } as never)).rejects.toThrow('did you mean query?');
  });

  it('has the type of its schema, and is refused with the places where the answer does not fit', async () => {
    const schema = z.object({ id: z.number(), name: z.string() });
    stage.answer(json({ id: 1, name: 'Ada' }), json({ id: 'planted-value', name: 'Ada' }));
    const http = stage.client();
    const { name } = await http.get('/x', { schema });
    expect(name).toBe('Ada');
    const error = await failure(http.get('/x', { schema }));
    expect(error).toMatchObject({
      code: 'INTEGRATION_HTTP_FAILED',
      details: { problems: [{ path: 'body.id' }] },
    });
    expect(everythingOf(error)).not.toContain('planted-value');
  });

  it('that fails says what it was, and no header, token, query or body', async () => {
    stage.answer(
      json({ planted: 'planted-in-body' }, 422, { 'x-request-id': 'req-1', 'x-other': 'planted-in-header' }),
    );
    const http = stage.client();
    const error = await failure(
      http.post('/employees/7?planted=planted-in-path', {
        query: { key: 'planted-in-query' },
        json: { planted: 'planted-in-request' },
        headers: { 'x-mine': 'planted-in-own-header' },
      }),
    );
    expect(error).toMatchObject({
      code: 'INTEGRATION_HTTP_FAILED',
      message: 'POST /employees/7 was answered 422 (attempt 1, request req-1)',
      details: {
        connector: 'hris',
        method: 'POST',
        path: '/employees/7',
        status: 422,
        attempt: 1,
        requestId: 'req-1',
      },
    });
    expect(everythingOf(error)).not.toMatch(/planted|secret/);
  });

  it('does not repeat a request id that is none', async () => {
    stage.answer(json({}, 422, { 'x-request-id': 'id with <spaces>' }));
    expect((await failure(stage.client().get('/x'))).details).not.toHaveProperty('requestId');
  });

  it('ends when its signal, or that of the client, says so', async () => {
    stage.answer(() => {});
    for (const which of ['request', 'client', 'client with a request of its own signal']) {
      const ending = new AbortController();
      const http = stage.client(undefined, which === 'request' ? undefined : ending.signal);
      const { signal: other } = new AbortController();
      const before = stage.came.length;
      const signals = { request: ending.signal, client: undefined };
      const sent = failure(
        http.get('/x', { signal: which in signals ? signals[which as keyof typeof signals] : other }),
      );
      await until('the request has come', async () => stage.came.length > before);
      ending.abort(new Error('not wanted any more'));
      expect((await sent).message).toBe('not wanted any more');
    }
  });
});

describe('an answer', () => {
  it('that is larger than allowed is refused, whether it says so or not', async () => {
    stage.settings.maxResponseBytes = 1_024;
    try {
      for (const headers of [{}, { 'content-length': '5000' }] as Record<string, string>[]) {
        stage.answer((_, response) => {
          response.writeHead(200, { 'content-type': 'application/json', ...headers });
          response.end(`"${'x'.repeat(4_998)}"`);
        });
        expect(await failure(stage.client().get('/x'))).toMatchObject({
          code: 'INTEGRATION_HTTP_TOO_LARGE',
          details: { bytes: 1_024, status: 200 },
        });
      }
    } finally {
      stage.settings.maxResponseBytes = 10_485_760;
    }
  });

  it('that never ends is refused by its size, and its connection is ended', async () => {
    stage.settings.maxResponseBytes = 100_000;
    let isEnded = false;
    stage.answer((_, response) => {
      response.once('close', () => {
        isEnded = true;
      });
      response.writeHead(200, { 'content-type': 'application/json' });
      const write = () => {
        while (!response.destroyed && response.write('x'.repeat(10_000)));
      };
      response.on('drain', write);
      write();
    });
    expect(await failure(stage.client().get('/x'))).toMatchObject({ code: 'INTEGRATION_HTTP_TOO_LARGE' });
    await until('the connection is ended', async () => isEnded);
    stage.settings.maxResponseBytes = 10_485_760;
  });

  it.each([
    ['before its head', () => {}],
    [
      'in its body, which drips',
      (_: unknown, response: import('node:http').ServerResponse) => {
        response.writeHead(200, { 'content-type': 'application/json' });
        const timer = setInterval(() => response.write(' '), 10);
        response.once('close', () => clearInterval(timer));
      },
    ],
  ] as const)('that hangs %s is given up after its time, once', async (_, answer) => {
    stage.answer(answer as never);
    const error = await failure(stage.client().get('/x', { timeoutMs: 200 }));
    expect(error).toMatchObject({
      code: 'INTEGRATION_HTTP_TIMEOUT',
      details: { attempt: 1, kind: 'timeout' },
    });
    expect(stage.came).toHaveLength(1);
  });

  it('that is compressed, which nobody asked for, does not become huge', async () => {
    const bomb = gzipSync(Buffer.alloc(50_000_000));
    stage.answer((_, response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' });
      response.end(bomb);
    });
    for (const as of ['json', 'text', 'bytes'] as const)
      expect(await failure(stage.client().get('/x', { as }))).toMatchObject({
        code: 'INTEGRATION_HTTP_FAILED',
        message: expect.stringContaining('compressed'),
      });
    expect(stage.came[0]?.headers['accept-encoding']).toBe('identity');
  });

  it('of another type than JSON is refused, unless it was asked for', async () => {
    stage.answer((_, response) => {
      response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end('<title>planted</title>');
    });
    const http = stage.client();
    const error = await failure(http.get('/x'));
    expect(error.message).toBe('GET /x was answered 200 with text/html where JSON was expected (attempt 1)');
    expect(everythingOf(error)).not.toContain('planted');
    expect(await http.get('/x', { as: 'text' })).toBe('<title>planted</title>');
    expect(await http.get('/x', { as: 'bytes' })).toEqual(Buffer.from('<title>planted</title>'));
  });

  it('that says JSON and is none is refused without its text', async () => {
    stage.answer((_, response) =>
      response.writeHead(200, { 'content-type': 'application/json' }).end('{planted'),
    );
    const error = await failure(stage.client().get('/x'));
    expect(error).toMatchObject({ code: 'INTEGRATION_HTTP_FAILED' });
    expect(everythingOf(error)).not.toContain('planted');
  });

  it('without a type is read as JSON, and one without a body is undefined', async () => {
    const http = stage.client();
    stage.answer((_, response) => response.end('{"a":1}'), status(200), status(204), status(304));
    expect(await http.get('/x')).toEqual({ a: 1 });
    for (let n = 0; n < 3; n++) expect(await http.get('/x')).toBeUndefined();
  });

  it('204 with a body has none, and the next request is right', async () => {
    stage.answer(
      (_, response) => {
        const { socket } = response;
        socket?.write('HTTP/1.1 204 No Content\r\ncontent-type: application/json\r\n\r\n{"planted":true}');
      },
      json({ right: true }),
    );
    const http = stage.client();
    expect(await http.delete('/x')).toBeUndefined();
    expect(await http.get('/x')).toEqual({ right: true });
    expect(await http.get('/x')).toEqual({ right: true });
  });

  it('that is no HTTP is a failure', async () => {
    stage.answer((_, response) => response.socket?.end('no http at all\r\n\r\n'));
    expect(await failure(stage.client().get('/x'))).toMatchObject({
      code: 'INTEGRATION_HTTP_FAILED',
      details: { kind: 'protocol' },
    });
  });
});

describe('metrics', () => {
  it('name the connector and what became of each attempt, and no tenant', async () => {
    const identity = stage.identity();
    stage.counted.length = 0;
    stage.answer(status(503), json({}), status(404));
    const http = stage.client(identity);
    await http.get('/x');
    await failure(http.get('/x'));
    expect(stage.counted).toEqual([
      'requests hris 5xx',
      'retries hris',
      'requests hris 2xx',
      'requests hris 4xx',
    ]);
    expect(stage.counted.join()).not.toMatch(new RegExp(`acme|${identity.connectionId}`));
  });
});
