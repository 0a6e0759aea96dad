import { EventEmitter } from 'node:events';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { ConsumerService } from '../../changes/consumer.service.js';
import { OverviewLook } from '../look/overview.js';
import { LOOK_MS } from '../look/shared-looks.js';
import { DEFAULT_STREAM_LIMITS, OpenStreams } from './open-streams.js';

/** What is used of a response of Node. */
class Watcher extends EventEmitter {
  readonly writableNeedDrain = false;
  seen = 0;

  writeHead(): void {}

  write(text: string): void {
    if (text.startsWith('event: overview\n')) this.seen++;
  }

  end(): void {
    this.emit('close');
  }
}

let looks: number;
let streams: OpenStreams;

beforeEach(() => {
  jest.useFakeTimers();
  looks = 0;
  const overview = async () => {
    looks++;
    return {};
  };
  const look = new OverviewLook({ overview } as unknown as ConsumerService);
  streams = new OpenStreams(look, DEFAULT_STREAM_LIMITS);
});
afterEach(() => {
  jest.useRealTimers();
});

async function opened(count: number): Promise<Watcher[]> {
  const watchers = Array.from({ length: count }, () => new Watcher());
  for (const watcher of watchers) streams.start(watcher, {});
  await jest.advanceTimersByTimeAsync(0);
  return watchers;
}

const pass = (steps: number) => jest.advanceTimersByTimeAsync(steps * LOOK_MS);

describe('streams', () => {
  it('see one look every two seconds, which is the same for all', async () => {
    const watchers = await opened(20);
    expect(looks).toBe(1);
    await pass(10);
    expect(watchers.map(({ seen }) => seen)).toEqual(Array(20).fill(11));
    expect(looks).toBe(11);
  });

  it('that are all gone leave nothing behind that looks', async () => {
    const [first, second, third] = await opened(3);
    await pass(1);
    first?.end();
    second?.emit('error', new Error('the client is gone'));
    const before = looks;
    await pass(1);
    expect(looks).toBe(before + 1);
    third?.end();
    await pass(100);
    expect(looks).toBe(before + 1);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('are ended when the application closes, and none is opened any more', async () => {
    const watchers = await opened(2);
    const ended = watchers.map((watcher) => new Promise((resolve) => watcher.once('close', resolve)));
    streams.onModuleDestroy();
    await Promise.all(ended);
    const late = new Watcher();
    for (const open of [() => streams.requirePlace(), () => streams.start(late, {})])
      expect(open).toThrow(expect.objectContaining({ status: 503, code: 'INTEGRATION_ADMIN_UNAVAILABLE' }));
    await pass(5);
    expect(late.seen).toBe(0);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('begin to look again with the next one', async () => {
    const [gone] = await opened(1);
    gone?.end();
    await pass(2);
    const [watcher] = await opened(1);
    await pass(3);
    expect(watcher?.seen).toBe(4);
  });
});
