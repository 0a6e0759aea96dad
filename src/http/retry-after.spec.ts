import { describe, expect, it } from '@jest/globals';
import { retryAfterMs } from './retry-after.js';

const NOW = new Date('2026-11-28T12:00:00Z');

describe('Retry-After', () => {
  it.each([
    ['1', 1_000],
    [' 120 ', 120_000],
    ['86400', 86_400_000],
    ['86401', 86_400_000],
    ['9'.repeat(400), 86_400_000],
    ['Sat, 28 Nov 2026 12:00:30 GMT', 30_000],
    ['Saturday, 28-Nov-26 12:00:30 GMT', 30_000],
    ['Sat Nov 28 12:00:30 2026', 30_000],
    ['Fri, 31 Dec 9999 23:59:59 GMT', 86_400_000],
  ])('%j is kept', (said, ms) => {
    expect(retryAfterMs(said, undefined, NOW)).toBe(ms);
  });

  it.each([
    undefined,
    '',
    '0',
    '-1',
    '-86400',
    '+5',
    '1.5',
    '1e3',
    '0x10',
    'NaN',
    'Infinity',
    'soon',
    '2027-01-01T00:00:00Z',
    '120, 240',
    'Sat, 28 Nov 2026 12:00:00 GMT',
    'Thu, 01 Jan 1970 00:00:00 GMT',
    'Sat, 99 Nov 2026 12:00:30 GMT',
    'Sat, 28 Nov 2026',
  ])('%j says nothing', (said) => {
    expect(retryAfterMs(said, undefined, NOW)).toBeUndefined();
  });

  it('is compared with the clock of the receiver, where the answer has it', () => {
    const [said, date] = ['Fri, 01 Jan 2021 00:01:00 GMT', 'Fri, 01 Jan 2021 00:00:00 GMT'];
    expect(retryAfterMs(said, date, NOW)).toBe(60_000);
    expect(retryAfterMs('Sat, 28 Nov 2026 12:00:30 GMT', 'yesterday', NOW)).toBe(30_000);
  });
});
