import { difference, union } from './position-ranges.js';

const OPEN = Number.POSITIVE_INFINITY;
/** Up to this number, ranges are added or removed one by one, in place. */
const FEW_RANGES = 8;

/**
 * A set of log positions. It consists of ascending, disjoint, non-adjacent half-open ranges `[from, to)`,
 * like Postgres' `int8multirange`. The last range may be open (`[n,)`). The bounds are in one flat array:
 * from, to, from, to …
 *
 * A cursor may have a million holes, so each operation makes at most one pass over the two sets. Only the
 * text forms cost more. Callers make the text of one `slice` after another, and give way to the event loop
 * between them.
 */
export class PositionSet {
  private constructor(private bounds: number[]) {}

  static empty(): PositionSet {
    return new PositionSet([]);
  }

  /** Makes the set `[from, to)`. Without `to`, the set has every position from `from` on. */
  static range(from: number, to: number = OPEN): PositionSet {
    return new PositionSet(from < to ? [from, to] : []);
  }

  /**
   * Makes a set of bounds in the set's own form: from, to, from, to …, ascending, with no two ranges
   * touching. The set owns the array from then on.
   */
  static ofBounds(bounds: number[]): PositionSet {
    return new PositionSet(bounds);
  }

  /** Makes a set of positions in any order. Repeated positions are allowed. */
  static of(positions: readonly number[]): PositionSet {
    const sorted = isAscending(positions) ? positions : new Float64Array(positions).sort();
    const set = PositionSet.empty();
    for (let i = 0; i < sorted.length; i++) {
      const position = sorted[i] as number;
      if (i === 0 || position !== sorted[i - 1]) set.appendRange(position);
    }
    return set;
  }

  /** Reads the text form of Postgres, such as `{[1,5),[7,)}`. */
  static parse(text: string): PositionSet {
    const bounds: number[] = [];
    for (const [, from, to] of text.matchAll(/\[(\d+),(\d*)\)/g))
      bounds.push(Number(from), to ? Number(to) : OPEN);
    if (bounds.length === 0 && text !== '{}') throw new TypeError(`not a multirange of positions: ${text}`);
    return new PositionSet(bounds);
  }

  /** The text form of Postgres. */
  toString(): string {
    const parts: string[] = [];
    for (const [from, to] of this.ranges()) parts.push(`[${from},${to === OPEN ? '' : to})`);
    return `{${parts.join(',')}}`;
  }

  /** A set of `count` ranges of this one, starting with the range at index `first`. */
  slice(first: number, count: number): PositionSet {
    return new PositionSet(this.bounds.slice(2 * first, 2 * (first + count)));
  }

  equals(other: PositionSet): boolean {
    const [ours, theirs] = [this.bounds, other.bounds];
    if (ours.length !== theirs.length) return false;
    for (let i = 0; i < ours.length; i++) if (ours[i] !== theirs[i]) return false;
    return true;
  }

  /** Adds a position, or the range `[from, to)`. It must lie above all others. */
  appendRange(from: number, to = from + 1): void {
    const { bounds } = this;
    const last = bounds.length - 1;
    if (last >= 0 && bounds[last] === from) bounds[last] = to;
    else bounds.push(from, to);
  }

  get isEmpty(): boolean {
    return this.bounds.length === 0;
  }

  /** Number of ranges in the set. */
  get rangeCount(): number {
    return this.bounds.length / 2;
  }

  /** The start of the open range. Undefined if the set is finite. */
  get openFrom(): number | undefined {
    const { bounds } = this;
    return bounds[bounds.length - 1] === OPEN ? bounds[bounds.length - 2] : undefined;
  }

  *ranges(): Generator<[from: number, to: number]> {
    const { bounds } = this;
    for (let i = 0; i < bounds.length; i += 2) yield [bounds[i] as number, bounds[i + 1] as number];
  }

  /**
   * Like `ranges`, for sets with very many ranges. Visits `count` ranges, starting with the one at index
   * `first`.
   */
  forEachRange(visit: (from: number, to: number) => void, first = 0, count = this.rangeCount): void {
    const { bounds } = this;
    const end = Math.min(bounds.length, 2 * (first + count));
    for (let i = 2 * first; i < end; i += 2) visit(bounds[i] as number, bounds[i + 1] as number);
  }

  has(position: number): boolean {
    const i = this.firstEndingAfter(position);
    return i < this.bounds.length && (this.bounds[i] as number) <= position;
  }

  /** The highest position of a finite set. Undefined if the set is empty. */
  get last(): number | undefined {
    const end = this.bounds.at(-1);
    return end === undefined || end === OPEN ? undefined : end - 1;
  }

  /** Number of positions in a finite set. */
  get count(): number {
    return this.countBelow(OPEN);
  }

  /** The set without these positions. They must be in the set and ascend. */
  without(positions: readonly number[]): PositionSet {
    const rest: number[] = [];
    let i = 0;
    for (const [from, to] of this.ranges()) {
      let begin = from;
      for (; i < positions.length && (positions[i] as number) < to; i++) {
        const position = positions[i] as number;
        if (position < begin) continue;
        if (begin < position) rest.push(begin, position);
        begin = position + 1;
      }
      if (begin < to) rest.push(begin, to);
    }
    return new PositionSet(rest);
  }

