import { describe, expect, it } from '@jest/globals';
import { hasZone, isNoDay, timeOf } from './time-text.js';

describe('the text of a time', () => {
  it.each([
    ['2026-02-28T20:00:00Z', '2026-02-28T20:00:00.000Z'],
    ['2028-02-29T00:00:00Z', '2028-02-29T00:00:00.000Z'],
    ['2026-11-25T20:00Z', '2026-11-25T20:00:00.000Z'],
    ['2026-11-25T20:00:00.123456789+02:00', '2026-11-25T18:00:00.123Z'],
    ['2026-11-25', '2026-11-25T00:00:00.000Z'],
  ])('%s is that time', (text, iso) => {
    expect(timeOf(text)?.toISOString()).toBe(iso);
  });

  it.each([
    '2026-02-30T00:00:00Z',
    '2026-02-29T00:00:00Z',
    '2026-04-31',
    '2026-13-01T00:00:00Z',
    '2026-00-01T00:00:00Z',
    '2026-11-00T00:00:00Z',
    '2026-11-25T24:00:00Z',
    '2026-11-25T20:60:00Z',
    '2026-11-25T20:00:60Z',
    '2026-11-25T20:00:00+24:00',
    '5',
    '25 Nov 2026',
    '',
  ])('%s is none', (text) => {
    expect(timeOf(text)).toBeUndefined();
  });

  it('says its offset, or does not', () => {
    expect(['2026-11-25T20:00:00Z', '2026-11-25T20:00+02:00'].map(hasZone)).toEqual([true, true]);
    expect(['2026-11-25', '2026-11-25T20:00:00', '2026-11-25 20:00Z'].map(hasZone)).toEqual(
      Array(3).fill(false),
    );
  });

  it('may begin with a day that no calendar has', () => {
    expect(['2026-02-30T01:00:00Z', '2026-04-31'].map(isNoDay)).toEqual([true, true]);
    expect(['2026-02-28T01:00:00Z', 'Wed, 25 Nov 2026 20:00:00 GMT', ''].map(isNoDay)).toEqual(
      Array(3).fill(false),
    );
  });
});
