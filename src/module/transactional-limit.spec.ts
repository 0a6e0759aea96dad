import { describe, expect, it } from '@jest/globals';
import { defaultLimitOf } from './transactional-limit.js';

const consumer = (concurrency?: number, partitions = 1, isTransactional = true) => ({
  concurrency: concurrency ?? 10,
  isConcurrencyGiven: concurrency !== undefined,
  isTransactional,
  partitions,
});

describe('the number of transactional handlers that run at once by default', () => {
  it.each([
    [1, 1],
    [2, 1],
    [5, 4],
    [10, 8],
    [12, 10],
    [100, 90],
  ])('leaves room in a pool of %i: %i, however many consumers there are', (size, limit) => {
    expect(defaultLimitOf({ size }, [consumer(), consumer(), consumer()])).toBe(limit);
  });

  it('takes a pool of which nothing is known for one of ten connections', () => {
    expect(defaultLimitOf(undefined, [consumer()])).toBe(8);
  });

  it('is what consumers ask for themselves, all together, where that is more', () => {
    expect(defaultLimitOf({ size: 10 }, [consumer(4), consumer(3, 2)])).toBe(10);
    expect(defaultLimitOf({ size: 10 }, [consumer(4), consumer(50, 1, false)])).toBe(8);
  });
});
