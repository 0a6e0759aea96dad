import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Subject } from 'rxjs';
import { logEventAt } from '../../../test/support/log-event-at.js';
import type { EngineDatabase } from '../../database/engine-database.js';
import type { LogEvent } from '../log-event.js';
import type { LogReader } from '../log-reader.js';
import type { LogFilter, LogPage, OutboxLogStore } from '../outbox-log.store.js';
import { PositionSet } from '../position-set.js';
import { SequenceGuard } from '../sequence-guard.js';
import { SharedScan } from './shared-scan.js';

interface Statement {
  readonly ranges: string;
  readonly eventNames: readonly string[];
  readonly chosen: readonly number[];
  readonly answer: (page: LogPage) => void;
}

/** Statements that were sent. A test decides when they are answered. */
let statements: Statement[];
let losses: Subject<string>;
let scan: SharedScan;

beforeEach(() => {
  statements = [];
  losses = new Subject();
  const log: Pick<OutboxLogStore, 'readPage'> = {
    readPage: (wanted, _rows, _bytes, { chosen, eventNames }: LogFilter) =>
      new Promise((answer) => statements.push({ ranges: wanted.toString(), chosen, eventNames, answer })),
  };
  const db = { losses$: losses } as unknown as EngineDatabase;
  scan = new SharedScan(log as OutboxLogStore, db, new SequenceGuard(db));
});

afterEach(() => {
  jest.useRealTimers();
});

const join = (partition = 0, partitions = 1) => scan.join({ eventNames: ['*'], partitions, partition });
const named = (name: string) => scan.join({ eventNames: [name], partitions: 1, partition: 0 });
const turn = () => new Promise((resolve) => setImmediate(resolve));
const ask = (reader: LogReader, ranges: string, rows = 2) =>
  reader.readPage(PositionSet.parse(ranges), rows, 1_000);

/** Events 1 and 2, of the aggregates of partitions 0 and 1. */
const events = [logEventAt(1, 'a'), logEventAt(2, 'b')] as const;
const CUT = pageOf(events, true);
const TO_THE_END = pageOf(events, false);

/** Asks for a page from this position on, and answers the statement at once. */
async function get(reader: LogReader, from: number, cut = true): Promise<LogPage> {
  const asked = ask(reader, `{[${from},)}`);
  await turn();
  statements.at(-1)?.answer(pageOf([logEventAt(from, 'a'), logEventAt(from + 1, 'a')], cut));
  return asked;
}

function pageOf(found: readonly LogEvent[], cut: boolean): LogPage {
  return { positions: PositionSet.of(found.map(({ position }) => position)), events: found, cut };
}

