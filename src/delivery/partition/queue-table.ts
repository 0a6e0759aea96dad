import { hashOfName } from '../../events/aggregate-key.js';

/** What the table holds. Each entry is in one table at most, and once. */
export interface Named<T> {
  readonly name: string;
  /** The hash of its name. Only the table sets it. */
  hash: number;
  /** The next entry whose hash falls into the same place. Only the table sets it. */
  next: T | undefined;
}

const FIRST_PLACES = 64;

/**
 * Queues by their names, for names that come and go: nearly every event adds one and removes one. A Map
 * copies itself into a new table each time as many names were removed as are in it. Once the Map is old, each
 * of these tables is garbage of the old generation, and it keeps what was in it from being collected with the
 * young one. Here nothing is copied, and nothing is kept of what was removed.
 */
export class QueueTable<T extends Named<T>> {
  private places: (T | undefined)[] = new Array(FIRST_PLACES).fill(undefined);
  private count = 0;

  get size(): number {
    return this.count;
  }

  find(name: string): T | undefined {
    return this.findAt(hashOfName(name), name);
  }

  /**
   * Returns the entry with this name, which has this hash. If there is none, it makes one of the name and of
   * `seed`.
   */
  obtain<Seed>(name: string, hash: number, make: (name: string, seed: Seed) => T, seed: Seed): T {
    return this.findAt(hash, name) ?? this.add(make(name, seed), hash);
  }

  private findAt(hash: number, name: string): T | undefined {
    let one = this.places[hash & (this.places.length - 1)];
    while (one !== undefined && (one.hash !== hash || one.name !== name)) one = one.next;
    return one;
  }

  private add(one: T, hash: number): T {
    if (++this.count > this.places.length) this.grow();
    one.hash = hash;
    this.link(one);
    return one;
  }

  /** Does nothing if it is not in the table. */
  remove(one: T): void {
    const { places } = this;
    const place = one.hash & (places.length - 1);
    let before = places[place];
    if (before === one) places[place] = one.next;
    else {
      while (before !== undefined && before.next !== one) before = before.next;
      if (before === undefined) return;
      before.next = one.next;
    }
    one.next = undefined;
    this.count--;
  }

  *values(): Generator<T> {
    for (const first of this.places) for (let one = first; one !== undefined; one = one.next) yield one;
  }

  private link(one: T): void {
    const place = one.hash & (this.places.length - 1);
    one.next = this.places[place];
    this.places[place] = one;
  }

  private grow(): void {
    const all = [...this.values()];
    this.places = new Array(this.places.length * 2).fill(undefined);
    for (const one of all) this.link(one);
  }
}
