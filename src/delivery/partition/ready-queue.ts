/** In one of this many takes the lowest priority is first, so that it always makes progress. */
const LOWEST_EVERY = 10;

interface Level<T> {
  readonly priority: number;
  items: T[];
  head: number;
}

/**
 * The entries that are ready, by priority. A higher number is first. Within one priority they are in the
 * order of arrival. The lowest priority still gets one take in ten.
 */
export class ReadyQueue<T> {
  /** The levels, highest priority first. There is one for each priority in use, mostly one in all. */
  private readonly levels: Level<T>[] = [];
  private count = 0;
  private takes = 0;

  get isEmpty(): boolean {
    return this.count === 0;
  }

  get size(): number {
    return this.count;
  }

  push(item: T, priority: number): void {
    this.count++;
    this.levelOf(priority).items.push(item);
  }

  take(): T | undefined {
    if (this.count === 0) return undefined;
    this.takes++;
    const filled =
      this.levels.length === 1 ? this.levels : this.levels.filter(({ items, head }) => head < items.length);
    const level = this.takes % LOWEST_EVERY === 0 ? filled.at(-1) : filled[0];
    if (level === undefined) return undefined;
    this.count--;
    const item = level.items[level.head++] as T;
    if (level.head > 1_000 && level.head * 2 > level.items.length) {
      level.items = level.items.slice(level.head);
      level.head = 0;
    } else if (level.head === level.items.length) {
      level.items.length = 0;
      level.head = 0;
    }
    return item;
  }

  private levelOf(priority: number): Level<T> {
    let index = 0;
    for (; index < this.levels.length; index++) {
      const level = this.levels[index] as Level<T>;
      if (level.priority === priority) return level;
      if (level.priority < priority) break;
    }
    const level: Level<T> = { priority, items: [], head: 0 };
    this.levels.splice(index, 0, level);
    return level;
  }
}