describe('pages of the log', () => {
  it('that reached its end are for those alone who asked before anything else could happen', async () => {
    const [one, together, later] = [join(), join(), join()];
    const asked = [ask(one, '{[1,)}'), ask(together, '{[1,)}')];
    await turn();
    asked.push(ask(later, '{[1,)}'));
    await turn();
    statements[0]?.answer(TO_THE_END);
    await turn();
    expect(statements).toHaveLength(2);
    statements[1]?.answer(TO_THE_END);
    expect(await Promise.all(asked)).toEqual([TO_THE_END, TO_THE_END, TO_THE_END]);
  });

  it('are known to be read by several: those who want the same names of the same partition', () => {
    const [one, other, ofAnotherPartition] = [join(0, 2), join(0, 2), join(1, 2)];
    const ofOtherNames = scan.join({ eventNames: ['order.*'], partitions: 2, partition: 0 });
    expect([one, ofAnotherPartition, ofOtherNames].map(({ sharers }) => sharers)).toEqual([2, 1, 1]);
    other.leave();
    expect(one.sharers).toBe(1);
  });

  it('of those who ask together are read from where the last of them is, unless somebody else is so far ahead that it would have less than half', async () => {
    const [orders, invoices, ahead] = [named('order.*'), named('invoice.*'), named('*')];
    const asked = [ask(invoices, '{[6,)}', 4), ask(orders, '{[4,)}', 4), ask(ahead, '{[7,)}', 4)];
    await turn();
    expect(statements.map(({ ranges, eventNames }) => [ranges, eventNames])).toEqual([
      ['{[4,)}', ['order.*', 'invoice.*']],
      ['{[7,)}', ['*']],
    ]);
    const paid = logEventAt(5, 'a', undefined, '{}', 'invoice.paid');
    const sent = logEventAt(6, 'a', undefined, '{}', 'invoice.sent');
    const placed = logEventAt(7, 'a', undefined, '{}', 'order.placed');
    statements[0]?.answer(pageOf([paid, sent, placed], false));
    statements[1]?.answer(pageOf([placed], false));
    expect(await Promise.all(asked)).toEqual([
      { ...pageOf([sent, placed], false), events: [sent] },
      { ...pageOf([paid, sent, placed], false), events: [placed] },
      pageOf([placed], false),
    ]);
  });

  it('of those who ask together are read again for somebody whom they do not reach', async () => {
    const [orders, invoices] = [named('order.*'), named('invoice.*')];
    const asked = [ask(orders, '{[1,)}', 10), ask(invoices, '{[5,)}', 10)];
    await turn();
    statements[0]?.answer(CUT);
    await turn();
    expect(statements.map(({ ranges, eventNames }) => [ranges, eventNames])).toEqual([
      ['{[1,)}', ['order.*', 'invoice.*']],
      ['{[5,)}', ['invoice.*']],
    ]);
    const page = pageOf([logEventAt(5, 'a', undefined, '{}', 'invoice.paid')], false);
    statements[1]?.answer(page);
    expect(await Promise.all(asked)).toEqual([{ ...CUT, events: [] }, page]);
  });

  it('with holes are for those alone who ask together, and have the same', async () => {
    const [orders, invoices, others, later] = [named('order.*'), named('invoice.*'), named('*'), named('*')];
    const asked = [ask(orders, '{[1,2),[7,)}'), ask(invoices, '{[1,2),[7,)}'), ask(others, '{[2,3),[7,)}')];
    await turn();
    ask(later, '{[1,2),[7,)}');
    await turn();
    expect(statements.map(({ eventNames }) => eventNames)).toEqual([['order.*', 'invoice.*'], ['*'], ['*']]);
    const placed = logEventAt(1, 'a', undefined, '{}', 'order.placed');
    const page = pageOf([placed, logEventAt(7, 'a', undefined, '{}', 'invoice.paid')], true);
    statements[0]?.answer(page);
    statements[1]?.answer(TO_THE_END);
    statements[2]?.answer(page);
    expect((await Promise.all(asked)).map(({ events: own }) => own)).toEqual([
      [placed],
      [page.events[1]],
      TO_THE_END.events,
    ]);
    ask(others, '{[1,)}');
    await turn();
    expect(statements).toHaveLength(4);
  });

  it('that were cut short are kept for those who follow, once each', async () => {
    const [one, other] = [join(), join()];
    const first = ask(one, '{[1,)}');
    await turn();
    statements[0]?.answer(CUT);
    expect(await first).toEqual(CUT);
    expect(await ask(other, '{[1,)}')).toEqual(CUT);
    ask(other, '{[1,)}');
    await turn();
    expect(statements).toHaveLength(2);
  });

  it('that were cut short are for those as well who have seen their beginning', async () => {
    const [one, other, elsewhere] = [join(), join(), join()];
    const first = ask(one, '{[1,)}');
    await turn();
    statements[0]?.answer(CUT);
    await first;
    expect(await ask(other, '{[2,)}')).toEqual(pageOf([events[1]], true));
    ask(scan.join({ eventNames: ['order.*'], partitions: 1, partition: 0 }), '{[2,)}');
    await turn();
    ask(elsewhere, '{[3,)}');
    await turn();
    expect(statements).toHaveLength(3);
  });

  it('are worth nothing once a connection was lost, those that were under way neither', async () => {
    const [one, other] = [join(), join()];
    const first = ask(one, '{[1,)}');
    await turn();
    losses.next('a connection');
    statements[0]?.answer(CUT);
    await first;
    ask(other, '{[1,)}');
    await turn();
    expect(statements).toHaveLength(2);
    const [third, fourth] = [join(), join()];
    statements[1]?.answer(CUT);
    await turn();
    losses.next('a connection');
    ask(third, '{[1,)}');
    await turn();
    ask(fourth, '{[1,)}');
    await turn();
    expect(statements).toHaveLength(3);
  });

  it('are read for the partitions that are to come for them, and each sees of the others the positions', async () => {
    const [zero, one] = [join(0, 2), join(1, 2)];
    const first = ask(zero, '{[1,)}');
    await turn();
    expect(statements[0]?.chosen).toEqual([0, 1]);
    statements[0]?.answer({ ...CUT, partitions: [0, 1] });
    expect(await first).toEqual({ ...CUT, events: [events[0]] });
    expect(await ask(one, '{[1,)}')).toEqual({ ...CUT, events: [events[1]] });
    // The second cursor is ahead, and then it has a hole. So it will not ask for what the first one reads.
    ask(one, '{[3,)}');
    await turn();
    ask(zero, '{[2,)}');
    await turn();
    ask(one, '{[3,4),[9,)}');
    await turn();
    ask(zero, '{[4,)}');
    await turn();
    expect(statements.slice(1).map(({ chosen }) => chosen)).toEqual([[1, 0], [0], [1], [0]]);
  });

  it('of several partitions are for those as well who have seen their beginning', async () => {
    const [zero, one] = [join(0, 2), join(1, 2)];
    const first = ask(zero, '{[1,)}');
    await turn();
    statements[0]?.answer({ ...CUT, partitions: [0, 1] });
    await first;
    expect(await ask(one, '{[2,)}')).toEqual(pageOf([events[1]], true));
    expect(statements).toHaveLength(1);
  });

  it('are read for those as well who want other names, where all of them work off a backlog side by side', async () => {
    // Time stands still: on a busy machine they would not count as quick.
    jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick'] });
    const [orders, invoices, all] = [named('order.*'), named('invoice.*'), named('*')];
    for (const from of [1, 3]) for (const reader of [orders, invoices, all]) await get(reader, from);
    const placed = logEventAt(5, 'a', undefined, '{}', 'order.placed');
    const paid = logEventAt(6, 'a', undefined, '{}', 'invoice.paid');
    const replaced = logEventAt(7, 'a', undefined, '{}', 'order.placed');
    const page = pageOf([placed, paid, replaced], true);
    const sent = statements.length;
    const asked = [ask(orders, '{[5,)}'), ask(invoices, '{[5,)}')];
    await turn();
    statements[sent]?.answer(page);
    expect(await Promise.all(asked)).toEqual([
      { ...page, events: [placed, replaced] },
      { ...page, events: [paid] },
    ]);
    expect(await ask(all, '{[5,)}')).toEqual(page);
    expect(statements.slice(sent).map(({ eventNames }) => eventNames)).toEqual([
      ['order.*', 'invoice.*', '*'],
    ]);
  });

  it.each<[string, (follower: LogReader) => unknown]>([
    ['has come to the end of the log', (follower) => get(follower, 70_003, false)],
    ['is far behind', () => {}],
    ['has got beyond', (follower) => get(follower, 80_001)],
    [
      'has holes',
      (follower) => {
        ask(follower, '{[70003,70004),[70005,)}');
        return turn();
      },
    ],
    ['takes its time', () => jest.advanceTimersByTime(100)],
  ])('are not read for one that wants other names and %s', async (what, happens) => {
    jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick'] });
    const [reader, follower] = [named('order.*'), named('invoice.*')];
    const start = what === 'is far behind' ? 1 : 69_999;
    for (const from of [start, start + 2]) await get(follower, from);
    await happens(follower);
    for (const from of [69_999, 70_001]) await get(reader, from);
    ask(reader, '{[70003,)}');
    await turn();
    expect(statements.at(-1)?.eventNames).toEqual(['order.*']);
  });

  it('are not asked for as long as others close behind are coming for theirs', async () => {
    jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick'] });
    const [front, rear] = [join(), join()];
    await get(front, 101);
    await get(rear, 1);
    const sent = statements.length;
    jest.advanceTimersByTime(10);
    ask(rear, '{[3,)}');
    const waiting = ask(front, '{[103,)}');
    await turn();
    expect(statements.slice(sent).map(({ ranges }) => ranges)).toEqual(['{[3,)}']);
    rear.leave();
    await turn();
    await turn();
    statements.at(-1)?.answer(pageOf([logEventAt(103, 'a'), logEventAt(104, 'a')], true));
    expect((await waiting).events).toHaveLength(2);
  });
});
