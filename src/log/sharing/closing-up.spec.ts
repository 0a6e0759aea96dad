import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { GroupReader } from '../log-reader.js';
import { PositionSet } from '../position-set.js';
import { ClosingUp } from './closing-up.js';

const ROWS = 100;
const FRONT = 10_000;
/** Milliseconds between two pages of a cursor that waits for nothing. */
const SOON = 10;
/** Milliseconds between two pages of the cursor in front. */
const PACE = 30;
/** Milliseconds between two pages of a cursor whose handlers wait for something else. */
const LATE = 100;

let readers: GroupReader[];
let closingUp: ClosingUp;
let front: GroupReader;

beforeEach(() => {
  jest.useFakeTimers();
  readers = [];
  closingUp = new ClosingUp(readers);
  front = comeBy(FRONT, join(), PACE);
  front.isBehind = true;
});
afterEach(() => {
  jest.useRealTimers();
});

function join(eventNames = ['*'], partitions = 1): GroupReader {
  const reader = new GroupReader({ eventNames, partitions, partition: 0 });
  readers.push(reader);
  return reader;
}

function ask(reader: GroupReader, from: number): void {
  reader.asksFor(PositionSet.range(from));
  closingUp.asked();
}

/** The cursor asks for two pages, the second one at `from`. */
function comeBy(from: number, reader = join(), pauseMs = SOON): GroupReader {
  ask(reader, from - ROWS);
  jest.advanceTimersByTime(pauseMs);
  ask(reader, from);
  return reader;
}

/** Whether the promise resolves once everything that can happen now has happened. */
async function isOver(waiting: Promise<void>): Promise<boolean> {
  let over = false;
  waiting.then(() => {
    over = true;
  });
  await jest.advanceTimersByTimeAsync(0);
  return over;
}

describe('the cursor in front of others that read the same backlog', () => {
  it('waits for one that comes close behind, until it has closed up', async () => {
    const rear = comeBy(FRONT - 5 * ROWS);
    expect(closingUp.hasToWait(front, ROWS)).toBe(true);
    const waiting = closingUp.wait(front, ROWS);
    for (const pages of [4, 3]) {
      await jest.advanceTimersByTimeAsync(SOON);
      ask(rear, FRONT - pages * ROWS);
      expect(await isOver(waiting)).toBe(false);
    }
    ask(rear, FRONT - 2 * ROWS);
    expect(await isOver(waiting)).toBe(true);
  });

  it('waits no longer for one that does not ask for its next page, or ends', async () => {
    comeBy(FRONT - 5 * ROWS);
    const waiting = closingUp.wait(front, ROWS);
    await jest.advanceTimersByTimeAsync(LATE);
    expect(await isOver(waiting)).toBe(true);

    const ending = comeBy(FRONT - 5 * ROWS);
    const until = closingUp.wait(front, ROWS);
    expect(await isOver(until)).toBe(false);
    readers.splice(readers.indexOf(ending), 1);
    closingUp.asked();
    expect(await isOver(until)).toBe(true);
  });

  it('waits no longer than its last page took it', async () => {
    const rear = comeBy(FRONT - 50 * ROWS);
    const waiting = closingUp.wait(front, ROWS);
    const comesOn = async (ms: number) => {
      for (let from = FRONT - 49 * ROWS; ms > 0; ms -= SOON, from += ROWS) {
        await jest.advanceTimersByTimeAsync(SOON);
        ask(rear, from);
      }
    };
    await comesOn(PACE - SOON);
    expect(await isOver(waiting)).toBe(false);
    await comesOn(SOON);
    expect(await isOver(waiting)).toBe(true);
    // The time that the cursor waited does not count as work on the next page.
    await comesOn(SOON);
    ask(front, FRONT + ROWS);
    expect(front.workedMs).toBe(SOON);
  });

  it('goes on at once when its own worker ends', async () => {
    comeBy(FRONT - 5 * ROWS);
    const waiting = closingUp.wait(front, ROWS);
    readers.splice(readers.indexOf(front), 1);
    closingUp.asked();
    expect(await isOver(waiting)).toBe(true);
  });

  it.each<[string, () => void]>([
    ['nobody', () => {}],
    ['one that finds the pages of the one in front', () => comeBy(FRONT - 2 * ROWS)],
    ['one that is in front itself', () => comeBy(FRONT + 5 * ROWS)],
    ['one that has asked once', () => ask(join(), FRONT - 5 * ROWS)],
    ['one whose handlers wait for something', () => comeBy(FRONT - 5 * ROWS, join(), LATE)],
    ['one that is far behind', () => comeBy(FRONT - 60_000, join())],
    ['one of another spread over partitions', () => comeBy(FRONT - 5 * ROWS, join(['*'], 2))],
    ['one with holes', () => comeBy(FRONT - 5 * ROWS).asksFor(PositionSet.parse('{[3,4),[9,)}'))],
  ])('does not wait for %s', (_, given) => {
    given();
    expect(closingUp.hasToWait(front, ROWS)).toBe(false);
  });

  it('does not wait where its own handlers wait for something', () => {
    comeBy(FRONT - 5 * ROWS);
    jest.advanceTimersByTime(LATE);
    comeBy(FRONT - 4 * ROWS);
    ask(front, FRONT + ROWS);
    expect(closingUp.hasToWait(front, ROWS)).toBe(false);
  });

  it('does not wait once it has come to the end of the log: events are not late for the sake of others', () => {
    comeBy(FRONT - 5 * ROWS);
    front.isBehind = false;
    expect(closingUp.hasToWait(front, ROWS)).toBe(false);
  });
});
