import { describe, expect, it } from '@jest/globals';
import { RequestRecord } from './request-record.js';
import { KEPT_REFUSALS, SourceTally, type WrittenTally } from './source-tally.js';

const refused = (step: 'signature' | 'header' = 'signature') => ({ step }) as const;

describe('what became of the requests of one source', () => {
  it('is when the last one was accepted and refused, and since when all were refused', () => {
    const tally = new SourceTally('github');
    tally.refuse(refused(), 10);
    tally.add('accepted', 20);
    tally.refuse(refused('header'), 30);
    tally.refuse(refused(), 40);
    tally.add('handshake', 50);
    tally.add('failed', 60);
    expect(tally.written(100)).toMatchObject({
      counts: { signature: 2, header: 1, accepted: 1, handshake: 1, failed: 1 },
      acceptedMsAgo: 80,
      refusedMsAgo: 60,
      refusedSinceMsAgo: 70,
      refusedInRow: 2,
    });
    tally.add('repeated', 90);
    expect(tally.written(100)).toMatchObject({ acceptedMsAgo: 10, refusedSinceMsAgo: null, refusedInRow: 0 });
  });

  it('is as large after a flood as after the last requests that are kept', () => {
    const tally = new SourceTally('github');
    for (let n = 0; n < 10_000; n++) tally.refuse({ step: 'signature', deliveryId: `d${n}` }, n);
    const { refusals, counts } = tally.written(10_000);
    expect(counts).toEqual({ signature: 10_000 });
    expect(refusals).toHaveLength(KEPT_REFUSALS);
    expect(refusals.at(-1)).toEqual({ step: 'signature', deliveryId: 'd9999', msAgo: 1 });
  });

  it.each([
    ['refusals behind refusals', ['r', 'r'], ['r']],
    ['a good one behind refusals', ['r', 'r'], ['a']],
    ['refusals behind a good one', ['a'], ['r', 'r']],
    ['a good one in the middle of the later', ['r'], ['r', 'a', 'r']],
    ['a good one in the middle of the earlier', ['r', 'a', 'r'], ['r', 'r']],
  ] as const)('is the same if it is put together of two parts: %s', (_, first, second) => {
    const tallyOf = (all: readonly ('r' | 'a')[], from: number) => {
      const tally = new SourceTally('github');
      for (const [n, each] of all.entries())
        if (each === 'a') tally.add('accepted', from + n);
        else tally.refuse(refused(), from + n);
      return tally;
    };
    const parts = tallyOf(first, 0);
    parts.append(tallyOf(second, first.length));
    expect(parts.written(10)).toEqual(tallyOf([...first, ...second], 0).written(10));
  });
});

describe('the record of requests', () => {
  const quiet = { warnOfFailure: () => false };

  it('writes a flood at once, and keeps what could not be written', async () => {
    const written: (readonly WrittenTally[])[] = [];
    let isAway = true;
    let now = 0;
    const record = new RequestRecord(
      async (tallies) => {
        if (isAway) throw new Error('the database is away');
        written.push(tallies);
      },
      quiet,
      () => now,
    );
    for (; now < 1_000; now++) record.refuse('github', refused());
    await record.flush();
    record.add('github', 'failed');
    isAway = false;
    now = 2_000;
    await record.flush();
    expect(written).toHaveLength(1);
    expect(written[0]).toMatchObject([
      {
        source: 'github',
        counts: { signature: 1_000, failed: 1 },
        refusedSinceMsAgo: 2_000,
        refusedInRow: 1_000,
      },
    ]);
  });
});
