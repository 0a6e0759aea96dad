import { WallClock } from './wall-clock.js';

/** When a schedule is due. Times are milliseconds since 1970. */
export interface Timing {
  /** Null for a schedule with `everyMs`. */
  readonly cron: string | null;
  readonly everyMs: number | null;
  readonly timeZone: string;
  /** The first time of `everyMs`, or one interval before it. */
  readonly anchorAt: number;
  readonly startsAt: number | null;
  readonly endsAt: number | null;
}

/** What is used of a pattern of croner. */
interface Pattern {
  nextRun(previous: Date): Date | null;
}

/** What is used of croner. Its types are not named, because it is an optional peer. */
export interface Croner {
  readonly Cron: new (pattern: string, options: { timezone: string; paused: boolean }) => Pattern;
}

/** Patterns and zones that are kept prepared. */
const MOST_KEPT = 2_000;
/** Of a zone, the clock goes back by three hours at most. A day is far more. */
const DAY_MS = 86_400_000;

/*
 * Which instants a pattern names.
 *
 * croner finds the wall times that a pattern names: it looks at a calendar without a zone. Their instants are
 * found here, by two rules, so that neither depends on where a search begins:
 *
 * 1. A pattern that names hours names wall times. One that comes twice is due the first time. One that the
 *    clock leaves out is due at the first instant behind the gap, once, however many of the pattern are left
 *    out.
 * 2. A pattern for every hour (`*`) is due whenever the clock shows such a time: twice in an hour that comes
 *    twice, and never in a gap. By the first rule, a job for every five minutes would stand still for an
 *    hour.
 *
 * The first rule never goes backwards: a later wall time has a later instant, or the same one at a gap. So
 * the next time behind an instant is the first of the wall times behind its own whose instant lies behind it.
 */

/** Finds the times of timings. What it returns depends on the timing and the given time alone. */
export class Times {
  private readonly patterns = new Map<string, Pattern>();
  private readonly clocks = new Map<string, WallClock>();

  constructor(private readonly croner: Croner) {}

  /** The first time behind `after`, or at `startsAt` if that is later. Undefined if there is none. */
  next(timing: Timing, after: number): number | undefined {
    const { startsAt, endsAt } = timing;
    const from = startsAt === null ? after : Math.max(after, startsAt - 1);
    const found =
      timing.cron === null ? this.nextInterval(timing, from) : this.nextOfCron(timing.cron, timing, from);
    return found === undefined || (endsAt !== null && found > endsAt) ? undefined : found;
  }

  /** Up to `count` times behind `after`, in their order. */
  list(timing: Timing, after: number, count: number): number[] {
    const found: number[] = [];
    let at = this.next(timing, after);
    while (at !== undefined && found.length < count) {
      found.push(at);
      at = this.next(timing, at);
    }
    return found;
  }

  /**
   * The last times from `first`, which is one, to `last`, at most `most`. It looks at stretches before the
   * end that grow fourfold, so a second's timing that was not served for a month costs no million steps.
   */
  lastBetween(timing: Timing, first: number, last: number, most: number): number[] {
    for (let stretch = most * 1_000; ; stretch *= 4) {
      const from = Math.max(first, last - stretch);
      const found: number[] = from === first ? [first] : [];
      let at = this.next(timing, from);
      while (at !== undefined && at <= last) {
        found.push(at);
        at = this.next(timing, at);
      }
      if (found.length >= most || from === first) return found.slice(-most);
    }
  }

  private nextInterval({ everyMs, anchorAt, startsAt }: Timing, after: number): number | undefined {
    if (everyMs === null) return undefined;
    const passed = Math.floor((after - anchorAt) / everyMs);
    // The first one is at startAt itself, or one interval behind the time at which it was set.
    return anchorAt + Math.max(passed + 1, startsAt === null ? 1 : 0) * everyMs;
  }

  private nextOfCron(pattern: string, { timeZone }: Timing, after: number): number | undefined {
    const clock = kept(this.clocks, timeZone, () => new WallClock(timeZone));
    const cron = this.pattern(pattern);
    return isForEveryHour(pattern) ? nextShown(cron, clock, after) : nextNamed(cron, clock, after);
  }

  private pattern(pattern: string): Pattern {
    const options = { timezone: 'UTC', paused: true };
    return kept(this.patterns, pattern, () => new this.croner.Cron(pattern, options));
  }

  /** @throws what croner says of a pattern that it cannot read */
  checkPattern(pattern: string): void {
    this.pattern(pattern);
  }
}

/** By the first rule. */
function nextNamed(cron: Pattern, clock: WallClock, after: number): number | undefined {
  let wall: number | undefined = clock.wallAt(after);
  for (;;) {
    wall = nextWall(cron, wall);
    if (wall === undefined) return undefined;
    const instant = clock.instantOf(wall);
    if (instant > after) return instant;
  }
}

/** By the second rule. From each change of the offset on, it looks again with the new one. */
function nextShown(cron: Pattern, clock: WallClock, after: number): number | undefined {
  let since = after;
  let offset = clock.offsetAt(after);
  let wall = nextWall(cron, after + offset);
  while (wall !== undefined) {
    const change = firstChange(clock, since, wall - offset);
    if (change === undefined) return wall - offset;
    since = change;
    offset = clock.offsetAt(change);
    // What is due at the very instant of the change counts.
    wall = nextWall(cron, change - 1 + offset);
  }
  return undefined;
}

/** The first change of the offset behind `from`, up to and with `to`. It looks day by day. */
function firstChange(clock: WallClock, from: number, to: number): number | undefined {
  for (let low = from; low < to; low += DAY_MS) {
    const high = Math.min(low + DAY_MS, to);
    if (clock.offsetAt(low) !== clock.offsetAt(high)) return clock.changeBetween(low, high);
  }
  return undefined;
}

function nextWall(cron: Pattern, after: number): number | undefined {
  return cron.nextRun(new Date(after))?.getTime();
}

/**
 * Whether the field of the hours takes every hour. Patterns have five fields, or six or seven with seconds.
 */
export function isForEveryHour(pattern: string): boolean {
  const fields = pattern.trim().split(/\s+/);
  if (fields.length === 1) return fields[0]?.toLowerCase() === '@hourly';
  const hours = fields[fields.length === 5 ? 1 : 2];
  return hours === '*' || hours === '*/1' || hours === '0-23' || hours === '?';
}

function kept<Value>(known: Map<string, Value>, key: string, make: () => Value): Value {
  const found = known.get(key);
  if (found !== undefined) return found;
  if (known.size >= MOST_KEPT) known.clear();
  const made = make();
  known.set(key, made);
  return made;
}
