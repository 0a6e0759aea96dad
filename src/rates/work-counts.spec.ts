import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { LATENCY_BOUNDS_S, WorkCounts } from './work-counts.js';
import { percentile } from './work-points.js';

const MINUTE_MS = 60_000;
const START = 1_000 * MINUTE_MS;

describe('what a process counts', () => {
  beforeEach(() => {
    jest.useFakeTimers({ now: START });
  });
  afterEach(() => {
    jest.useRealTimers();
  });
  const at = (ms: number) => jest.setSystemTime(START + ms);
  const figures = (counts: WorkCounts) =>
    counts
      .changed()
      .map(({ at: minute, handled, failed }) => [(minute - START) / MINUTE_MS, handled, failed]);

  it('stands by minutes, until it is written', () => {
    const counts = new WorkCounts();
    const work = counts.of('billing');
    work.handled(START);
    work.failed();
    at(MINUTE_MS + 5);
    work.handled(START);
    expect(figures(counts)).toEqual([
      [0, 1, 1],
      [1, 1, 0],
    ]);
    expect(counts.changed().map(({ upto }) => upto - START)).toEqual([MINUTE_MS, MINUTE_MS + 5]);
    counts.written(counts.changed());
    expect(counts.changed()).toEqual([]);
    work.handled(START);
    // The minute that goes on is written as a whole again.
    expect(figures(counts)).toEqual([[1, 2, 0]]);
  });

  it('is not lost if it comes while a write is under way, or if a write fails', () => {
    const counts = new WorkCounts();
    const work = counts.of('billing');
    work.handled(START);
    const sent = counts.changed();
    work.handled(START);
    counts.written(sent);
    expect(figures(counts)).toEqual([[0, 2, 0]]);
    at(MINUTE_MS);
    work.failed();
    expect(figures(counts)).toEqual([
      [0, 2, 0],
      [1, 0, 1],
    ]);
  });

  it('is kept for an hour at most where it cannot be written', () => {
    const counts = new WorkCounts();
    for (let minute = 0; minute < 200; minute++) {
      at(minute * MINUTE_MS);
      counts.of('billing').failed();
    }
    expect(counts.changed()).toHaveLength(60);
    expect(figures(counts).at(-1)).toEqual([199, 0, 1]);
  });

  it('has each latency in its class, also one of a clock that is ahead', () => {
    const counts = new WorkCounts();
    for (const seconds of [-5, 0, 0.005, 0.006, 59, 61, 3_601])
      counts.of('billing').handled(START - seconds * 1_000);
    const [minute] = counts.changed();
    const classes = (minute?.latency ?? []).flatMap((count, index) =>
      count === 0 ? [] : [[LATENCY_BOUNDS_S[index] ?? 'more', count]],
    );
    expect(classes).toEqual([
      [0.005, 3],
      [0.01, 1],
      [60, 1],
      [300, 1],
      ['more', 1],
    ]);
  });
});

describe('a part of latencies', () => {
  const of = (counts: Readonly<Record<number, number>>) =>
    [...LATENCY_BOUNDS_S, Number.POSITIVE_INFINITY].map((bound) => counts[bound] ?? 0);

  it('lies within its class', () => {
    expect(percentile(of({ 1: 10 }), 0.5)).toBeCloseTo(0.75, 6);
    expect(percentile(of({ 0.005: 90, 10: 10 }), 0.5)).toBeLessThan(0.005);
    expect(percentile(of({ 0.005: 90, 10: 10 }), 0.95)).toBeCloseTo(7.5, 6);
  });

  it('is an hour for what took longer, and null for nothing', () => {
    expect(percentile(of({ [Number.POSITIVE_INFINITY]: 3 }), 0.5)).toBe(3_600);
    expect(percentile(of({}), 0.5)).toBeNull();
  });
});
