import { describe, expect, it } from '@jest/globals';
import type { Operation, OperationVerdict } from './operation.js';
import { outlookOf } from './outlook.js';

const NOTHING: OperationVerdict = {
  succeeded: 0,
  failedTheSameWay: 0,
  failedOtherwise: 0,
  pending: 0,
  isPartial: false,
};

const sentence = (operation: Partial<Operation>, verdict: Partial<OperationVerdict>) =>
  outlookOf({ kind: 'redrive', state: 'done', changed: 5, ...operation } as Operation, {
    ...NOTHING,
    ...verdict,
  }).sentence;

describe('what an operation has come to', () => {
  it('is that all were handled only if somebody knows it', () => {
    expect(sentence({}, { succeeded: 5 })).toBe('All of them were handled. Whatever was broken is mended.');
    const gone = 'Nothing is known any more about what was sent: its rows are deleted.';
    expect(sentence({}, {})).toBe(gone);
    expect(sentence({ kind: 'replay' }, {})).toBe(gone);
  });

  it('is nothing before anything was sent, and for a discard', () => {
    expect(sentence({ changed: 0 }, {})).toBeNull();
    expect(sentence({ kind: 'discard' }, {})).toBeNull();
  });

  it('is nothing for a kind of a part that counts nothing of what it sent', () => {
    expect(sentence({ kind: 'webhooks.redrive' as Operation['kind'] }, {})).toBeNull();
  });

  it('says whether the old error is still there', () => {
    expect(sentence({}, { succeeded: 4, failedTheSameWay: 1 })).toMatch(/^Some have failed in the same way/);
    expect(sentence({}, { succeeded: 4, failedOtherwise: 1 })).toMatch(/^Some have failed in another way/);
    expect(sentence({}, { succeeded: 4, pending: 1 })).toBe('Some of them are still on their way.');
  });
});
