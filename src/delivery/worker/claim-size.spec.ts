import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { ClaimSize } from './claim-size.js';

const PLACES = 10;
let now: number;
let size: ClaimSize;

beforeEach(() => {
  now = 0;
  jest.spyOn(performance, 'now').mockImplementation(() => now);
  size = new ClaimSize(PLACES);
});
afterEach(() => {
  jest.restoreAllMocks();
});

const inHand = (leading: number, following = 0) => ({ leading, following });

/** Makes claims one after another. Each row takes `rowMs`. Returns how many rows each claim took. */
function claims(times: number, rowMs: number): number[] {
  return Array.from({ length: times }, () => {
    const rows = size.next(inHand(0));
    size.claimed(inHand(rows));
    now += rows * rowMs;
    size.ended(inHand(0));
    return rows;
  });
}

describe('the number of due rows that are claimed', () => {
  it('is what has a place, as long as nothing is known of their pace', () => {
    expect(size.next(inHand(0))).toBe(PLACES);
    expect(size.next(inHand(4))).toBe(PLACES - 4);
    expect(size.next(inHand(PLACES))).toBe(0);
  });

  it('grows step by step to what runs in a tenth of a second, and has a bound', () => {
    const rows = claims(8, 1 / 64);
    for (const [index, each] of rows.entries()) {
      const before = rows[index - 1] ?? 0;
      expect(each).toBeLessThanOrEqual(2 * (before + PLACES) + PLACES);
    }
    expect(rows.at(-1)).toBe(500 + PLACES);
    expect(claims(2, 1).at(-1)).toBe(100 + PLACES);
  });

  it('is hardly more than the places where handlers are slow', () => {
    expect(claims(5, 20).at(-1)).toBe(5 + PLACES);
    expect(claims(5, 1_000).at(-1)).toBe(PLACES);
  });

  it('is nothing until half of what was claimed ahead has run, and then no place has been empty', () => {
    claims(5, 1);
    size.claimed(inHand(100 + PLACES));
    expect(size.isWorthwhile(inHand(50 + PLACES + 1))).toBe(false);
    expect(size.isWorthwhile(inHand(50 + PLACES))).toBe(true);
  });

  it('does not fall because nothing was due for a while', () => {
    claims(5, 1);
    now += 60_000;
    expect(size.next(inHand(0))).toBe(100 + PLACES);
  });

  it('is what has a place while many rows follow others, and while rows must run alone', () => {
    claims(5, 1);
    expect(size.next(inHand(2, 501))).toBe(PLACES - 2);
    claims(5, 1);
    size.onlyForPlaces();
    expect(size.next(inHand(0))).toBe(PLACES);
  });
});
