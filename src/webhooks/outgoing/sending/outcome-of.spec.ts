import { describe, expect, it } from '@jest/globals';
import type { OutgoingAnswer } from '../../../http/outgoing-answer.js';
import { outcomeOf } from './outcome-of.js';

const NOW = new Date('2026-11-28T12:00:00Z');
const answered = (status: number, headers = {}): OutgoingAnswer => ({
  is: 'answered',
  status,
  headers,
  body: Buffer.alloc(0),
  isCut: false,
  durationMs: 1,
});

describe('an answer', () => {
  it.each([200, 201, 202, 204, 299])('%i is success', (status) => {
    expect(outcomeOf(answered(status, { 'retry-after': '5' }), NOW)).toEqual({ is: 'done' });
  });

  it('410 is the end of the destination', () => {
    expect(outcomeOf(answered(410), NOW)).toEqual({ is: 'gone', reason: 'The receiver answered 410' });
  });

  it.each([300, 301, 302, 307, 308, 400, 401, 404, 408, 409, 422, 429, 500, 502, 503, 504])(
    '%i is tried again, and counts as a failure',
    (status) => {
      expect(outcomeOf(answered(status), NOW)).toMatchObject({ is: 'again', isFailure: true });
    },
  );

  it('a redirect says that it was not followed', () => {
    expect(outcomeOf(answered(302), NOW)).toMatchObject({
      reason: 'The receiver answered 302, and redirects are not followed',
    });
  });

  it.each([429, 503])('%i with Retry-After puts the whole destination off', (status) => {
    expect(outcomeOf(answered(status, { 'retry-after': '120' }), NOW)).toEqual({
      is: 'target-off',
      forMs: 120_000,
      reason: `The receiver answered ${status}`,
    });
    expect(
      outcomeOf(answered(status, { 'retry-after': 'Sat, 28 Nov 2026 12:00:30 GMT' }), NOW),
    ).toMatchObject({
      forMs: 30_000,
    });
  });

  it.each(['-5', '0', 'soon', 'Sat, 28 Nov 2026 11:59:59 GMT', ''])(
    '503 with the Retry-After %j is tried again by the schedule, and not at once',
    (said) => {
      expect(outcomeOf(answered(503, { 'retry-after': said }), NOW)).toMatchObject({
        is: 'again',
        isFailure: true,
      });
    },
  );

  it.each([400, 500, 502])('%i with Retry-After is one like all others', (status) => {
    expect(outcomeOf(answered(status, { 'retry-after': '120' }), NOW)).toMatchObject({ is: 'again' });
  });
});

describe('no answer', () => {
  it.each(['refused', 'dns', 'connect', 'tls', 'timeout', 'reset', 'protocol'] as const)(
    'because of %s is a failure of the receiver',
    (kind) => {
      expect(outcomeOf({ is: 'failed', kind, message: 'why', durationMs: 1 }, NOW)).toEqual({
        is: 'again',
        isFailure: true,
        reason: 'why',
      });
    },
  );

  it.each(['proxy', 'aborted'] as const)('because of %s is none', (kind) => {
    expect(outcomeOf({ is: 'failed', kind, message: 'why', durationMs: 1 }, NOW)).toMatchObject({
      isFailure: false,
    });
  });
});
