/**
 * Event names come from the log, so their number is not ours to bound; beyond this what is known of them is
 * found out anew.
 */
const MOST_KNOWN = 10_000;

/** Exact names, and what stands before the trailing `*` of the others. */
export function splitNames(names: readonly string[]): { exact: string[]; prefixes: string[] } {
  return {
    exact: names.filter((name) => !name.endsWith('*')),
    prefixes: names.filter((name) => name.endsWith('*')).map((name) => name.slice(0, -1)),
  };
}

/** The names that a cursor asks for. */
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

  /** Whether both ask for the same, in the same words. */
  equal(other: EventNames): boolean {
    return this.list.length === other.list.length && this.list.every((name, i) => name === other.list[i]);
  }
}
