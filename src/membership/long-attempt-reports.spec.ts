import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { LongAttempt } from './beat/self-report.js';
import { LongAttemptReports } from './long-attempt-reports.js';

const SECOND_MS = 1_000;

/** What runs, and what was written of it: each report by its positions. */
let running: number[];
let written: number[][];
let answer: (positions: readonly number[]) => Promise<boolean>;
let reports: LongAttemptReports;

const attemptAt = (position: number): LongAttempt => ({
  consumerName: 'billing',
  partition: 0,
  position,
  eventName: 'order.placed',
  events: 1,
  others: [],
  holdsUp: true,
  attempt: 1,
  ms: 2_000,
});

beforeEach(() => {
  jest.useFakeTimers();
  running = [];
  written = [];
  answer = async () => true;
  reports = new LongAttemptReports(
    () => running.map(attemptAt),
    (working) => {
      const positions = working.map(({ position }) => position);
      written.push(positions);
      return answer(positions);
    },
  );
  reports.start();
});
afterEach(() => {
  reports.stop();
  jest.useRealTimers();
});

const seconds = (count: number) => jest.advanceTimersByTimeAsync(count * SECOND_MS);

describe('reports of long attempts', () => {
  it('are written when an attempt has come, and when it has gone, and not in between', async () => {
    await seconds(3);
    running = [7];
    await seconds(5);
    running = [];
    await seconds(5);
    expect(written).toEqual([[7], []]);
  });

  it('are at most one a second, however many attempts begin and end', async () => {
    // One handler begins every 30 ms and runs for three seconds. Each is listed in its last second.
    for (let at = 0; at < 10 * SECOND_MS; at += 30) {
      running = Array.from({ length: 33 }, (_, n) => at / 30 + n);
      await jest.advanceTimersByTimeAsync(30);
    }
    expect(written.length).toBeGreaterThan(0);
    expect(written.length).toBeLessThanOrEqual(10);
    await seconds(1);
    expect(written.at(-1)).toEqual(running);
  });

  it('are not sent while one is under way, and what has changed meanwhile is in the next', async () => {
    let done = (_: boolean) => {};
    answer = () =>
      new Promise<boolean>((resolve) => {
        done = resolve;
      });
    running = [1];
    await seconds(1);
    running = [1, 2];
    await seconds(1);
    running = [2, 3];
    await seconds(60);
    expect(written).toEqual([[1]]);
    done(true);
    await seconds(1);
    expect(written).toEqual([[1], [2, 3]]);
  });

  it('are sent again until the row was written', async () => {
    const answers = [async () => false, () => Promise.reject(new Error('connection lost'))];
    answer = () => (answers.shift() ?? (async () => true))();
    running = [1];
    await seconds(10);
    expect(written).toEqual([[1], [1], [1]]);
  });

  it('are left out where a renewal has said the same, and made up for where it has said less', async () => {
    running = [1];
    reports.renewed([attemptAt(1)]);
    await seconds(2);
    expect(written).toEqual([]);
    reports.renewed([]);
    await seconds(2);
    expect(written).toEqual([[1]]);
  });

  it('end when they are stopped', async () => {
    reports.stop();
    running = [1];
    await seconds(5);
    expect(written).toEqual([]);
  });
});
