import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { OutboxNotifier } from './outbox-notifier.js';
import type { Wakeup } from './wakeup.js';

describe('a wake-up that goes on', () => {
  let notifier: OutboxNotifier;
  let wakeups: Wakeup[];
  let told: Wakeup[];

  beforeEach(() => {
    jest.useFakeTimers();
    notifier = new OutboxNotifier();
    wakeups = [];
    told = [];
    notifier.wakeups$.subscribe((wakeup) => wakeups.push(wakeup));
    notifier.untold$.subscribe((wakeup) => told.push(wakeup));
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  function wakeupsOf(ms: number): Wakeup[] {
    wakeups = [];
    jest.advanceTimersByTime(ms);
    return wakeups;
  }

  it('is repeated for so long, once more at its end, and told to nobody else', () => {
    notifier.signal({ source: 'listen' }, { goesOnForMs: 50 });
    expect(wakeupsOf(60)).toHaveLength(5);
    expect(wakeupsOf(1_000)).toEqual([]);
    expect(told).toEqual([{ source: 'listen' }]);
  });

  it('goes on for longer where another one follows, without coming more often', () => {
    notifier.signal({ source: 'listen' }, { goesOnForMs: 150 });
    jest.advanceTimersByTime(100);
    notifier.signal({ source: 'listen' }, { goesOnForMs: 150 });
    expect(wakeupsOf(120)).toHaveLength(10);
    expect(wakeupsOf(1_000).length).toBeLessThan(5);
  });

  it('is for the events of all that were said to go on, and of those that are expected meanwhile', () => {
    notifier.expect(['too early']);
    notifier.signal({ source: 'commit', eventNames: ['a'] }, { goesOnForMs: 50 });
    notifier.signal({ source: 'commit', eventNames: ['b'] }, { goesOnForMs: 50 });
    notifier.expect(['c', 'a']);
    expect(wakeupsOf(12)).toEqual([{ source: 'commit', eventNames: ['a', 'b', 'c'] }]);
    jest.advanceTimersByTime(1_000);
    notifier.signal({ source: 'commit', eventNames: ['d'] }, { goesOnForMs: 50 });
    expect(wakeupsOf(12)).toEqual([{ source: 'commit', eventNames: ['d'] }]);
  });

  it('is for all events where it is not known for which', () => {
    notifier.signal({ source: 'listen' }, { goesOnForMs: 50 });
    notifier.signal({ source: 'commit', eventNames: ['a'] }, { goesOnForMs: 50 });
    expect(wakeupsOf(12)).toEqual([{ source: 'commit', eventNames: undefined }]);
  });
});
