import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { answerWithin } from './answer-within.js';

const LIMIT_MS = 20;
const opened: { destroy(): void }[] = [];

/** Two ends of a connection. */
async function connected(): Promise<{ near: Socket; far: Socket }> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const near = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const [[far]] = (await Promise.all([once(server, 'connection'), once(near, 'connect')])) as [
    [Socket],
    unknown,
  ];
  opened.push(near, far);
  server.close();
  return { near, far };
}

function occupyThread(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until);
}

afterEach(() => {
  for (const each of opened.splice(0)) each.destroy();
});

describe('an answer', () => {
  it('that arrived while the thread had no time for it is in time', async () => {
    const { near, far } = await connected();
    const answer = answerWithin(LIMIT_MS, once(near, 'data'));
    far.write('here');
    occupyThread(5 * LIMIT_MS);
    expect(String(await answer)).toBe('here');
  });

  it('that has not arrived is given up, however busy the thread was', async () => {
    const { near } = await connected();
    const answer = answerWithin(LIMIT_MS, once(near, 'data'));
    occupyThread(5 * LIMIT_MS);
    await expect(answer).rejects.toThrow(`connection timeout: no answer for ${LIMIT_MS} ms`);
  });

  it('that is an error is that error', async () => {
    await expect(answerWithin(LIMIT_MS, Promise.reject(new Error('refused')))).rejects.toThrow('refused');
  });
});
