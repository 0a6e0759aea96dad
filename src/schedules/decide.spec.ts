import { describe, expect, it } from '@jest/globals';
import * as croner from 'croner';
import fc from 'fast-check';
import { Times } from '../timing/timing.js';
import { type DueSchedule, decide, type MissedTimes, type Overlap } from './decide.js';
import { previewStored } from './preview.js';
import type { LockedSchedule } from './schedule.store.js';

const times = new Times(croner);
const GRACE_MS = 60_000;
const time = (text: string) => Date.parse(text);
const texts = (all: readonly number[]) => all.map((at) => new Date(at).toISOString());

function schedule(given: Partial<DueSchedule> = {}): DueSchedule {
  return {
    cron: '0 * * * *',
    everyMs: null,
    timeZone: 'UTC',
    anchorAt: 0,
    startsAt: null,
    endsAt: null,
    nextAt: time('2026-06-01T00:00:00Z'),
    left: null,
    missed: 'once',
    overlap: 'queue',
    ...given,
  };
}

const at = (now: string, isBusy = false) => ({ now: time(now), graceMs: GRACE_MS, isBusy });

describe('what a tick does', () => {
  it('publishes the time that is due, and moves on', () => {
    expect(decide(times, schedule(), at('2026-06-01T00:00:00.250Z'))).toEqual({
      publish: [time('2026-06-01T00:00:00Z')],
      skipped: 0,
      isMissed: false,
      nextAt: time('2026-06-01T01:00:00Z'),
      left: null,
    });
  });

  it('publishes each time of a takeover, whatever missed says', () => {
    for (const missed of ['once', 'skip', 'all'] as const) {
      const { publish } = decide(
        times,
        schedule({ cron: '*/10 * * * * *', missed }),
        at('2026-06-01T00:00:40Z'),
      );
      expect(texts(publish)).toHaveLength(5);
    }
  });

  it.each<[MissedTimes, string[]]>([
    ['once', ['2026-06-02T00:00:00.000Z']],
    ['skip', ['2026-06-02T00:00:00.000Z']],
    [
      'all',
      Array.from({ length: 25 }, (_, hour) =>
        new Date(time('2026-06-01T00:00:00Z') + hour * 3_600_000).toISOString(),
      ),
    ],
  ])('after a day of downtime, missed: %s', (missed, expected) => {
    expect(texts(decide(times, schedule({ missed }), at('2026-06-02T00:00:05Z')).publish)).toEqual(expected);
  });

  it('after a day of downtime, missed: skip publishes nothing between two times', () => {
    const decision = decide(times, schedule({ missed: 'skip' }), at('2026-06-02T00:30:00Z'));
    expect(decision).toMatchObject({ publish: [], nextAt: time('2026-06-02T01:00:00Z') });
    expect(texts(decide(times, schedule(), at('2026-06-02T00:30:00Z')).publish)).toEqual([
      '2026-06-02T00:00:00.000Z',
    ]);
  });

  it('publishes the last 1,000 of more that were missed', () => {
    const { publish } = decide(
      times,
      schedule({ cron: '* * * * *', missed: 'all' }),
      at('2026-06-03T00:00:00Z'),
    );
    expect(publish).toHaveLength(1_000);
    expect(publish.at(-1)).toBe(time('2026-06-03T00:00:00Z'));
  });

  it('skips a time while the event before is not done, and counts it', () => {
    const skipping = schedule({ overlap: 'skip', cron: '*/20 * * * * *' });
    expect(decide(times, skipping, at('2026-06-01T00:00:00Z', true))).toMatchObject({
      publish: [],
      skipped: 1,
      nextAt: time('2026-06-01T00:00:20Z'),
    });
    expect(decide(times, skipping, at('2026-06-01T00:00:41Z'))).toMatchObject({
      publish: [time('2026-06-01T00:00:40Z')],
      skipped: 2,
    });
  });

  it('queues, whatever the event before does', () => {
    expect(decide(times, schedule(), at('2026-06-01T00:00:00Z', true)).publish).toHaveLength(1);
  });

  it('ends when the limit is reached, and what is skipped does not count', () => {
    const limited = { left: 2, cron: '* * * * * *' };
    expect(decide(times, schedule(limited), at('2026-06-01T00:00:10Z'))).toMatchObject({
      publish: [time('2026-06-01T00:00:00Z'), time('2026-06-01T00:00:01Z')],
      nextAt: undefined,
      left: 0,
    });
    const busy = decide(times, schedule({ ...limited, overlap: 'skip' }), at('2026-06-01T00:00:00Z', true));
    expect(busy).toMatchObject({ left: 2, nextAt: time('2026-06-01T00:00:01Z') });
  });

  it('ends behind endAt', () => {
    const ending = schedule({ endsAt: time('2026-06-01T00:30:00Z') });
    expect(decide(times, ending, at('2026-06-01T00:00:01Z')).nextAt).toBeUndefined();
  });
});

/** Plays a year of ticks, each later than its time by up to `lateMs`, and returns what was published. */
function year(begin: DueSchedule, until: number, lateMs: () => number): number[] {
  const published: number[] = [];
  let current: DueSchedule | undefined = begin;
  while (current !== undefined && current.nextAt <= until) {
    const { publish, nextAt, left } = decide(times, current, {
      now: current.nextAt + lateMs(),
      graceMs: GRACE_MS,
      isBusy: false,
    });
    published.push(...publish);
    current = nextAt === undefined ? undefined : { ...current, nextAt, left };
  }
  return published.filter((each) => each <= until);
}

describe.each(['Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'America/Santiago'])(
  'over a year in %s',
  (timeZone) => {
    const hours = fc.constantFrom('*', '2', '0', '1-3', '*/3', '23');
    const pattern = fc
      .tuple(fc.constantFrom('0', '30', '*/20', '5,55'), hours, fc.constantFrom('*', '1', 'L'))
      .map(([minute, hour, day]) => `${minute} ${hour} ${day} * *`);
    const begin = time('2026-02-01T00:00:00Z');
    const end = time('2027-02-01T00:00:00Z');

    it('what preview shows is what happens', () => {
      fc.assert(
        fc.property(
          pattern,
          fc.option(fc.integer({ min: 1, max: 500 }), { nil: null }),
          fc.constantFrom<Overlap>('queue', 'skip'),
          fc.array(fc.integer({ min: 0, max: GRACE_MS }), { minLength: 1, maxLength: 20 }),
          (cron, left, overlap, delays) => {
            const first = times.next(schedule({ cron, timeZone }), begin);
            if (first === undefined) return;
            // A tick that comes later than the next time would skip one of the two.
            const due = schedule({ cron, timeZone, left, overlap, nextAt: first });
            let i = 0;
            const happened = year(due, end, () => delays[i++ % delays.length] ?? 0);
            const shown = previewStored(
              times,
              due as unknown as LockedSchedule,
              new Date(begin),
              happened.length + 1,
            ).filter((each) => each.getTime() <= end);
            expect(happened).toEqual(shown.map((each) => each.getTime()));
          },
        ),
        { numRuns: 15 },
      );
    });
  },
);
