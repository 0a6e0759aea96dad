import { describe, expect, it } from '@jest/globals';
import { behindSentence, catchUpSeconds } from './catch-up.js';

const speeds = { positions: 70, settledPerSecond: 12, publishedPerSecond: 2, isPaused: false };

describe('catchUpSeconds', () => {
  it('is the rest by what is gained in a second', () => {
    expect(catchUpSeconds(speeds)).toBe(7);
    expect(catchUpSeconds({ ...speeds, publishedPerSecond: null })).toBeCloseTo(70 / 12);
  });

  it.each([
    ['as much comes as is settled', { publishedPerSecond: 12 }],
    ['more comes than is settled', { publishedPerSecond: 13 }],
    ['nobody knows its speed', { settledPerSecond: null }],
    ['it does nothing', { settledPerSecond: 0, publishedPerSecond: 0 }],
    ['it is paused, and was fast until then', { isPaused: true }],
    ['only retries are left', { positions: 0 }],
  ])('is not known where %s', (_, other) => {
    expect(catchUpSeconds({ ...speeds, ...other })).toBeNull();
  });
});

it('says how far a consumer is behind, and for how long still', () => {
  const lag = { seconds: 150, isAtMost: false, caughtUpInSeconds: 7 };
  expect(behindSentence(lag)).toBe('It is 3 min behind, and caught up in about 7 s at this rate.');
  expect(behindSentence({ ...lag, seconds: 0.4, caughtUpInSeconds: null })).toBe('It is 0 s behind.');
  expect(behindSentence({ ...lag, isAtMost: true })).toBe(
    'It asks for none of the events that were looked at, and has more to pass.',
  );
  expect(behindSentence(null)).toBe('It is up to date.');
});
