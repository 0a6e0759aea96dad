import { describe, expect, it } from '@jest/globals';
import * as croner from 'croner';
import fc from 'fast-check';
import { Times, type Timing } from './timing.js';

const times = new Times(croner);
const cron = (pattern: string, timeZone = 'UTC'): Timing => ({
  cron: pattern,
  everyMs: null,
  timeZone,
  anchorAt: 0,
  startsAt: null,
  endsAt: null,
});
const every = (everyMs: number, anchor: string): Timing => ({
  ...cron('', 'UTC'),
  cron: null,
  everyMs,
  anchorAt: Date.parse(anchor),
});
const listed = (timing: Timing, from: string, count: number) =>
  times.list(timing, Date.parse(from), count).map((at) => new Date(at).toISOString().replace('.000', ''));

/*
 * Four zones: an hour in the north, an hour in the south, half an hour, and one whose clock went forward at
 * midnight.
 */
describe('a time that the clock leaves out is due at the first one behind the gap, once', () => {
  it.each([
    ['Europe/Berlin', '30 2 * * *', '2026-03-28T12:00:00Z', ['2026-03-29T01:00:00Z', '2026-03-30T00:30:00Z']],
    [
      'America/New_York',
      '15 2 * * *',
      '2026-03-07T12:00:00Z',
      ['2026-03-08T07:00:00Z', '2026-03-09T06:15:00Z'],
    ],
    [
      'Australia/Lord_Howe',
      '15 2 * * *',
      '2026-10-03T00:00:00Z',
      ['2026-10-03T15:30:00Z', '2026-10-04T15:15:00Z'],
    ],
    [
      'America/Sao_Paulo',
      '0 0 * * *',
      '2018-11-03T12:00:00Z',
      ['2018-11-04T03:00:00Z', '2018-11-05T02:00:00Z'],
    ],
  ])('%s: %s', (zone, pattern, from, expected) => {
    expect(listed(cron(pattern, zone), from, 2)).toEqual(expected);
  });

  it('once also where several of its times are left out', () => {
    expect(listed(cron('*/20 2,3 * * *', 'Europe/Berlin'), '2026-03-28T12:00:00Z', 4)).toEqual([
      '2026-03-29T01:00:00Z',
      '2026-03-29T01:20:00Z',
      '2026-03-29T01:40:00Z',
      '2026-03-30T00:00:00Z',
    ]);
  });

  it('once where a whole day is left out', () => {
    expect(listed(cron('0 12 * * *', 'Pacific/Apia'), '2011-12-29T12:00:00Z', 3)).toEqual([
      '2011-12-29T22:00:00Z',
      '2011-12-30T10:00:00Z',
      '2011-12-30T22:00:00Z',
    ]);
  });
});

describe('a time that comes twice is due the first time only', () => {
  it.each([
    ['Europe/Berlin', '30 2 * * *', '2026-10-24T12:00:00Z', ['2026-10-25T00:30:00Z', '2026-10-26T01:30:00Z']],
    [
      'America/New_York',
      '30 1 * * *',
      '2026-10-31T12:00:00Z',
      ['2026-11-01T05:30:00Z', '2026-11-02T06:30:00Z'],
    ],
    [
      'Australia/Lord_Howe',
      '45 1 * * *',
      '2026-04-04T00:00:00Z',
      ['2026-04-04T14:45:00Z', '2026-04-05T15:15:00Z'],
    ],
    [
      'America/Sao_Paulo',
      '30 23 * * *',
      '2018-02-17T12:00:00Z',
      ['2018-02-18T01:30:00Z', '2018-02-19T02:30:00Z'],
    ],
  ])('%s: %s', (zone, pattern, from, expected) => {
    expect(listed(cron(pattern, zone), from, 2)).toEqual(expected);
  });

  it('also for somebody who asks between the two', () => {
    const nightly = cron('30 2 * * *', 'Europe/Berlin');
    expect(listed(nightly, '2026-10-25T00:45:00Z', 1)).toEqual(['2026-10-26T01:30:00Z']);
    expect(listed(nightly, '2026-10-25T01:15:00Z', 1)).toEqual(['2026-10-26T01:30:00Z']);
  });
});

