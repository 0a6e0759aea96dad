/*
 * Wall times of a zone. A wall time is kept as the instant at which a clock in UTC shows the same figures, so
 * that it can be compared and counted.
 */

const DAY_MS = 86_400_000;
/** No zone changes twice within so short a time, so a piece whose ends have one offset has no other. */
const PIECE_MS = DAY_MS / 4;
/** Some years. */
const MOST_KNOWN = 8_000;

/** What a clock in one zone shows. */
export class WallClock {
  private readonly format: Intl.DateTimeFormat | undefined;
  /**
   * The offsets of pieces of time, because asking takes long. NaN for a piece in which the offset changes.
   */
  private readonly known = new Map<number, number>();

  /** @throws RangeError for a zone that this process does not know */
  constructor(readonly timeZone: string) {
    const isPlain = timeZone === 'UTC';
    this.format = isPlain
      ? undefined
      : new Intl.DateTimeFormat('en-US', {
          timeZone,
          calendar: 'gregory',
          numberingSystem: 'latn',
          hourCycle: 'h23',
          era: 'short',
          year: 'numeric',
          month: 'numeric',
          day: 'numeric',
          hour: 'numeric',
          minute: 'numeric',
          second: 'numeric',
        });
  }

  /** How far the zone is before UTC at an instant, in milliseconds. */
  offsetAt(instant: number): number {
    if (this.format === undefined) return 0;
    const piece = Math.floor(instant / PIECE_MS);
    let offset = this.known.get(piece);
    if (offset === undefined) {
      const begin = this.askedAt(this.format, piece * PIECE_MS);
      offset = begin === this.askedAt(this.format, (piece + 1) * PIECE_MS) ? begin : Number.NaN;
      if (this.known.size >= MOST_KNOWN) this.known.clear();
      this.known.set(piece, offset);
    }
    return Number.isNaN(offset) ? this.askedAt(this.format, instant) : offset;
  }

  /** The wall time at an instant. */
  wallAt(instant: number): number {
    return instant + this.offsetAt(instant);
  }

  /**
   * The first instant at which the clock shows this wall time. For one that the clock leaves out, the first
   * instant behind the gap.
   *
   * No offset is a day or more, so the instant lies within a day around the figures. The two offsets there
   * are all that come into question, because no zone changes twice within two days.
   */
  instantOf(wall: number): number {
    const before = this.offsetAt(wall - DAY_MS);
    const after = this.offsetAt(wall + DAY_MS);
    if (before === after) return wall - before;
    // The earlier of two instants is the one with the greater offset, and each must show the wall time.
    const fits = [Math.max(before, after), Math.min(before, after)]
      .map((offset) => wall - offset)
      .find((instant) => this.wallAt(instant) === wall);
    return fits ?? this.changeBetween(wall - DAY_MS, wall + DAY_MS);
  }

  /** The first instant behind `from` that has another offset than `from`. One lies before `to`. */
  changeBetween(from: number, to: number): number {
    const offset = this.offsetAt(from);
    let low = from;
    let high = to;
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      if (this.offsetAt(middle) === offset) low = middle;
      else high = middle;
    }
    return high;
  }

  private askedAt(format: Intl.DateTimeFormat, instant: number): number {
    const second = Math.floor(instant / 1_000) * 1_000;
    return this.shownAt(format, second) - second;
  }

  private shownAt(format: Intl.DateTimeFormat, instant: number): number {
    const shown: Record<string, number> = {};
    for (const { type, value } of format.formatToParts(instant)) shown[type] = Number(value);
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = shown;
    return Date.UTC(year, month - 1, day, hour, minute, second);
  }
}
