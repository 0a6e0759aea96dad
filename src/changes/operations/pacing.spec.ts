import { describe, expect, it } from '@jest/globals';
import { allowanceOf } from './pacing.js';

const SHARE = { stopAfter: null, stopAbovePercent: 5 };

/**
 * Sends `all` events by the pace, each portion after the events of the one before have their outcome. `fails`
 * says which do not succeed. Returns how many were sent after each portion, and why it stopped.
 */
function sendAll(pace: Parameters<typeof allowanceOf>[0], all: number, fails: (event: number) => boolean) {
  const sentAfter: number[] = [];
  let sent = 0;
  for (;;) {
    const failed = Array.from({ length: sent }, (_, event) => event).filter(fails).length;
    const verdict = { succeeded: sent - failed, failedTheSameWay: failed, failedOtherwise: 0, pending: 0 };
    const allowance = allowanceOf(pace, sent, { ...verdict, isPartial: false });
    if ('stop' in allowance) return { sentAfter, stop: allowance.stop };
    if (sent === all) return { sentAfter, stop: undefined };
    sent = Math.min(all, sent + allowance.most);
    sentAfter.push(sent);
  }
}

describe('a redrive that stops above a share of failures', () => {
  it('sends 5, 50, 500 and 5,000 in all while nothing fails, and then 5,000 at a time', () => {
    expect(sendAll(SHARE, 20_000, () => false)).toEqual({
      sentAfter: [5, 50, 500, 5_000, 10_000, 15_000, 20_000],
      stop: undefined,
    });
  });

  it('stops within 50 events where every second one fails from the 40th on', () => {
    const { sentAfter, stop } = sendAll(SHARE, 10_000, (event) => event >= 39 && event % 2 === 0);
    expect(sentAfter).toEqual([5, 50]);
    expect(stop).toContain('more than 5 percent');
  });

  it.each([1, 7, 40, 333, 2_000])('sends at most 10 k + 5 where all fail from the k-th event on: %d', (k) => {
    const { sentAfter, stop } = sendAll(SHARE, 1_000_000, (event) => event >= k - 1);
    expect(stop).toBeDefined();
    expect(sentAfter.at(-1)).toBeLessThanOrEqual(10 * k + 5);
  });

  it('does not stop for one failure among the first five', () => {
    expect(sendAll(SHARE, 1_000, (event) => event === 2).stop).toBeUndefined();
  });

  it('sends nothing while as much is under way as may be, and fills up what has got an outcome', () => {
    const of = (succeeded: number, pending: number) =>
      allowanceOf(SHARE, succeeded + pending, {
        succeeded,
        pending,
        failedTheSameWay: 0,
        failedOtherwise: 0,
        isPartial: false,
      });
    expect(of(5, 45)).toEqual({ most: 0 });
    expect(of(6, 44)).toEqual({ most: 10 });
    expect(of(10_000, 5_000)).toEqual({ most: 0 });
  });

  it('has no more under way than may still fail where a number of failures is given as well', () => {
    const { sentAfter, stop } = sendAll({ stopAfter: 3, stopAbovePercent: 50 }, 10_000, () => true);
    expect(sentAfter).toEqual([3]);
    expect(stop).toContain('3 of its events');
  });
});
