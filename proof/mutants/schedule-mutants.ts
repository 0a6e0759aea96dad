import type { SpecMutant } from './spec-mutants.js';

const TICKER = 'src/schedules/ticker.ts';
const STORE = 'src/schedules/schedule.store.ts';
const EVENT = 'src/schedules/schedule-event.ts';
const DECIDE = 'src/schedules/decide.ts';
const TIMING = 'src/timing/timing.ts';
const CHANGES = 'src/schedules/schedule-changes.ts';
const RACES = 'test/schedules/races.spec.ts';
const TICKS = 'test/schedules/ticks.spec.ts';
const SET = 'test/schedules/changes.spec.ts';

// biome-ignore-start lint/suspicious/noTemplateCurlyInString: these are pieces of source.
/** Wrong turns in schedules. */
export const scheduleMutants: readonly SpecMutant[] = [
  {
    name: 'schedule: a tick without the fence',
    patches: [
      { file: TICKER, find: 'if (!(await store.fence(session, lease)))', put: 'if (lease.name === "")' },
    ],
    spec: RACES,
    test: 'a ticker whose lease another process has taken publishes nothing',
  },
  {
    name: 'schedule: an event without its key',
    patches: [{ file: EVENT, find: ', deduplicationKey: `${name}@${time}`', put: '' }],
    spec: RACES,
    test: 'a restored backup, which brings an old time back, publishes it no second time',
  },
  {
    name: 'schedule: a tick that does not lock what is due',
    patches: [
      {
        file: STORE,
        find: 'ORDER BY s.next_at LIMIT $1 FOR UPDATE SKIP LOCKED',
        put: 'ORDER BY s.next_at LIMIT $1',
      },
    ],
    spec: RACES,
    test: 'waits for it, and finds what it has written',
  },
  {
    name: 'schedule: a tick that waits for a row that somebody holds',
    patches: [{ file: STORE, find: 'LIMIT $1 FOR UPDATE SKIP LOCKED', put: 'LIMIT $1 FOR UPDATE NOWAIT' }],
    spec: RACES,
    test: 'a tick passes over what a change holds',
  },
  {
    name: 'schedule: overlap is not looked at',
    patches: [{ file: DECIDE, find: 'isBusy ? [] : allowed.slice(-1)', put: 'allowed.slice(-1)' }],
    spec: TICKS,
    test: 'skips a time while its method has not done the one before',
  },
  {
    name: 'schedule: what was missed is published as if it were late',
    patches: [
      { file: DECIDE, find: 'const isMissed = now - nextAt > graceMs;', put: 'const isMissed = false;' },
    ],
    spec: TICKS,
    test: 'after a day without a process, missed: once',
  },
  {
    name: 'schedule: a change tells nobody',
    patches: [
      {
        file: CHANGES,
        find: '        await this.audit(session, by, set);\n        await tellOwner(session, this.db.schema, TICKER_KIND);\n',
        put: '        await this.audit(session, by, set);\n',
      },
    ],
    spec: SET,
    test: 'is heard at once by the process that ticks',
  },
  {
    name: 'schedule: a pause that was missed',
    patches: [{ file: CHANGES, find: 'nextAt > now ? nextAt : times.next(schedule, now)', put: 'nextAt' }],
    spec: SET,
    test: 'publishes nothing while it is paused',
  },
  {
    name: 'schedule: a wall time that comes twice is due twice',
    patches: [{ file: TIMING, find: 'isForEveryHour(pattern) ? nextShown', put: 'true ? nextShown' }],
    spec: 'src/timing/timing.spec.ts',
    test: 'a time that comes twice is due the first time only',
  },
];
// biome-ignore-end lint/suspicious/noTemplateCurlyInString: these are pieces of source.
