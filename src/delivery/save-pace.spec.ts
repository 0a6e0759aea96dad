import { beforeEach, describe, expect, it } from '@jest/globals';
import { SavePace } from './save-pace.js';

const FLUSH = 10;
let pace: SavePace;

beforeEach(() => {
  pace = new SavePace();
});

/** How long each of so many cursors waits whose saves take so long. */
const waits = (cursors: number, saveMs: number) =>
  Array.from({ length: cursors }, () => pace.waits(FLUSH, saveMs));

describe('the pace of saves', () => {
  it('is what the settings say for a few cursors whose saves are cheap', () => {
    expect(waits(3, 2)).toEqual([FLUSH, FLUSH, FLUSH]);
  });

  it('leaves a dear save twice as long alone as it takes', () => {
    expect(waits(1, 50)).toEqual([100]);
  });

  it('gives many cursors no more time together than one would take', () => {
    expect(waits(20, 2).at(-1)).toBe(40);
  });

  it('counts those alone that have something to save', () => {
    waits(20, 2);
    for (let saved = 0; saved < 19; saved++) pace.saves();
    expect(waits(1, 2)).toEqual([FLUSH]);
  });
});
