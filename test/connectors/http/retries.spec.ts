import { describe, expect, it, jest } from '@jest/globals';
import { quota, rate } from '../../../src/connectors/http/http-limits.js';
import { runHandler } from '../../../src/context/integration-context.js';
import { PostponeError } from '../../../src/errors.js';
import { failure, httpStage, json, reset, status } from './stage.js';

const stage = httpStage();

/** Runs as the handler of an event does. */
const asHandler = <T>(run: () => Promise<T>): Promise<T> =>
  runHandler('consumer', undefined, () => run(), undefined, undefined);

/** A Retry-After that is a date, by the clock of the answer. */
const dated = (seconds: number) => {
  const now = Date.parse('2026-01-01T00:00:00Z');
  return { 'retry-after': new Date(now + seconds * 1_000).toUTCString(), date: new Date(now).toUTCString() };
};

describe('what fails in passing', () => {
  it.each([408, 425, 500, 502, 503, 504])(
    'is sent again after a %i, where that does no harm',
    async (code) => {
      stage.answer(status(code), json({ well: true }));
      const http = stage.client();
      for (const method of ['GET', 'PUT', 'DELETE', 'HEAD'])
        expect((await http.request(method, '/x', { as: 'text' })).status).toBe(200);
      expect(stage.came).toHaveLength(5);
      for (const method of ['POST', 'PATCH']) {
        stage.answer(status(code), json({}));
        expect(await failure(http.request(method, '/x'))).toMatchObject({
          details: { status: code, attempt: 1 },
        });
        expect(stage.came).toHaveLength(1);
      }
    },
  );

  it('is sent at most as often as the setting says', async () => {
    stage.answer(status(500));
    expect(await failure(stage.client().get('/x'))).toMatchObject({
      code: 'INTEGRATION_HTTP_FAILED',
      details: { status: 500, attempt: 4 },
    });
    expect(stage.came).toHaveLength(4);
  });

  it.each([400, 403, 404, 409, 422])('does not include a %i', async (code) => {
    stage.answer(status(code));
    expect(await failure(stage.client().get('/x'))).toMatchObject({ details: { status: code, attempt: 1 } });
    expect(stage.came).toHaveLength(1);
  });
});

describe('a POST whose connection is reset', () => {
  it('is sent again with its key, which stays the same', async () => {
    stage.answer(reset, reset, json({ id: 1 }));
    expect(await stage.client().post('/x', { json: {}, idempotencyKey: 'key-1' })).toEqual({ id: 1 });
    expect(stage.came.map(({ headers }) => headers['idempotency-key'])).toEqual(Array(3).fill('key-1'));
    stage.answer(reset, json({}));
    await stage.client().post('/x', { idempotencyKey: 'key-2', idempotencyHeader: 'X-Request-Token' });
    expect(stage.came.map(({ headers }) => headers['x-request-token'])).toEqual(['key-2', 'key-2']);
  });

  it('is not sent again without one', async () => {
    stage.answer(reset, json({}));
    expect(await failure(stage.client().post('/x', { json: {} }))).toMatchObject({
      code: 'INTEGRATION_HTTP_FAILED',
      details: { kind: 'reset', attempt: 1 },
    });
    expect(stage.came).toHaveLength(1);
  });

  it('is not sent again without one either when it went over a connection that was kept', async () => {
    stage.answer(json({}));
    const http = stage.client();
    await http.get('/x');
    stage.answer(reset, json({}));
    await failure(http.post('/x', { json: {} }));
    expect(stage.came).toHaveLength(1);
  });
});