  /** The part of the set at or above `limit`. */
  atOrAbove(limit: number): PositionSet {
    const part = this.bounds.slice(this.firstEndingAfter(limit));
    if (part.length > 0) part[0] = Math.max(part[0] as number, limit);
    return new PositionSet(part);
  }

  /** The part of the set below `limit`. */
  below(limit: number): PositionSet {
    const end = this.firstEndingAfter(limit - 1);
    const part = this.bounds.slice(0, end);
    const cut = this.bounds[end];
    if (cut !== undefined && cut < limit) part.push(cut, limit);
    return new PositionSet(part);
  }

  /**
   * Removes the part of the set below `limit` and returns it. The part that stays is copied. The part that is
   * removed is not copied, because it may have a million ranges.
   */
  takeBelow(limit: number): PositionSet {
    const end = this.firstEndingAfter(limit);
    const part = this.bounds;
    this.bounds = part.slice(end);
    part.length = end;
    const cut = this.bounds[0];
    if (cut !== undefined && cut < limit) {
      part.push(cut, limit);
      this.bounds[0] = limit;
    }
    return new PositionSet(part);
  }

  /** Whether the set has a position below `limit`. */
  hasBelow(limit: number): boolean {
    return this.bounds.length > 0 && (this.bounds[0] as number) < limit;
  }

  /** Number of positions below `limit`. */
  countBelow(limit: number): number {
    const { bounds } = this;
    let count = 0;
    for (let i = 0; i < bounds.length && (bounds[i] as number) < limit; i += 2)
      count += Math.min(bounds[i + 1] as number, limit) - (bounds[i] as number);
    return count;
  }

  clone(): PositionSet {
    return new PositionSet(this.bounds.slice());
  }

  addAll(other: PositionSet): void {
    if (other.rangeCount > FEW_RANGES) this.bounds = union(this.bounds, other.bounds);
    else for (const [from, to] of other.ranges()) this.addRange(from, to);
  }

  /**
   * Adds every range of the other set that touches this set, directly or through other added ranges. Returns
   * the ranges that do not. The two sets must be disjoint.
   */
  addTouching(other: PositionSet): PositionSet {
    const joined: number[] = [];
    const apart: number[] = [];
    const ours = this.bounds;
    const theirs = other.bounds;
    for (let i = 0, j = 0; i < ours.length || j < theirs.length; ) {
      // A run of ranges that touch each other. The loop finds where it ends and whether any range in it is
      // ours.
      const from = Math.min(ours[i] ?? OPEN, theirs[j] ?? OPEN);
      let to = from;
      let isJoined = false;
      for (;;) {
        if (i < ours.length && (ours[i] as number) <= to) {
          to = Math.max(to, ours[i + 1] as number);
          isJoined = true;
          i += 2;
        } else if (j < theirs.length && (theirs[j] as number) <= to) {
          to = Math.max(to, theirs[j + 1] as number);
          j += 2;
        } else break;
      }
      (isJoined ? joined : apart).push(from, to);
    }
    this.bounds = joined;
    return new PositionSet(apart);
  }

  removeAll(other: PositionSet): void {
    if (other.rangeCount > FEW_RANGES) this.bounds = difference(this.bounds, other.bounds);
    else for (const [from, to] of other.ranges()) this.removeRange(from, to);
  }

  /** Adds `[from, to)` and merges it with the ranges that it touches. */
  addRange(from: number, to: number): void {
    if (from >= to) return;
    const { bounds } = this;
    // The merge covers the first range that ends at or after `from`, the last one that begins at or before
    // `to`, and all between them.
    const first = this.firstEndingAfter(from - 1);
    let end = first;
    let low = from;
    let high = to;
    while (end < bounds.length && (bounds[end] as number) <= to) {
      low = Math.min(low, bounds[end] as number);
      high = Math.max(high, bounds[end + 1] as number);
      end += 2;
    }
    bounds.splice(first, end - first, low, high);
  }

  /** Removes `[from, to)`. */
  removeRange(from: number, to: number): void {
    if (from >= to) return;
    const { bounds } = this;
    const first = this.firstEndingAfter(from);
    let end = first;
    const rest: number[] = [];
    while (end < bounds.length && (bounds[end] as number) < to) {
      const low = bounds[end] as number;
      const high = bounds[end + 1] as number;
      if (low < from) rest.push(low, from);
      if (high > to) rest.push(to, high);
      end += 2;
    }
    if (end > first) bounds.splice(first, end - first, ...rest);
  }

  /** Index of the first range whose end lies after `position`. */
  private firstEndingAfter(position: number): number {
    const { bounds } = this;
    let low = 0;
    let high = bounds.length / 2;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((bounds[middle * 2 + 1] as number) > position) high = middle;
      else low = middle + 1;
    }
    return low * 2;
  }
}

function isAscending(positions: readonly number[]): boolean {
  for (let i = 1; i < positions.length; i++)
    if ((positions[i] as number) < (positions[i - 1] as number)) return false;
  return true;
}