describe('a pattern for every hour goes on through both changes', () => {
  it('in the hour that comes twice', () => {
    expect(listed(cron('*/30 * * * *', 'Europe/Berlin'), '2026-10-24T23:50:00Z', 5)).toEqual([
      '2026-10-25T00:00:00Z',
      '2026-10-25T00:30:00Z',
      '2026-10-25T01:00:00Z',
      '2026-10-25T01:30:00Z',
      '2026-10-25T02:00:00Z',
    ]);
  });

  it('and in the one that is left out', () => {
    expect(listed(cron('0 * * * *', 'Europe/Berlin'), '2026-03-28T23:30:00Z', 4)).toEqual([
      '2026-03-29T00:00:00Z',
      '2026-03-29T01:00:00Z',
      '2026-03-29T02:00:00Z',
      '2026-03-29T03:00:00Z',
    ]);
    expect(listed(cron('15 * * * *', 'Australia/Lord_Howe'), '2026-10-03T14:50:00Z', 3)).toEqual([
      // It is 2:00 at 15:30, so 2:15 is not there.
      '2026-10-03T16:15:00Z'.replace('16:15', '16:15'),
      '2026-10-03T17:15:00Z',
      '2026-10-03T18:15:00Z',
    ]);
  });
});

describe('the times of a timing', () => {
  it('know leap days', () => {
    expect(listed(cron('0 0 29 2 *', 'Europe/Berlin'), '2026-01-01T00:00:00Z', 2)).toEqual([
      '2028-02-28T23:00:00Z',
      '2032-02-28T23:00:00Z',
    ]);
  });

  it('are intervals from the moment at which an interval was set, or from its start', () => {
    expect(listed(every(900_000, '2026-01-01T00:07:00Z'), '2026-01-01T00:00:00Z', 2)).toEqual([
      '2026-01-01T00:22:00Z',
      '2026-01-01T00:37:00Z',
    ]);
    const startsAt = Date.parse('2026-01-02T00:00:00Z');
    const later = { ...every(86_400_000, '2026-01-02T00:00:00Z'), startsAt };
    expect(listed(later, '2026-01-01T00:00:00Z', 2)).toEqual([
      '2026-01-02T00:00:00Z',
      '2026-01-03T00:00:00Z',
    ]);
  });

  it('lie between startAt and endAt, with both', () => {
    const bounds = {
      startsAt: Date.parse('2026-01-02T00:00:00Z'),
      endsAt: Date.parse('2026-01-03T00:00:00Z'),
    };
    expect(listed({ ...cron('0 0 * * *'), ...bounds }, '2025-01-01T00:00:00Z', 9)).toEqual([
      '2026-01-02T00:00:00Z',
      '2026-01-03T00:00:00Z',
    ]);
  });

  it('of a long stretch are found without a step for each', () => {
    const last = Date.parse('2026-06-01T00:00:00Z');
    const first = Date.parse('2026-01-01T00:00:00Z');
    const began = performance.now();
    const found = times.lastBetween(cron('* * * * * *'), first, last, 1_000);
    expect(found).toHaveLength(1_000);
    expect(found.at(-1)).toBe(last);
    expect(performance.now() - began).toBeLessThan(5_000);
  });

  const ZONES = ['Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'Asia/Kathmandu'];
  const pattern = fc
    .tuple(
      fc.constantFrom('0', '7', '*/20', '59', '15,45'),
      fc.constantFrom('*', '2', '1-3', '*/2', '0', '23'),
      fc.constantFrom('*', '*', '1', 'L', '25-31'),
      fc.constantFrom('*', '*', '3,4,10,11'),
      fc.constantFrom('*', '*', '0', '1-5', 'SUN#L'),
    )
    .map((fields) => fields.join(' '));

  it('do not depend on where one begins to look', () => {
    const begin = Date.parse('2026-01-01T00:00:00Z');
    fc.assert(
      fc.property(
        pattern,
        fc.constantFrom(...ZONES),
        fc.integer({ min: 0, max: 365 * 86_400 }),
        fc.integer({ min: 0, max: 30 * 86_400 }),
        (text, zone, second, more) => {
          const timing = cron(text, zone);
          const after = begin + second * 1_000;
          const next = times.next(timing, after);
          if (next === undefined) return;
          expect(next).toBeGreaterThan(after);
          const between = after + Math.min(more * 1_000, next - after - 1);
          expect(times.next(timing, between)).toBe(next);
        },
      ),
      { numRuns: 300 },
    );
  });
});