describe('Retry-After', () => {
  it.each([
    ['seconds', { 'retry-after': '1' }],
    ['a date', dated(1)],
  ])('in %s is waited for', async (_, headers) => {
    stage.answer(status(503, headers as Record<string, string>), json({}));
    const from = performance.now();
    await stage.client().get('/x');
    expect(performance.now() - from).toBeGreaterThanOrEqual(990);
  });

  it.each([
    ['passed', dated(-60)],
    ['negative', { 'retry-after': '-5' }],
    ['junk', { 'retry-after': 'soon' }],
  ])('that is %s counts as none, and is no reason not to wait', async (_, headers) => {
    const random = jest.spyOn(Math, 'random').mockReturnValue(0.5);
    stage.answer(status(503, headers as Record<string, string>), json({}));
    const from = performance.now();
    await stage.client().get('/x');
    // The first wait is anything up to half a second.
    expect(performance.now() - from).toBeGreaterThanOrEqual(240);
    random.mockRestore();
  });

  it.each([
    ['in seconds', { 'retry-after': '120' }],
    ['as a date', dated(120)],
  ])('that is too long to wait for is told, %s', async (_, headers) => {
    stage.answer(status(503, headers as Record<string, string>), json({}));
    expect(await failure(stage.client().get('/x'))).toMatchObject({
      code: 'INTEGRATION_RATE_LIMITED',
      details: { retryAfterMs: 120_000, path: '/x', method: 'GET' },
    });
    expect(stage.came).toHaveLength(1);
  });

  it('that is too long puts off the event of a handler', async () => {
    stage.answer(status(503, { 'retry-after': '120' }));
    const error = await failure(asHandler(() => stage.client().get('/x')));
    expect(error).toBeInstanceOf(PostponeError);
    expect(error).toMatchObject({ delayMs: 120_000 });
  });
});

describe('a 429', () => {
  it('holds up all requests of its connection for as long as it says, and no other connection', async () => {
    const limited = stage.client();
    stage.answer(status(429, { 'retry-after': '60' }), json({}));
    expect(await failure(limited.get('/x'))).toMatchObject({
      code: 'INTEGRATION_RATE_LIMITED',
      details: { retryAfterMs: 60_000, status: 429 },
    });
    const next = await failure(limited.get('/x'));
    expect(next).toMatchObject({ code: 'INTEGRATION_RATE_LIMITED' });
    expect(next.details.retryAfterMs).toBeGreaterThan(50_000);
    expect(stage.came).toHaveLength(1);
    expect(await stage.client().get('/x')).toEqual({});
  });

  it('is known to other processes', async () => {
    const identity = stage.identity();
    const other = await stage.beside();
    try {
      stage.answer(status(429, { 'retry-after': '60' }));
      await failure(stage.client(identity).get('/x'));
      expect(await failure(other.client(identity).get('/x'))).toMatchObject({
        code: 'INTEGRATION_RATE_LIMITED',
      });
      expect(stage.came).toHaveLength(1);
    } finally {
      await other.close();
    }
  });

  it('that is short is waited for, and the request is sent again', async () => {
    stage.answer(status(429, { 'retry-after': '1' }), json({ well: true }));
    const from = performance.now();
    expect(await stage.client().get('/x')).toEqual({ well: true });
    expect(performance.now() - from).toBeGreaterThanOrEqual(950);
  });

  it('that says nothing of a time is not repeated at once', async () => {
    stage.answer(status(429), json({}));
    const from = performance.now();
    await stage.client().get('/x');
    expect(performance.now() - from).toBeGreaterThanOrEqual(950);
  });

  it('of a POST without a key is told and not repeated, and puts off the event of a handler', async () => {
    stage.answer(status(429, { 'retry-after': '1' }));
    expect(await failure(stage.client().post('/x'))).toMatchObject({
      code: 'INTEGRATION_RATE_LIMITED',
      details: { retryAfterMs: 1_000 },
    });
    const error = await failure(asHandler(() => stage.client().post('/x')));
    expect(error).toMatchObject({ name: 'PostponeError', delayMs: 1_000 });
    expect(stage.came).toHaveLength(2);
  });

  it('holds up the whole connector where its limits are counted together', async () => {
    const limits = [rate({ limit: 1_000, perMs: 1_000, of: 'connector' })];
    const [one, other] = [1, 2].map(() => stage.identity({ limits, connector: 'shared' }));
    stage.answer(status(429, { 'retry-after': '60' }), json({}));
    await failure(stage.client(one).get('/x'));
    expect(await failure(stage.client(other).get('/x'))).toMatchObject({ code: 'INTEGRATION_RATE_LIMITED' });
    expect(stage.came).toHaveLength(1);
  });
});

