import { afterEach, describe, expect, it, jest } from '@jest/globals';
import fc from 'fast-check';
import { PositionSet } from '../log/position-set.js';
import { FlushWriter, type SaveReport } from './flush-writer.js';
import type { ExceptionRow } from './inbox-status.js';
import type { SettlementStore } from './settlement.store.js';
import { Unflushed } from './unflushed.js';

const KEY = { consumerName: 'consumer', partition: 0 };

/**
 * A writer with the outcomes that are not flushed yet, and a list of what was saved. For the store, a
 * statement that removes more than `mostRanges` ranges of a large set takes too long.
 */
function aBuffer(mostRanges = Number.POSITIVE_INFINITY) {
  /** The positions of large sets. */
  const taken: number[] = [];
  const saves: string[] = [];
  const store: Pick<SettlementStore, 'settlePositions' | 'settleMany'> = {
    settleMany: async (_key, _token, positions) => {
      if (positions.rangeCount > mostRanges)
        throw Object.assign(new Error('canceling statement due to statement timeout'), { code: '57014' });
      for (const [from] of positions.ranges()) taken.push(from);
      saves.push(`${positions.rangeCount} ranges`);
      return true;
    },
    settlePositions: async (_key, _token, positions) => {
      saves.push(positions);
      return true;
    },
  };
  const buffer = new Unflushed();
  const writer = new FlushWriter(store as SettlementStore, KEY, 'token');
  const nothing = () => [];
  const source = { collectFlush: () => buffer.collect(nothing, nothing) };
  return { buffer, writer, saves, taken, save: () => writer.save(source, 1) };
}

afterEach(() => {
  jest.restoreAllMocks();
});

describe('what was passed over', () => {
  it('is saved with the outcomes that it touches; the rest waits for its own, and goes alone when nothing else is saved', async () => {
    const { buffer, saves, save } = aBuffer();
    // The events of this cursor are 2, 5 and 9.
    buffer.passOver(PositionSet.of([1, 3, 4, 6, 7, 8, 10]));
    buffer.settle(2);
    await save();
    buffer.settle(9);
    await save();
    expect(saves).toEqual(['{[1,5)}', '{[6,11)}']);
    buffer.passOver(PositionSet.of([12, 13]));
    buffer.settle(5);
    await save();
    await save();
    expect(saves.slice(2)).toEqual(['{[5,6)}', '{[12,14)}']);
    expect(buffer.isEmpty).toBe(true);
  });

  it('does not wait for long where there is always something else to save', async () => {
    const { buffer, saves, save } = aBuffer();
    const now = jest.spyOn(performance, 'now');
    now.mockReturnValue(1_000);
    buffer.passOver(PositionSet.of([5]));
    buffer.settle(1);
    now.mockReturnValue(1_200);
    await save();
    buffer.settle(2);
    buffer.passOver(PositionSet.of([7]));
    now.mockReturnValue(1_260);
    await save();
    expect(saves).toEqual(['{[1,2)}', '{[2,3),[5,6),[7,8)}']);
  });

  it('is saved once, whatever else is saved when', async () => {
    const step = fc.record({ isOurs: fc.boolean(), saves: fc.boolean(), ends: fc.nat({ max: 3 }) });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const { buffer, saves, save } = aBuffer();
        const running: number[] = [];
        const saved: number[] = [];
        const check = async () => {
          await save();
          for (const text of saves.splice(0))
            for (const [from, to] of PositionSet.parse(text).ranges())
              for (let position = from; position < to; position++) saved.push(position);
        };
        for (const [i, { isOurs, saves: now, ends }] of steps.entries()) {
          if (isOurs) running.push(i + 1);
          else buffer.passOver(PositionSet.of([i + 1]));
          for (const position of running.splice(ends, 1)) buffer.settle(position);
          if (now) await check();
        }
        for (const position of running) buffer.settle(position);
        while (!buffer.isEmpty) await check();
        expect(saved.sort((a, b) => a - b)).toEqual(steps.map((_, i) => i + 1));
      }),
    );
  });
});

