import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { PositionSet } from './position-set.js';

const UNIVERSE = 60;
const interval = fc
  .tuple(fc.integer({ min: 1, max: UNIVERSE }), fc.integer({ min: 0, max: 8 }))
  .map(([from, length]) => ({ from, to: from + length }));
const operation = fc.record({ kind: fc.constantFrom('addRange' as const, 'removeRange' as const), interval });

function membersOf(set: PositionSet): number[] {
  return Array.from({ length: UNIVERSE + 20 }, (_, i) => i).filter((position) => set.has(position));
}

describe('PositionSet', () => {
  it('behaves as a set of numbers under any adds and removes, and keeps its ranges disjoint and non-adjacent', () => {
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 30 }), (operations) => {
        const set = PositionSet.empty();
        const model = new Set<number>();
        for (const { kind, interval: range } of operations) {
          set[kind](range.from, range.to);
          for (let p = range.from; p < range.to; p++) kind === 'addRange' ? model.add(p) : model.delete(p);
        }
        expect(membersOf(set)).toEqual([...model].sort((a, b) => a - b));
        expect(set.countBelow(30)).toBe([...model].filter((p) => p < 30).length);
        expect(set.count).toBe(model.size);
        expect(set.last).toBe(membersOf(set).at(-1));
        expect(membersOf(set.below(30))).toEqual(membersOf(set).filter((p) => p < 30));
        expect(membersOf(set.atOrAbove(30))).toEqual(membersOf(set).filter((p) => p >= 30));
        const bounds = [...set.ranges()].flat();
        expect(bounds).toEqual([...new Set(bounds)].sort((a, b) => a - b));
      }),
    );
  });

  it('takes of another set what touches it, be it through others, and returns the rest', () => {
    fc.assert(
      fc.property(fc.array(interval), fc.array(interval), (own, other) => {
        const set = PositionSet.empty();
        for (const { from, to } of own) set.addRange(from, to);
        const offered = PositionSet.empty();
        for (const { from, to } of other) offered.addRange(from, to);
        offered.removeAll(set);
        const before = set.clone();
        const apart = set.addTouching(offered);
        const expected = before.clone();
        expected.addAll(offered);
        // A run of the union is taken when it holds any position of this set.
        const runs = [...expected.ranges()];
        const isOurs = ([from, to]: [number, number]) => membersOf(before).some((p) => p >= from && p < to);
        expect([...set.ranges()]).toEqual(runs.filter(isOurs));
        expect([...apart.ranges()]).toEqual(runs.filter((run) => !isOurs(run)));
      }),
    );
  });

  it('behaves as a set of numbers whatever sets are added to it and taken out of it, be they of many ranges', () => {
    const numbers = fc.uniqueArray(fc.integer({ min: 1, max: UNIVERSE }), { maxLength: UNIVERSE });
    const step = fc.record({ kind: fc.constantFrom('addAll' as const, 'removeAll' as const), numbers });
    fc.assert(
      fc.property(fc.boolean(), fc.array(step, { maxLength: 8 }), (isOpen, steps) => {
        const set = isOpen ? PositionSet.range(UNIVERSE) : PositionSet.empty();
        const model = new Set(membersOf(set));
        for (const { kind, numbers: others } of steps) {
          set[kind](PositionSet.of(others));
          for (const p of others) kind === 'addAll' ? model.add(p) : model.delete(p);
        }
        expect(membersOf(set)).toEqual([...model].sort((a, b) => a - b));
        expect(set.openFrom === undefined).toBe(!isOpen);
        expect(PositionSet.parse(set.toString()).equals(set)).toBe(true);
        const bounds = [...set.ranges()].flat();
        expect(bounds).toEqual([...new Set(bounds)].sort((a, b) => a - b));
      }),
    );
  });

  it('takes one pass for what is done with very many ranges', () => {
    const odd = PositionSet.of(Array.from({ length: 300_000 }, (_, i) => 2 * i + 1));
    const even = PositionSet.of(Array.from({ length: 300_000 }, (_, i) => 2 * i + 2));
    const before = process.cpuUsage();
    const set = odd.clone();
    set.addAll(even);
    expect(set.toString()).toBe('{[1,600001)}');
    set.removeAll(even);
    expect(set.equals(odd)).toBe(true);
    expect(set.below(300_000).rangeCount + set.atOrAbove(300_000).rangeCount).toBe(300_000);
    const { user, system } = process.cpuUsage(before);
    expect((user + system) / 1_000).toBeLessThan(2_000);
  });

  it('gives away what lies below a limit, and keeps the rest', () => {
    fc.assert(
      fc.property(
        fc.array(interval),
        fc.boolean(),
        fc.integer({ min: 0, max: UNIVERSE + 10 }),
        (own, isOpen, limit) => {
          const set = isOpen ? PositionSet.range(UNIVERSE) : PositionSet.empty();
          for (const { from, to } of own) set.addRange(from, to);
          const [below, rest] = [set.below(limit), set.atOrAbove(limit)];
          const taken = set.takeBelow(limit);
          expect(taken.toString()).toBe(below.toString());
          expect(set.toString()).toBe(rest.toString());
        },
      ),
    );
  });

  it('is its slices together', () => {
    const set = PositionSet.parse('{[1,2),[3,4),[5,6),[7,8),[9,)}');
    const slices = [0, 2, 4].map((first) => set.slice(first, 2).toString());
    expect(slices).toEqual(['{[1,2),[3,4)}', '{[5,6),[7,8)}', '{[9,)}']);
    const visited: number[][] = [];
    set.forEachRange((from, to) => visited.push([from, to]), 3, 2);
    expect(visited).toEqual([
      [7, 8],
      [9, Number.POSITIVE_INFINITY],
    ]);
    expect(set.equals(set.clone())).toBe(true);
    expect(set.equals(set.below(20))).toBe(false);
  });

  it('is the set of the positions it was made of', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: UNIVERSE })), (positions) => {
        expect(membersOf(PositionSet.of(positions))).toEqual([...new Set(positions)].sort((a, b) => a - b));
      }),
    );
  });

  it('is without what is taken out of it', () => {
    const numbers = fc.uniqueArray(fc.integer({ min: 1, max: UNIVERSE }));
    fc.assert(
      fc.property(numbers, numbers, (positions, others) => {
        const set = PositionSet.of(positions);
        const rest = set.without([...others].sort((a, b) => a - b));
        expect(membersOf(rest)).toEqual(membersOf(set).filter((p) => !others.includes(p)));
        expect(membersOf(set)).toHaveLength(positions.length);
      }),
    );
  });

  it('survives the way to Postgres and back', () => {
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 20 }), fc.boolean(), (operations, open) => {
        const set = open ? PositionSet.range(UNIVERSE) : PositionSet.empty();
        for (const { kind, interval: range } of operations) set[kind](range.from, range.to);
        expect(PositionSet.parse(set.toString()).toString()).toBe(set.toString());
      }),
    );
  });

  it('knows where everything not yet read begins', () => {
    const set = PositionSet.parse('{[3,5),[10,)}');
    set.removeRange(10, 12);
    set.removeRange(15, 16);
    expect(set.toString()).toBe('{[3,5),[12,15),[16,)}');
    expect(set.openFrom).toBe(16);
    expect(set.hasBelow(3)).toBe(false);
    expect(set.hasBelow(4)).toBe(true);
    expect(PositionSet.empty().toString()).toBe('{}');
    expect(() => PositionSet.parse('nonsense')).toThrow(TypeError);
  });
});
