import { describe, expect, it } from '@jest/globals';
import { quota } from './http-limits.js';
import { quotaNews } from './quota-news.js';

const NOW = Date.parse('2026-11-30T12:00:00Z');
const limit = quota({ limit: 100, perMs: 3_600_000, remainingHeader: 'X-Left', resetHeader: 'X-Reset' });

describe('what the headers say of a quota', () => {
  it.each([
    ['60', 61_000],
    ['0', 1_000],
    ['1.5', 2_500],
    [String(NOW / 1_000 + 60), 61_000],
    [String(NOW + 60_000), 61_000],
    ['2026-11-30T12:01:00Z', 61_000],
    ['Mon, 30 Nov 2026 12:01:00 GMT', 61_000],
  ])('ends by %j in %i ms, rounded up to the second', (reset, endsInMs) => {
    expect(quotaNews(limit, { 'x-reset': reset }, NOW)).toEqual({ remaining: undefined, endsInMs });
  });

  it.each(['soon', '-5', '', '86400', 'NaN', String(NOW / 1_000 - 60), '2020-01-01T00:00:00Z'])(
    'says nothing of the end by %j',
    (reset) => {
      expect(quotaNews(limit, { 'x-left': '7', 'x-reset': reset }, NOW)).toEqual({
        remaining: 7,
        endsInMs: undefined,
      });
    },
  );

  it('is by the clock of the answer, where it has one', () => {
    const headers = { 'x-reset': '1609459260', date: 'Fri, 01 Jan 2021 00:00:00 GMT' };
    expect(quotaNews(limit, headers, NOW)?.endsInMs).toBe(61_000);
  });

  it('is nothing without the headers', () => {
    expect(quotaNews(limit, { 'x-other': '1' }, NOW)).toBeUndefined();
    expect(quotaNews(quota({ limit: 1, perMs: 1 }), { 'x-left': '0' }, NOW)).toBeUndefined();
    expect(quotaNews(limit, { 'x-left': 'many' }, NOW)).toBeUndefined();
  });
});
