import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { millisecondsOf } from './timestamp-text.js';

describe('a timestamp as Postgres prints it', () => {
  it('is read to the millisecond, whatever the length of its fraction', () => {
    expect(millisecondsOf('2026-01-02 03:04:05+00')).toBe(Date.UTC(2026, 0, 2, 3, 4, 5));
    expect(millisecondsOf('2026-01-02 03:04:05.6+00')).toBe(Date.UTC(2026, 0, 2, 3, 4, 5, 600));
    expect(millisecondsOf('2026-01-02 03:04:05.067+00')).toBe(Date.UTC(2026, 0, 2, 3, 4, 5, 67));
    expect(millisecondsOf('2026-01-02 03:04:05.678999+00')).toBe(Date.UTC(2026, 0, 2, 3, 4, 5, 678));
  });

  it('is read as Date reads it, in whatever order timestamps come', () => {
    const date = fc.date({ min: new Date('1970-01-01'), max: new Date('2999-12-31'), noInvalidDate: true });
    fc.assert(
      fc.property(fc.array(date), (dates) => {
        const texts = dates.map((one) => one.toISOString().replace('T', ' ').replace('Z', '+00'));
        expect(texts.map(millisecondsOf)).toEqual(dates.map((one) => one.getTime()));
      }),
    );
  });
});
