import { describe, expect, it } from '@jest/globals';
import type { Operation, OperationVerdict } from './operation.js';
import { type OutcomeWords, outlookOf, WORDS_OF_REDRIVE, WORDS_OF_REPLAY } from './outlook.js';

const NOTHING: OperationVerdict = {
  succeeded: 0,
  failedTheSameWay: 0,
  failedOtherwise: 0,
  pending: 0,
  isPartial: false,
};

const sentence = (
  operation: Partial<Operation>,
  verdict: Partial<OperationVerdict>,
  words: OutcomeWords | undefined = WORDS_OF_REDRIVE,
) =>
  outlookOf({ state: 'done', changed: 5, ...operation } as Operation, { ...NOTHING, ...verdict }, words)
    .sentence;

describe('what an operation has come to', () => {
  it('is that all were handled only if somebody knows it', () => {
    expect(sentence({}, { succeeded: 5 })).toBe('All of them were handled. Whatever was broken is mended.');
    const gone = 'Nothing is known any more about what was sent: its rows are deleted.';
    expect(sentence({}, {})).toBe(gone);
    expect(sentence({}, {}, WORDS_OF_REPLAY)).toBe(gone);
  });

  it('is nothing before anything was sent, and for a kind that says nothing, as a discard', () => {
    expect(sentence({ changed: 0 }, {})).toBeNull();
    const operation = { kind: 'discard', state: 'done', changed: 5 } as Operation;
    expect(outlookOf(operation, { ...NOTHING, succeeded: 5 }, undefined).sentence).toBeNull();
  });

  it('is said in the words of its kind', () => {
    const words: OutcomeWords = { succeeded: 'sent', all: 'All arrived.', failed: () => 'Some are lost.' };
    expect(sentence({}, { succeeded: 5 }, words)).toBe('All arrived.');
    expect(sentence({}, { succeeded: 4, failedOtherwise: 1 }, words)).toBe('Some are lost.');
    expect(sentence({ state: 'paused' }, { succeeded: 5 }, words)).toBe(
      'All 5 that were sent so far were sent.',
    );
    expect(sentence({ state: 'cancelled' }, { succeeded: 5 }, words)).toBe(
      'All 5 events that were sent were sent. The rest was not sent.',
    );
  });

  it('says whether the old error is still there', () => {
    expect(sentence({}, { succeeded: 4, failedTheSameWay: 1 })).toMatch(/^Some have failed in the same way/);
    expect(sentence({}, { succeeded: 4, failedOtherwise: 1 })).toMatch(/^Some have failed in another way/);
    expect(sentence({}, { succeeded: 4, pending: 1 })).toBe('Some of them are still on their way.');
  });
});
