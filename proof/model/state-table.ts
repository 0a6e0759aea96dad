/**
 * The states reached so far, in the order they were reached: packed words, the state each was reached from,
 * and the ordinary steps that lead out of each. Open addressing over typed arrays, doubled when they are full.
 */
export class StateTable {
  size = 0;
  private words: Uint32Array;
  private parents: Int32Array = new Int32Array(1024);
  private slots: Int32Array = new Int32Array(4096).fill(-1);
  private edgeStarts: Int32Array = new Int32Array(1024);
  private edges: Int32Array = new Int32Array(4096);
  private expanded = 0;
  private edgeCount = 0;

  constructor(private readonly width: number) {
    this.words = new Uint32Array(1024 * width);
  }

  /** The index of the state with these words; added, with its parent, if it was not there. */
  indexOf(words: Uint32Array, parent: number): number {
    let slot = this.hash(words, 0) & (this.slots.length - 1);
    for (let found = this.at(slot); found >= 0; found = this.at(slot)) {
      if (this.holds(found, words)) return found;
      slot = (slot + 1) & (this.slots.length - 1);
    }
    return this.add(words, parent, slot);
  }

  holds(index: number, words: Uint32Array): boolean {
    const base = index * this.width;
    for (let i = 0; i < this.width; i++) if (this.words[base + i] !== words[i]) return false;
    return true;
  }

  load(index: number, into: Uint32Array): void {
    const base = index * this.width;
    for (let i = 0; i < this.width; i++) into[i] = this.words[base + i] ?? 0;
  }

  parentOf(index: number): number {
    return this.parents[index] ?? -1;
  }

  /** Edges are added for one state after the other, in the order of their indexes. */
  beginEdges(): void {
    if (this.expanded + 1 >= this.edgeStarts.length) this.edgeStarts = doubled(this.edgeStarts);
    this.edgeStarts[this.expanded] = this.edgeCount;
    this.expanded += 1;
    this.edgeStarts[this.expanded] = this.edgeCount;
  }

  addEdge(to: number): void {
    if (this.edgeCount === this.edges.length) this.edges = doubled(this.edges);
    this.edges[this.edgeCount++] = to;
    this.edgeStarts[this.expanded] = this.edgeCount;
  }

  someEdge(from: number, test: (to: number) => boolean): boolean {
    const end = this.edgeStarts[from + 1] ?? 0;
    for (let i = this.edgeStarts[from] ?? 0; i < end; i++) if (test(this.edges[i] ?? 0)) return true;
    return false;
  }

  private add(words: Uint32Array, parent: number, slot: number): number {
    const index = this.size++;
    if (index === this.parents.length) {
      this.parents = doubled(this.parents);
      const wider = new Uint32Array(this.words.length * 2);
      wider.set(this.words);
      this.words = wider;
    }
    this.words.set(words, index * this.width);
    this.parents[index] = parent;
    this.slots[slot] = index;
    if (this.size * 2 > this.slots.length) this.rehash();
    return index;
  }

  private rehash(): void {
    const mask = this.slots.length * 2 - 1;
    this.slots = new Int32Array(mask + 1).fill(-1);
    for (let i = 0; i < this.size; i++) {
      let slot = this.hash(this.words, i * this.width) & mask;
      while (this.at(slot) >= 0) slot = (slot + 1) & mask;
      this.slots[slot] = i;
    }
  }

  private at(slot: number): number {
    return this.slots[slot] ?? -1;
  }

  private hash(words: Uint32Array, base: number): number {
    let hash = 0x9e3779b9;
    for (let i = 0; i < this.width; i++) {
      hash = Math.imul(hash ^ (words[base + i] ?? 0), 0x85ebca6b);
      hash ^= hash >>> 15;
    }
    hash = Math.imul(hash, 0xc2b2ae35);
    return hash ^ (hash >>> 16);
  }
}

function doubled(array: Int32Array): Int32Array {
  const wider = new Int32Array(array.length * 2);
  wider.set(array);
  return wider;
}
