import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { FlushPace } from './flush-pace.js';

const FLUSH = 10;
let pace: FlushPace;
/** Cursors in the order in which they were saved, each with how many were saved at that moment. */
let saved: [cursor: number, together: number][];
let now: number;

beforeEach(() => {
  pace = new FlushPace({ snapshot: () => ({ flushIntervalMs: FLUSH }) });
  saved = [];
  now = 0;
  jest.spyOn(performance, 'now').mockImplementation(() => now);
});
afterEach(() => {
  jest.restoreAllMocks();
});

/**
 * How long each of this many cursors waits if its saves take this long. The callbacks record when each is
 * saved.
 */
function waiting(cursors: number, saveMs: number) {
  const due = Array.from({ length: cursors }, (_, i) => (together: number) => void saved.push([i, together]));
  return { due, waits: due.map((one) => pace.waits(saveMs, one)) };
}

describe('the pace of saves', () => {
  it('is what the settings say for a few cursors whose saves are cheap', () => {
    expect(waiting(3, 2).waits).toEqual([FLUSH, FLUSH, FLUSH]);
  });

  it('leaves a dear save twice as long alone as it takes', () => {
    expect(waiting(1, 50).waits).toEqual([100]);
  });

  it('gives many cursors no more time together than one would take', () => {
    expect(waiting(20, 2).waits.at(-1)).toBe(40);
  });

  it('counts those alone that have something to save', () => {
    const { due } = waiting(20, 2);
    for (const one of due.slice(1)) pace.leaves(one);
    expect(waiting(1, 2).waits).toEqual([FLUSH]);
  });
});

describe('a cursor whose time has come', () => {
  it('has all saved along that have waited for half of their time', () => {
    const early = waiting(2, 2);
    now = FLUSH / 2 - 1;
    waiting(1, 2);
    now = FLUSH;
    for (const one of early.due.slice(0, 1)) pace.comes(one);
    expect(saved).toEqual([
      [0, 3],
      [1, 3],
      [0, 3],
    ]);
  });

  it('leaves those alone that have just begun to wait', () => {
    const early = waiting(1, 2);
    now = FLUSH / 2 + 1;
    const late = waiting(1, 2);
    now = FLUSH;
    for (const one of early.due) pace.comes(one);
    expect(saved).toEqual([[0, 1]]);
    for (const one of late.due) pace.comes(one);
    expect(saved).toHaveLength(2);
  });

  it('is saved though it has only begun to wait', () => {
    for (const one of waiting(1, 2).due) pace.comes(one);
    expect(saved).toEqual([[0, 1]]);
  });

  it('saves nobody who has left', () => {
    const [first, second] = waiting(2, 2).due;
    now = FLUSH;
    if (second !== undefined) pace.leaves(second);
    if (first !== undefined) pace.comes(first);
    expect(saved).toEqual([[0, 1]]);
  });
});
