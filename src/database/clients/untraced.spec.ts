import { afterEach, describe, expect, it } from '@jest/globals';
import { isTraced, untraced } from './untraced.js';

const { stackTraceLimit } = Error;

afterEach(() => {
  Object.defineProperty(Error, 'stackTraceLimit', { value: stackTraceLimit, writable: true });
});

describe('a client that is asked without a trace', () => {
  it('is asked at once, as one that waits for nobody', async () => {
    let asked = false;
    const lazy: PromiseLike<string> = {
      // biome-ignore lint/suspicious/noThenProperty: as Prisma's promise, which begins with it
      then(resolve, reject) {
        asked = true;
        return Promise.resolve('here').then(resolve, reject);
      },
    };
    const answer = untraced(() => lazy);
    expect(asked).toBe(true);
    expect(await answer).toBe('here');
  });

  it('takes none while it is asked, and does afterwards', async () => {
    const made: Error[] = [];
    await untraced(async () => {
      made.push(new Error('while it is asked'));
      await null;
      made.push(new Error('later'));
    });
    expect(made.map(isTraced)).toEqual([false, true]);
    expect(isTraced(new Error('by somebody else'))).toBe(true);
  });

  it('may fail at once: the next error has its trace', async () => {
    const answer = untraced(() => {
      throw new Error('at once');
    });
    expect(isTraced(new Error('by somebody else'))).toBe(true);
    await expect(answer).rejects.toThrow('at once');
  });

  it('is asked all the same where the limit cannot be set', async () => {
    Object.defineProperty(Error, 'stackTraceLimit', { value: stackTraceLimit, writable: false });
    expect(await untraced(async () => 'here')).toBe('here');
    expect(Error.stackTraceLimit).toBe(stackTraceLimit);
  });
});
