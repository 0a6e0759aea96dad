import { describe, expect, it } from '@jest/globals';
import { isHttpLimit, quota, rate } from './http-limits.js';

describe('a limit', () => {
  it('has a burst of a tenth, and no less than what may be sent in a tenth of a second', () => {
    expect(rate({ limit: 4, perMs: 1_000 })).toEqual({
      kind: 'rate',
      limit: 4,
      perMs: 1_000,
      burst: 1,
      of: 'connection',
    });
    expect(rate({ limit: 100, perMs: 60_000 }).burst).toBe(10);
    expect(rate({ limit: 10, perMs: 100 }).burst).toBe(10);
    expect(rate({ limit: 1_000, perMs: 1_000, burst: 200, of: 'connector' })).toMatchObject({
      burst: 200,
      of: 'connector',
    });
  });

  it('names headers in small letters', () => {
    expect(
      quota({ limit: 5, perMs: 1_000, remainingHeader: 'X-Left', resetHeader: 'X-Reset' }),
    ).toMatchObject({
      kind: 'quota',
      remainingHeader: 'x-left',
      resetHeader: 'x-reset',
    });
  });

  it('is refused with every problem', () => {
    const problems = (make: () => unknown): readonly string[] => {
      try {
        make();
      } catch (error) {
        return (error as { details: { problems: string[] } }).details.problems;
      }
      return [];
    };
    expect(problems(() => rate({ limit: 0, perMs: 1.5, of: 'tenant', bursts: 1 } as never))).toEqual([
      'rate: bursts is not an option of rate; there are: limit, perMs, of, burst (did you mean burst?)',
      'rate: limit must be a whole number from 1 to 1000000000',
      'rate: perMs must be a whole number of milliseconds from 1 to 2678400000 (31 days)',
      "rate: of must be 'connection' or 'connector'",
    ]);
    expect(problems(() => rate({ limit: 1_000, perMs: 1_000, burst: 5 }))).toEqual([
      'rate: burst must be a whole number from 100, which is what may be sent in a tenth of a second, to 1000',
    ]);
    expect(problems(() => rate({ limit: 5, perMs: 1_000, burst: 6 }))).toHaveLength(1);
    expect(problems(() => quota({ limit: 5, perMs: 1_000, resetHeader: 'x reset' }))).toEqual([
      'quota: resetHeader must be the name of a header',
    ]);
    expect(problems(() => rate(undefined as never))).toEqual(['rate takes an object']);
  });

  it('is known by what it is', () => {
    expect([rate({ limit: 1, perMs: 1 }), quota({ limit: 1, perMs: 1 })].every(isHttpLimit)).toBe(true);
    expect([undefined, {}, { kind: 'rate' }, { limit: 1, perMs: 1 }].some(isHttpLimit)).toBe(false);
  });
});
