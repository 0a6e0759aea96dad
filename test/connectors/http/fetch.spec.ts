import { describe, expect, it } from '@jest/globals';
import { until } from '../../support/until.js';
import { httpStage, json, status } from './stage.js';

const stage = httpStage();

describe('fetch of a connection', () => {
  it('takes what the global one takes, and gives a Response of any status', async () => {
    const { fetch } = stage.client();
    stage.answer(json({ a: 1 }, 404, { 'x-kind': 'k' }));
    const response = await fetch('/x?b=2', {
      method: 'post',
      body: '{}',
      headers: { 'content-type': 'a/b' },
    });
    expect(response).toBeInstanceOf(Response);
    expect([response.status, response.ok, response.headers.get('x-kind'), response.url]).toEqual([
      404,
      false,
      'k',
      `${stage.url}/api/x?b=2`,
    ]);
    expect(await response.json()).toEqual({ a: 1 });
    expect(stage.came[0]).toMatchObject({
      method: 'POST',
      path: '/api/x?b=2',
      body: '{}',
      headers: { 'content-type': 'a/b', authorization: 'Bearer secret-token-1' },
    });
  });

  it('takes URLs, Requests and bodies of all kinds', async () => {
    const { fetch } = stage.client();
    stage.answer(json({}));
    await fetch(new URL(`${stage.url}/a`));
    await fetch(new Request(`${stage.url}/b`, { method: 'PUT', body: new URLSearchParams({ c: '1' }) }));
    const form = new FormData();
    form.set('field', 'value');
    await fetch(`${stage.url}/d`, { method: 'POST', body: form });
    expect(stage.came.map(({ method, path }) => `${method} ${path}`)).toEqual([
      'GET /a',
      'PUT /b',
      'POST /d',
    ]);
    expect(stage.came[1]?.body).toBe('c=1');
    expect(stage.came[2]?.headers['content-type']).toMatch(/^multipart\/form-data; boundary=/);
    expect(stage.came[2]?.body).toContain('name="field"');
  });

  it('overrides credentials that a library has of its own', async () => {
    stage.answer(json({}));
    await stage.client().fetch('/x', { headers: { authorization: 'Bearer of-the-library' } });
    expect(stage.came[0]?.headers.authorization).toBe('Bearer secret-token-1');
  });

  it('keeps credentials within their origins', async () => {
    const stranger = await stage.stranger();
    const { fetch } = stage.client();
    await expect(fetch(`${stranger.url}/x`)).rejects.toMatchObject({
      code: 'INTEGRATION_HTTP_ORIGIN_REFUSED',
    });
    stage.answer(status(302, { location: `${stranger.url}/x` }));
    await expect(fetch('/x')).rejects.toMatchObject({ code: 'INTEGRATION_HTTP_ORIGIN_REFUSED' });
    const response = await fetch('/x', { redirect: 'manual' });
    expect([response.status, response.headers.get('location')]).toEqual([302, `${stranger.url}/x`]);
    expect(stranger.came).toHaveLength(0);
  });

  it('renews a token once, and repeats what may be repeated', async () => {
    const identity = stage.identity();
    identity.following = ['secret-token-2', 'secret-token-3'];
    stage.answer(status(401));
    expect((await stage.client(identity).fetch('/x')).status).toBe(401);
    expect(stage.came).toHaveLength(2);
    stage.answer(status(503), json({}));
    expect((await stage.client().fetch('/x')).status).toBe(200);
    stage.answer(status(503), json({}));
    expect((await stage.client().fetch('/x', { method: 'POST' })).status).toBe(503);
    stage.answer(status(503), json({}));
    const keyed = { method: 'POST', headers: { 'Idempotency-Key': 'k' } };
    expect((await stage.client().fetch('/x', keyed)).status).toBe(200);
  });

  it('gives answers without a body, and ends by its signal', async () => {
    const { fetch } = stage.client();
    stage.answer(status(204));
    expect(await (await fetch('/x')).text()).toBe('');
    stage.answer(() => {});
    const ending = new AbortController();
    const sent = fetch('/x', { signal: ending.signal });
    await until('the request has come', async () => stage.came.length > 0);
    ending.abort();
    await expect(sent).rejects.toMatchObject({ name: 'AbortError' });
  });
});
