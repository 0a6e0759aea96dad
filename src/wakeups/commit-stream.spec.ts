import { describe, expect, it } from '@jest/globals';
import { CommitStream } from './commit-stream.js';

/**
 * Makes looks that each take `tookMs` and begin `afterMs` after the rest of the one before. Returns the
 * result of each look.
 */
function looks(
  stream: CommitStream,
  each: readonly { readonly afterMs: number; readonly due: number; readonly found: number }[],
  tookMs = 1,
) {
  let now = 1_000;
  return each.map(({ afterMs, due, found }) => {
    now += afterMs;
    const look = stream.lookBegins(due, true, now);
    now += tookMs;
    const restMs = stream.restAfter(look, found, now);
    now += restMs;
    return { announced: look.announced, restMs };
  });
}

function times<T>(count: number, one: T): T[] {
  return Array.from({ length: count }, () => one);
}

describe('CommitStream', () => {
  it('never rests between commits that come one by one, 20 ms apart', () => {
    const found = looks(new CommitStream(), times(50, { afterMs: 20, due: 1, found: 1 }));
    expect(found).toEqual(times(50, { announced: false, restMs: 0 }));
  });

  it('rests after several that came one soon after another, and announces a stream when that goes on', () => {
    const found = looks(new CommitStream(), [
      { afterMs: 3, due: 3, found: 3 },
      ...times(4, { afterMs: 3, due: 10, found: 10 }),
    ]);
    expect(found.slice(0, 2)).toEqual(times(2, { announced: false, restMs: 12 }));
    expect(found.slice(2)).toEqual(times(3, { announced: true, restMs: 100 }));
  });

  it('takes many commits for a stream only when more of them follow', () => {
    const found = looks(new CommitStream(), times(5, { afterMs: 20, due: 50, found: 50 }));
    expect(found).toEqual(times(5, { announced: false, restMs: 12 }));
  });

  it('rests the shorter, the shorter the looks are', () => {
    const found = looks(new CommitStream(), times(5, { afterMs: 3, due: 2, found: 1 }), 0.2);
    expect(found.at(-1)?.restMs).toBeCloseTo(4);
  });

  it('announces a stream of single commits, too', () => {
    const found = looks(new CommitStream(), times(8, { afterMs: 5, due: 1, found: 1 }));
    expect(found.map(({ restMs }) => restMs)).toEqual([0, 0, 0, 12, 12, 12, 12, 100]);
  });

  it('takes what a long rest has gathered for a stream only if there is as much as in one', () => {
    const stream = new CommitStream();
    looks(stream, times(8, { afterMs: 3, due: 8, found: 8 }));
    const [few, next] = looks(stream, [
      { afterMs: 2, due: 6, found: 6 },
      { afterMs: 2, due: 1, found: 1 },
    ]);
    expect(few).toEqual({ announced: false, restMs: 12 });
    expect(next).toEqual({ announced: false, restMs: 0 });
  });

  it('is over where none comes for a while', () => {
    const stream = new CommitStream();
    looks(stream, times(8, { afterMs: 3, due: 8, found: 8 }));
    expect(looks(stream, [{ afterMs: 5_000, due: 1, found: 1 }])).toEqual([{ announced: false, restMs: 0 }]);
  });

  it('announces nothing for publishes that are not committed', () => {
    const stream = new CommitStream();
    looks(stream, times(8, { afterMs: 3, due: 8, found: 8 }));
    const [look] = looks(stream, [{ afterMs: 3, due: 80, found: 0 }]);
    expect(look?.restMs).toBe(12);
  });

  it('announces nothing where more are due than one look can ask for', () => {
    const stream = new CommitStream();
    let now = 0;
    for (let count = 0; count < 20; count++) {
      const look = stream.lookBegins(1_000, false, now);
      expect(look.announced).toBe(false);
      now += 1;
      now += stream.restAfter(look, 1_000, now);
    }
  });
});
