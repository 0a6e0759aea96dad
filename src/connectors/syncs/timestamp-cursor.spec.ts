import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { TimestampCursor, type TimestampCursorOptions, timeFrom } from './timestamp-cursor.js';

const START = new Date('2026-06-01T12:00:00.000Z');
const at = (ms: number) => new Date(START.getTime() - 100_000 + ms).toISOString();
const cursor = (checkpoint?: unknown, options: Partial<TimestampCursorOptions> = {}) =>
  new TimestampCursor({ field: 'at', ...options }, checkpoint, START);
const records = (...times: number[]) => times.map((time) => ({ at: at(time) }));

describe('a cursor by the times of changes', () => {
  it('asks for everything at first, and then inclusively, so that equal times are not lost', () => {
    const first = cursor();
    expect(first.from).toBeUndefined();
    const checkpoint = first.after(records(1, 5, 5));
    expect(cursor(checkpoint).from).toBe(at(5));
  });

  it('looks back, and rounds down to what the times can tell apart', () => {
    const checkpoint = cursor().after([{ at: '2026-06-01T11:59:58.999Z' }]);
    const next = cursor(checkpoint, { lookbackMs: 2_000, granularityMs: 1_000 });
    expect(next.from).toBe('2026-06-01T11:59:56.000Z');
  });

  it('never goes beyond the start of the run', () => {
    const checkpoint = cursor().after([{ at: '2026-06-01T12:00:05.000Z' }]);
    expect(checkpoint.until).toBe(START.toISOString());
  });

  it('goes back to where the pass began, if pages are not in order, and forward at its end', () => {
    const first = cursor({ until: at(0), since: at(0) });
    expect(first.after(records(5, 9)).until).toBe(at(9));
    expect(first.after(records(3)).until).toBe(at(0));
    expect(first.after(records(20)).until).toBe(at(0));
    expect(first.end().until).toBe(at(20));
    expect(cursor(undefined, { ordered: false }).after(records(5)).until).toBeNull();
  });

  it('reads texts, seconds and milliseconds, and refuses records without a time', () => {
    expect(timeFrom('2026-06-01T12:00:00.123999Z')?.toISOString()).toBe('2026-06-01T12:00:00.123Z');
    expect(timeFrom(1_780_000_000)?.getTime()).toBe(1_780_000_000_000);
    expect(timeFrom(1_780_000_000_000)?.getTime()).toBe(1_780_000_000_000);
    expect(() => cursor().after([{}])).toThrow('no time');
  });

  /** A provider with coarse times, which changes records while they are asked for, and a run that may be cut. */
  it('misses no record, whatever changes meanwhile and wherever a run is cut', () => {
    const change = fc.record({ id: fc.integer({ min: 0, max: 9 }), at: fc.integer({ min: 0, max: 30 }) });
    const rounds = fc.array(
      fc.record({ changes: fc.array(change, { maxLength: 8 }), cut: fc.integer({ min: 0, max: 4 }) }),
      { minLength: 1, maxLength: 6 },
    );
    fc.assert(
      fc.property(rounds, (given) => {
        const coarse = (time: number) => new Date(Math.floor(time / 1_000) * 1_000).toISOString();
        const theirs = new Map<number, { at: string; version: number }>();
        const ours = new Map<number, number>();
        let version = 0;
        let clock = START.getTime();
        let checkpoint: unknown;
        for (const { changes, cut } of [...given, { changes: [], cut: 99 }]) {
          for (const { id, at: ms } of changes) {
            clock += ms * 100;
            theirs.set(id, { at: coarse(clock), version: ++version });
          }
          const run = new TimestampCursor({ field: 'at', granularityMs: 1_000 }, checkpoint, new Date(clock));
          const list = [...theirs]
            .map(([id, each]) => ({ id, ...each }))
            .filter(({ at: time }) => run.from === undefined || time >= run.from)
            .sort((a, b) => a.at.localeCompare(b.at) || a.id - b.id);
          for (let i = 0; i < list.length && i < cut * 2; i += 2) {
            const page = list.slice(i, i + 2);
            for (const { id, version: seen } of page) ours.set(id, seen);
            checkpoint = run.after(page);
          }
        }
        expect(new Map([...ours].sort())).toEqual(
          new Map([...theirs].map(([id, { version: last }]) => [id, last] as const).sort()),
        );
      }),
      { numRuns: 500 },
    );
  });
});
