import { hashOfName } from '../../events/aggregate-key.js';

/** An entry of the table. It is in at most one table, and there only once. */
export interface Named<T> {
  readonly name: string;
  /** The hash of its name. Only the table sets it. */
  hash: number;
  /** The next entry whose hash falls into the same place. Only the table sets it. */
  next: T | undefined;
}

const FIRST_PLACES = 64;

/**
 * A table of queues by name, for names that come and go: nearly every event adds one and removes one. A Map
 * copies itself into a new table whenever as many names were removed as are in it. When the Map is in the old
 * generation, each table that it leaves is garbage of the old generation. Such a table keeps its entries from
 * being collected with the young generation. This table copies nothing, and it keeps nothing of a removed
 * entry.
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

  /** Returns the entry with this name and this hash. If there is none, makes one from the name and `seed`. */
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

  /** Removes the entry. Does nothing if the entry is not in the table. */
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
