import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { FlushWriter } from '../../inbox/flush-writer.js';
import type { InboxCursorStore } from '../../inbox/inbox-cursor.store.js';
import type { SettlementStore } from '../../inbox/settlement.store.js';
import { Unflushed } from '../../inbox/unflushed.js';
import type { OutboxLogStore } from '../../log/outbox-log.store.js';
import { HeldLease } from '../../membership/beat/held-lease.js';
import { CrashRecovery } from './crash-recovery.js';

const KEY = { consumerName: 'consumer', partition: 0 };
const nothing = () => [];

type Step = { page: number } | { save: 'plain' | 'covered' } | 'answer';

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.integer({ min: 1, max: 2_500 }).map((page) => ({ page })),
  fc.constantFrom<'plain' | 'covered'>('plain', 'covered').map((save) => ({ save })),
  fc.constant<Step>('answer'),
);

describe('what the cursor says of the reading', () => {
  it('covers every page before its handlers start, whichever saves are under way meanwhile', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const cursor = new Cursor();
        const { crashes, buffer, writer } = aWorker(cursor);
        let position = 0;
        let saving: Promise<void> | undefined;
        for (const one of steps) {
          if (one === 'answer') {
            cursor.answer();
            await saving;
          } else if ('save' in one) {
            if (cursor.isWaiting) continue;
            if (one.save === 'covered') buffer.settleCovered(position + 1, 'an event');
            else buffer.settle(position + 1);
            saving = save(writer, buffer, crashes);
          } else {
            position += one.page;
            await crashes.beforeStarting(position, 1);
            expect(cursor.readUpto).toBeGreaterThan(position);
          }
        }
      }),
    );
  });

  it('goes as many events ahead for a cursor that most of the log is not for, within bounds', async () => {
    const cursor = new Cursor();
    const { crashes } = aWorker(cursor);
    for (let page = 1; page <= 15; page++) await crashes.beforeStarting(page * 1_000, 1 / 30);
    expect(cursor.savesOfTheirOwn).toBe(1);
    for (const share of [1 / 2, 1 / 10_000]) {
      const position = cursor.readUpto;
      await crashes.beforeStarting(position, share);
      expect(cursor.readUpto - position).toBe(share === 1 / 2 ? 7_000 : 15_000);
    }
  });

  it('is said early enough for a drain that reads three pages from one save to the next', async () => {
    const cursor = new Cursor();
    const { crashes, buffer, writer } = aWorker(cursor);
    for (let page = 1; page <= 30; page++) {
      await crashes.beforeStarting(page * 1_000, 1);
      buffer.settle(page * 1_000);
      if (page % 3 > 0) continue;
      const saving = save(writer, buffer, crashes);
      cursor.answer();
      await saving;
    }
    expect(cursor.savesOfTheirOwn).toBe(1);
  });

  it('is said by the saves of a drain, whose pages need none of their own', async () => {
    const cursor = new Cursor();
    const { crashes, buffer, writer } = aWorker(cursor);
    for (let page = 1; page <= 10; page++) {
      await crashes.beforeStarting(page * 1_000, 1);
      buffer.settle(page * 1_000);
      const saving = save(writer, buffer, crashes);
      cursor.answer();
      await saving;
    }
    expect(cursor.savesOfTheirOwn).toBe(1);
  });
});

describe('unclean ends', () => {
  it('are not forgotten by a beat that comes before the takeover has asked how far was read', async () => {
    const forgotten: number[] = [];
    const crashes = new CrashRecovery(
      {
        forgetUncleanTakeovers: async (_key, _token, below) => {
          forgotten.push(below);
          return true;
        },
      } as Pick<InboxCursorStore, 'forgetUncleanTakeovers'> as InboxCursorStore,
      { readHead: async () => 20 } as Pick<OutboxLogStore, 'readHead'> as OutboxLogStore,
      { readUpto: 21, uncleanTakeovers: 3 } as never,
      new HeldLease(KEY, 'token', performance.now(), 1_000),
      () => 20,
    );
    await crashes.forgetWhenSettled();
    expect(crashes.hasSuspects).toBe(true);
    await crashes.begin();
    expect(crashes.suspectsBelow).toBe(21);
    await crashes.forgetWhenSettled();
    expect([crashes.hasSuspects, forgotten]).toEqual([true, []]);
  });
});

/** A cursor row, as far as these tests use it. The ordinary saves are carried out when they are answered. */
class Cursor {
  readUpto = 0;
  savesOfTheirOwn = 0;
  private waiting: (() => void) | undefined;

  readonly cursors: Pick<InboxCursorStore, 'saveReadUpto'> = {
    saveReadUpto: async (_key, _token, upto) => {
      this.savesOfTheirOwn++;
      this.readUpto = Math.max(this.readUpto, upto);
      return true;
    },
  };

  readonly settlements: Pick<SettlementStore, 'settlePositions' | 'settleCovered'> = {
    settlePositions: (_key, _token, _positions, upto) =>
      this.later(() => {
        this.readUpto = Math.max(this.readUpto, upto);
      }),
    settleCovered: () => this.later(() => {}),
  };

  get isWaiting(): boolean {
    return this.waiting !== undefined;
  }

  answer(): void {
    this.waiting?.();
    this.waiting = undefined;
  }

  private later(work: () => void): Promise<boolean> {
    return new Promise((resolve) => {
      this.waiting = () => {
        work();
        resolve(true);
      };
    });
  }
}

function aWorker(cursor: Cursor) {
  const claimed = { readUpto: null, uncleanTakeovers: 0 } as never;
  const crashes = new CrashRecovery(
    cursor.cursors as InboxCursorStore,
    {} as OutboxLogStore,
    claimed,
    new HeldLease(KEY, 'token', performance.now(), 1_000),
    () => 0,
  );
  return {
    crashes,
    buffer: new Unflushed(),
    writer: new FlushWriter(cursor.settlements as SettlementStore, KEY, 'token'),
  };
}

/** Saves as FlushLoop does. */
async function save(writer: FlushWriter, buffer: Unflushed, crashes: CrashRecovery): Promise<void> {
  const report = await writer.save(
    { collectFlush: () => buffer.collect(nothing, nothing) },
    crashes.uptoToSave,
  );
  if (report?.readUpto !== undefined) crashes.saved(report.readUpto);
}
