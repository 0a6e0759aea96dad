import { describe, expect, it } from '@jest/globals';
import type { FailedAttempt } from '../inbox/failed-attempt.js';
import { foldsOf, linesSentence } from './attempt-folds.js';
import { compared } from './compared-attempts.js';

function failed(attempt: number, more: Partial<FailedAttempt> & { says?: string[] } = {}): FailedAttempt {
  const { says = [], ...rest } = more;
  return {
    attempt,
    at: `2026-11-25T20:00:0${attempt % 10}.000Z`,
    ms: 7,
    process: 'p',
    host: 'a',
    pid: 1,
    error: 'Error: boom',
    stack: 'Error: boom\n    at handle (a.js:1:1)',
    fingerprint: 'f',
    lines: says.map((text) => ({ at: '2026-11-25T20:00:00.000Z', level: 'log', text })),
    linesLeftOut: 0,
    ...rest,
  };
}

describe('attempts that are alike', () => {
  it('are one line, and what came between is not', () => {
    const attempts = [1, 2, 3, 4, 5].map((attempt) => failed(attempt));
    expect(foldsOf([...attempts, failed(6, { fingerprint: 'other' }), failed(7)])).toEqual([
      { first: 1, last: 5, sentence: 'Attempts 1–5: the same' },
      { first: 6, last: 6, sentence: 'Attempt 6' },
      { first: 7, last: 7, sentence: 'Attempt 7' },
    ]);
  });

  it('are those of one kind, whatever the frames of the engine are', () => {
    expect(foldsOf([failed(1), failed(2, { stack: 'by another way' })])).toHaveLength(1);
    expect(foldsOf([failed(1, { error: 'after 5 ms' }), failed(2, { error: 'after 6 ms' })])).toEqual([
      { first: 1, last: 2, sentence: 'Attempts 1–2: the same kind of error' },
    ]);
  });

  it('are called alike in their error only where they wrote other lines', () => {
    expect(foldsOf([failed(1, { says: ['a'] }), failed(2, { says: ['b'] })])).toEqual([
      { first: 1, last: 2, sentence: 'Attempts 1–2: the same error, with other lines' },
    ]);
  });

  it('are counted where a redrive began to count anew', () => {
    expect(foldsOf([failed(9), failed(10), failed(1)])).toEqual([
      { first: 1, last: 3, sentence: '3 attempts: the same' },
    ]);
  });
});

describe('the lines of an attempt', () => {
  it('are counted in words', () => {
    expect(linesSentence(failed(1))).toBeNull();
    expect(linesSentence(failed(1, { says: ['a'] }))).toBe('1 line of its logger');
    expect(linesSentence(failed(1, { says: ['a', 'b'], linesLeftOut: 71 }))).toBe(
      '2 of the 73 lines of its logger',
    );
  });
});

describe('two attempts', () => {
  it('are beside each other line by line', () => {
    const { sentence, parts } = compared(
      failed(1, { says: ['begins', 'asks a', 'ends'] }),
      failed(2, { says: ['begins', 'asks b', 'ends'] }),
    );
    expect(sentence).toBe('Attempts 1 and 2 failed by the same error, and wrote other lines.');
    expect(parts.filter(({ differs }) => differs)).toEqual([
      {
        name: 'Lines of the logger',
        differs: true,
        lines: [
          { in: 'both', text: 'log begins' },
          { in: 'first', text: 'log asks a' },
          { in: 'second', text: 'log asks b' },
          { in: 'both', text: 'log ends' },
        ],
      },
    ]);
  });

  it.each<[string, Partial<FailedAttempt>, Partial<FailedAttempt>]>([
    ['Attempts 1 and 2 failed in the same way.', {}, {}],
    ['Attempts 1 and 2 failed by the same error, from another place of the code.', {}, { fingerprint: 'g' }],
    ['Attempts 1 and 2 failed by errors of one kind.', { error: 'a' }, { error: 'b' }],
    ['Attempts 1 and 2 failed by different errors.', { error: 'a' }, { error: 'b', fingerprint: 'g' }],
  ])('have a sentence: %s', (said, one, other) => {
    expect(compared(failed(1, one), failed(2, other)).sentence).toBe(said);
  });

  it('of one number are told apart by their time', () => {
    expect(compared(failed(1), failed(1, { at: '2026-11-26T08:00:00.000Z' })).sentence).toBe(
      'Attempts 1 of 2026-11-25T20:00:01.000Z and 2026-11-26T08:00:00.000Z failed in the same way.',
    );
  });
});