describe('a sweep of very many holes', () => {
  it('is saved by itself, in parts, and in turn with the outcomes that there are meanwhile', async () => {
    const { buffer, saves, save } = aBuffer();
    const holes = Array.from({ length: 600_000 }, (_, i) => 2 * i + 1);
    buffer.settleAll(PositionSet.of(holes));
    buffer.settle(2_000_002);
    await save();
    buffer.settle(2_000_004);
    await save();
    await save();
    expect(buffer.isEmpty).toBe(true);
    expect(saves).toEqual(['500000 ranges', '{[2000002,2000003),[2000004,2000005)}', '100000 ranges']);
    expect(await save()).toBeUndefined();
  });

  it('is saved in smaller parts where a statement takes too long, each position once, and holds up nothing', async () => {
    const { buffer, writer, saves, taken, save } = aBuffer(100_000);
    const holes = Array.from({ length: 600_000 }, (_, i) => 2 * i + 1);
    buffer.settleAll(PositionSet.of(holes));
    const failures: unknown[] = [];
    for (let outcome = 2_000_000; !(buffer.isEmpty && writer.isEmpty) && outcome < 2_000_200; outcome += 2) {
      if (saves.length < 8) buffer.settle(outcome);
      await save().catch((error) => failures.push(error));
    }
    // Statements with 500,000, 250,000 and 125,000 ranges take too long.
    expect(failures).toHaveLength(3);
    expect(taken.sort((a, b) => a - b)).toEqual(holes);
    expect(
      Math.max(...saves.flatMap((save) => (save.endsWith('ranges') ? [Number.parseInt(save, 10)] : []))),
    ).toBe(62_500);
    // While there are outcomes, at most two parts are saved before the next of them.
    const kinds = saves.slice(0, 8).map((save) => (save.endsWith('ranges') ? 'part' : 'outcome'));
    expect(kinds.join(' ')).not.toContain('part part part');
    expect(kinds).toContain('outcome');
    expect(await save()).toBeUndefined();
  });
});

describe('events that are only counted', () => {
  const sumOf = (reports: readonly (SaveReport | undefined)[]) => {
    const sum: Record<string, number> = {};
    for (const report of reports)
      for (const [name, events] of report?.processed ?? []) sum[name] = (sum[name] ?? 0) + events;
    return sum;
  };
  const settle = (buffer: Unflushed, position: number, name: string) => {
    buffer.settle(position);
    buffer.countProcessed(name);
  };

  it('are told with the save that takes their positions, once', async () => {
    const { buffer, save } = aBuffer();
    settle(buffer, 1, 'a');
    settle(buffer, 2, 'b');
    settle(buffer, 3, 'a');
    expect(sumOf([await save()])).toEqual({ a: 2, b: 1 });
    settle(buffer, 4, 'a');
    expect(sumOf([await save()])).toEqual({ a: 1 });
    expect(await save()).toBeUndefined();
  });

  it('are told once where their positions are saved in parts, and only with the last part', async () => {
    const { buffer, writer, save } = aBuffer(1_000);
    for (let i = 0; i < 3_000; i++) settle(buffer, 2 * i + 1, 'a');
    const reports: (SaveReport | undefined)[] = [];
    while (!(buffer.isEmpty && writer.isEmpty) && reports.length < 20)
      reports.push(await save().catch(() => undefined));
    const counted = reports.filter((report) => (report?.processed.size ?? 0) > 0);
    expect(counted).toEqual([reports.at(-1)]);
    expect(sumOf(reports)).toEqual({ a: 3_000 });
  });

  it('are told once where a save fails, or waits for a row that somebody has locked', async () => {
    const errors = [
      Object.assign(new Error('terminating connection'), { code: '57P01' }),
      Object.assign(new Error('canceling statement due to lock timeout'), { code: '55P03' }),
      Object.assign(new Error('canceling statement due to lock timeout'), { code: '55P03' }),
    ];
    const row: ExceptionRow = {
      outboxEventId: 'e7',
      position: 7,
      aggregateType: 'thing',
      aggregateId: '7',
      status: 'skipped',
      attempt: 1,
      error: undefined,
      fingerprint: undefined,
      isSuspect: false,
      isPostponed: false,
      failedAttempt: undefined,
      availableInMs: undefined,
    };
    const store: Pick<SettlementStore, 'settlePositions' | 'settle'> = {
      settlePositions: async () => true,
      settle: async () => {
        const error = errors.shift();
        if (error !== undefined) throw error;
        return { held: true, found: [], updated: [], stillBlocked: [] };
      },
    };
    const buffer = new Unflushed();
    const writer = new FlushWriter(store as SettlementStore, KEY, 'token');
    const source = {
      collectFlush: () =>
        buffer.collect(
          () => [],
          () => [],
        ),
    };
    settle(buffer, 1, 'a');
    buffer.except(row);
    const reports: (SaveReport | undefined)[] = [];
    for (let i = 0; i < 3; i++) {
      settle(buffer, i + 2, 'a');
      reports.push(await writer.save(source, 1).catch(() => undefined));
    }
    while (!buffer.isEmpty) reports.push(await writer.save(source, 1));
    expect(errors).toEqual([]);
    expect(sumOf(reports)).toEqual({ a: 4 });
  });
});
