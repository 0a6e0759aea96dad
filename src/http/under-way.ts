/**
 * Things that come and go all the time, and that somebody may want to end together.
 *
 * It is no Set, because a Set makes a new table again and again as its members change, and each table refers
 * to the next one. Once one of them is old, all that come after it, and what they held, stay until the next
 * full collection: a third of what each request needs survived every collection of young objects.
 */
export class UnderWay<T> {
  private readonly slots: (T | undefined)[] = [];
  private readonly free: number[] = [];

  /** @returns its place, for `remove` */
  add(each: T): number {
    const place = this.free.pop() ?? this.slots.length;
    this.slots[place] = each;
    return place;
  }

  /** Once for each `add`. */
  remove(place: number): void {
    this.slots[place] = undefined;
    this.free.push(place);
  }

  /** Those that are there now. */
  all(): T[] {
    return this.slots.filter((each) => each !== undefined);
  }
}
