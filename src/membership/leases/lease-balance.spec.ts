import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { leasesToAsk, namesToTake } from './lease-balance.js';

const NONE: ReadonlySet<string> = new Set();
const processes = fc.uniqueArray(fc.integer({ min: 0, max: 40 }).map(String), { minLength: 1, maxLength: 6 });
const names = fc.uniqueArray(fc.string({ minLength: 1, maxLength: 5 }), { maxLength: 60 });

/** How many leases each of these processes has after all of them have asked, round after round. */
function evened(first: Record<string, number>, rounds: number): number[] {
  let loads = first;
  const live = Object.keys(first);
  for (let round = 0; round < rounds; round++) {
    const next = { ...loads };
    for (const self of live) {
      const other = leasesToAsk({ self, live, loads });
      if (other === undefined) continue;
      next[self] = (next[self] ?? 0) + other.count;
      next[other.owner] = (next[other.owner] ?? 0) - other.count;
    }
    loads = next;
  }
  return Object.values(loads);
}

describe('free names', () => {
  it('are each taken by one process, and all of them at once', () => {
    fc.assert(
      fc.property(processes, names, fc.array(fc.nat(9)), (live, free, held) => {
        const loads = Object.fromEntries(live.map((id, i) => [id, held[i] ?? 0]));
        const taken = live.flatMap((self) => namesToTake(free, NONE, { self, live, loads }));
        expect(taken.sort()).toEqual([...free].sort());
      }),
    );
  });

  it('that were free before are taken by whoever sees them', () => {
    expect(
      namesToTake(['a', 'b'], new Set(['b']), { self: '9', live: ['1', '2', '9'], loads: { 9: 5 } }),
    ).toEqual(['b']);
  });

  it('go to the processes with the fewest leases first', () => {
    const loads = { 1: 3, 2: 0 };
    const of = (self: string) => namesToTake(['a'], NONE, { self, live: ['1', '2'], loads });
    expect([of('1'), of('2')]).toEqual([[], ['a']]);
  });
});

describe('leases that are held', () => {
  it('come to be even by asking, and nobody asks then', () => {
    fc.assert(
      fc.property(processes, fc.array(fc.nat(2_000)), (live, held) => {
        const loads = Object.fromEntries(live.map((id, i) => [id, held[i] ?? 0]));
        const after = evened(loads, 400);
        expect(Math.max(...after) - Math.min(...after)).toBeLessThanOrEqual(
          live.length > 2 ? live.length : 1,
        );
        expect(after.reduce((a, b) => a + b)).toBe(Object.values(loads).reduce((a, b) => a + b));
        expect(Math.min(...after)).toBeGreaterThanOrEqual(0);
      }),
      { numRuns: 60 },
    );
  });

  it('are asked for where another process has at least two more, and not of a process with fewer', () => {
    const loads = { 1: 64, 2: 0, 3: 1 };
    const of = (self: string) => leasesToAsk({ self, live: ['1', '2', '3'], loads });
    expect([of('1'), of('2'), of('3')]).toEqual([
      undefined,
      { owner: '1', count: 10 },
      { owner: '1', count: 10 },
    ]);
    expect(leasesToAsk({ self: '2', live: ['1', '2'], loads: { 1: 1 } })).toBeUndefined();
  });
});
