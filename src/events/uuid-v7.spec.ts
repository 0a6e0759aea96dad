import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { isUuid } from '../words/text.js';
import { UuidV7Generator } from './uuid-v7.js';

const clockSteps = fc.array(fc.integer({ min: -5, max: 5 }), { minLength: 1, maxLength: 2_000 });

describe('uuid v7', () => {
  it('ascends strictly, whatever the clock does, and keeps version and variant', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 47 }), clockSteps, (start, steps) => {
        let now = start;
        const generator = new UuidV7Generator(() => now);
        let previous = '';
        for (const step of steps) {
          now = Math.max(now + step, 0);
          const id = generator.next();
          expect(isUuid(id)).toBe(true);
          expect(id[14]).toBe('7');
          expect('89ab').toContain(id[19]);
          expect(id > previous).toBe(true);
          previous = id;
        }
      }),
      { numRuns: 50 },
    );
  });

  it('ascends through more ids than a millisecond has room for', () => {
    const generator = new UuidV7Generator(() => 1_000);
    const ids = Array.from({ length: 20_000 }, () => generator.next());
    expect(ids).toEqual([...ids].sort());
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('begins with the time', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 48 - 1 }), (now) => {
        const id = new UuidV7Generator(() => now).next();
        expect(Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16)).toBe(now);
      }),
    );
  });

  it('of two generators do not collide', () => {
    const [one, other] = [new UuidV7Generator(() => 1), new UuidV7Generator(() => 1)];
    const ids = Array.from({ length: 5_000 }, () => [one.next(), other.next()]).flat();
    expect(new Set(ids).size).toBe(ids.length);
  });
});
