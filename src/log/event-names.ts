/**
 * The largest number of names whose result is remembered. Names come from the log, so their number has no
 * bound. The class forgets all results when it reaches this number, and computes them again.
 */
const MOST_KNOWN = 10_000;

/** Splits names into exact names and prefixes. A prefix is what stands before a trailing `*`. */
export function splitNames(names: readonly string[]): { exact: string[]; prefixes: string[] } {
  return {
    exact: names.filter((name) => !name.endsWith('*')),
    prefixes: names.filter((name) => name.endsWith('*')).map((name) => name.slice(0, -1)),
  };
}

/** The event names that a cursor asks for. */
export class EventNames {
  private readonly exact: ReadonlySet<string>;
  private readonly prefixes: readonly string[];
  private readonly known = new Map<string, boolean>();

  constructor(readonly list: readonly string[]) {
    const { exact, prefixes } = splitNames(list);
    this.exact = new Set(exact);
    this.prefixes = prefixes;
  }

  match(eventName: string): boolean {
    const known = this.known.get(eventName);
    if (known !== undefined) return known;
    const found = this.exact.has(eventName) || this.prefixes.some((prefix) => eventName.startsWith(prefix));
    if (this.known.size >= MOST_KNOWN) this.known.clear();
    this.known.set(eventName, found);
    return found;
  }

  /** Whether both lists have the same entries in the same order. */
  equal(other: EventNames): boolean {
    return this.list.length === other.list.length && this.list.every((name, i) => name === other.list[i]);
  }
}