describe('limits', () => {
  const headers = (remaining: number, reset: string) => ({
    'x-ratelimit-remaining': String(remaining),
    'x-ratelimit-reset': reset,
  });
  const byHeaders = (limit: number) =>
    quota({
      limit,
      perMs: 3_600_000,
      remainingHeader: 'X-RateLimit-Remaining',
      resetHeader: 'X-RateLimit-Reset',
    });

  it('are kept before anything is sent', async () => {
    const http = stage.client(stage.identity({ limits: [quota({ limit: 2, perMs: 3_600_000 })] }));
    stage.answer(json({}));
    await http.get('/x');
    await http.get('/x');
    expect(await failure(http.get('/x'))).toMatchObject({ code: 'INTEGRATION_RATE_LIMITED' });
    const error = await failure(asHandler(() => http.get('/x')));
    expect(error).toMatchObject({ name: 'PostponeError' });
    expect(stage.came).toHaveLength(2);
  });

  it.each([
    ['seconds', () => '60'],
    ['a time in seconds', () => String(Math.floor(Date.now() / 1_000) + 60)],
    ['a time in milliseconds', () => String(Date.now() + 60_000)],
    ['a date', () => new Date(Date.now() + 60_000).toISOString()],
  ])('are used up when an answer says so, until the end it says in %s', async (_, end) => {
    const http = stage.client(stage.identity({ limits: [byHeaders(5_000)] }));
    stage.answer(json({}, 200, headers(0, end())), json({}));
    await http.get('/x');
    const { details, code } = await failure(http.get('/x'));
    expect(code).toBe('INTEGRATION_RATE_LIMITED');
    expect(details.retryAfterMs).toBeGreaterThan(50_000);
    expect(details.retryAfterMs).toBeLessThanOrEqual(63_000);
    expect(stage.came).toHaveLength(1);
  });

  it('are used up by a 403 that says that nothing is left', async () => {
    const http = stage.client(stage.identity({ limits: [byHeaders(5_000)] }));
    stage.answer(json({}, 403, headers(0, '60')));
    expect(await failure(http.get('/x'))).toMatchObject({ code: 'INTEGRATION_RATE_LIMITED' });
    stage.answer(json({}, 403, headers(10, '60')));
    const other = stage.client(stage.identity({ limits: [byHeaders(5_000)] }));
    expect(await failure(other.get('/x'))).toMatchObject({ code: 'INTEGRATION_HTTP_FAILED' });
  });
});

describe('a connection that fails again and again', () => {
  it('is left alone, alone, and is tried by one request afterwards', async () => {
    Object.assign(stage.settings, { breakerFailures: 4, breakerOpenMs: 60_000 });
    const http = stage.client();
    stage.answer(status(500));
    stage.counted.length = 0;
    await failure(http.get('/x'));
    expect(await failure(http.get('/x'))).toMatchObject({ code: 'INTEGRATION_CIRCUIT_OPEN' });
    expect(stage.counted).toContain('breaker.opened hris');
    expect(stage.counted.at(-1)).toBe('refused hris open');
    const error = await failure(asHandler(() => http.get('/x')));
    expect(error).toBeInstanceOf(PostponeError);
    expect(stage.came).toHaveLength(4);
    stage.answer(json({}));
    expect(await stage.client().get('/x')).toEqual({});
    Object.assign(stage.settings, { breakerFailures: 1_000 });
  });

  it('is one whose server cannot be reached, and not one that refuses what is asked', async () => {
    Object.assign(stage.settings, { breakerFailures: 4 });
    const http = stage.client();
    stage.answer(status(404));
    for (let n = 0; n < 6; n++)
      expect(await failure(http.get('/x'))).toMatchObject({ details: { status: 404 } });
    const nowhere = stage.client(stage.identity({ baseUrl: 'http://127.0.0.1:1' } as never));
    const refusedPort = await failure(nowhere.get('/x'));
    expect(refusedPort).toMatchObject({ code: 'INTEGRATION_HTTP_ADDRESS_REFUSED' });
    stage.answer(reset);
    await failure(http.get('/x'));
    expect(await failure(http.get('/x'))).toMatchObject({ code: 'INTEGRATION_CIRCUIT_OPEN' });
    Object.assign(stage.settings, { breakerFailures: 1_000 });
  });
});
