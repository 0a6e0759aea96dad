import { Injectable } from '@nestjs/common';
import { bucketOf } from '../telemetry/buckets.js';

/**
 * Upper bounds of the classes of latency, in seconds. There is one more class for what took longer. Rows of
 * a week have these classes, so a change of them needs a table that says which ones a row has.
 */
export const LATENCY_BOUNDS_S = [
  0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3_600,
] as const;
const CLASSES = LATENCY_BOUNDS_S.length + 1;
const MINUTE_MS = 60_000;
/** How many minutes of one consumer are kept while they cannot be written. */
const MOST_MINUTES = 60;

/** What this process has done for a consumer in one minute. */
export interface WorkOfMinute {
  readonly consumerName: string;
  /** When the minute began, in milliseconds since 1970. */
  readonly at: number;
  /** When this was read, or when the minute ended. Milliseconds since 1970. */
  readonly upto: number;
  readonly handled: number;
  readonly failed: number;
  /** How many events were in each class of `LATENCY_BOUNDS_S`. Only first deliveries count. */
  readonly latency: readonly number[];
}

/** What the outcome of an attempt says here (see `Outcome` of a partition). */
interface EndOfAttempt {
  readonly kind: string;
  /** Whether an attempt counts that failed for another reason than its event. */
  readonly isCounted?: boolean;
}

interface Counted {
  readonly at: number;
  handled: number;
  failed: number;
  readonly latency: number[];
  isWritten: boolean;
}

/** Counts for one consumer. It is called for each event, so it only adds. */
export class WorkOfConsumer {
  private current: Counted = minuteOf(0);
  private readonly minutes: Counted[] = [];

  /** An attempt at an event has ended. An outcome that decides nothing is not counted. */
  ended({ kind, isCounted }: EndOfAttempt, latencyFrom: number | undefined): void {
    if (kind === 'processed' || kind === 'skipped') this.handled(latencyFrom);
    else if (kind === 'retry' || kind === 'dead' || isCounted === true) this.failed();
  }

  /**
   * An event was handled or skipped. `latencyFrom` is when it was created, in milliseconds since 1970.
   * Undefined where its latency does not count.
   */
  handled(latencyFrom: number | undefined): void {
    const now = Date.now();
    const minute = this.minute(now);
    minute.handled++;
    if (latencyFrom === undefined) return;
    const bucket = bucketOf(LATENCY_BOUNDS_S, (now - latencyFrom) / 1_000);
    minute.latency[bucket] = (minute.latency[bucket] ?? 0) + 1;
  }

  /** An attempt failed that counts. */
  failed(): void {
    this.minute(Date.now()).failed++;
  }

  /** What was not written yet. */
  changed(consumerName: string, now: number): WorkOfMinute[] {
    return this.minutes
      .filter(({ isWritten }) => !isWritten)
      .map(({ at, handled, failed, latency }) => ({
        consumerName,
        at,
        upto: Math.min(now, at + MINUTE_MS),
        handled,
        failed,
        latency: [...latency],
      }));
  }

  /** Forgets a minute that is over. What was counted after it was read is still to be written. */
  written({ at, handled, failed }: WorkOfMinute): void {
    const index = this.minutes.findIndex((each) => each.at === at);
    const minute = this.minutes[index];
    if (minute === undefined || minute.handled !== handled || minute.failed !== failed) return;
    if (minute === this.current) minute.isWritten = true;
    else this.minutes.splice(index, 1);
  }

  private minute(now: number): Counted {
    const { current } = this;
    if (now - current.at < MINUTE_MS && now >= current.at) {
      current.isWritten = false;
      return current;
    }
    return this.begin(Math.floor(now / MINUTE_MS) * MINUTE_MS);
  }

  /** A clock that was put back comes to a minute a second time. Its counts go on. */
  private begin(at: number): Counted {
    const known = this.minutes.find((minute) => minute.at === at);
    if (this.current.isWritten) this.minutes.splice(this.minutes.indexOf(this.current), 1);
    const minute = known ?? minuteOf(at);
    if (known === undefined) this.minutes.push(minute);
    if (this.minutes.length > MOST_MINUTES) this.minutes.shift();
    minute.isWritten = false;
    this.current = minute;
    return minute;
  }
}

/**
 * Counts what this process does for each consumer, by minutes. The counts of a minute only grow, and one
 * process alone writes them, so writing the same minute again overwrites it with the truth.
 */
@Injectable()
export class WorkCounts {
  private readonly consumers = new Map<string, WorkOfConsumer>();

  of(consumerName: string): WorkOfConsumer {
    let work = this.consumers.get(consumerName);
    if (work === undefined) {
      work = new WorkOfConsumer();
      this.consumers.set(consumerName, work);
    }
    return work;
  }

  /** What was not written yet, of all consumers. */
  changed(now: number = Date.now()): WorkOfMinute[] {
    return [...this.consumers].flatMap(([name, work]) => work.changed(name, now));
  }

  written(minutes: readonly WorkOfMinute[]): void {
    for (const minute of minutes) this.consumers.get(minute.consumerName)?.written(minute);
  }
}

function minuteOf(at: number): Counted {
  return { at, handled: 0, failed: 0, latency: new Array<number>(CLASSES).fill(0), isWritten: false };
}
