/** How many names of events become values of an attribute. Each value is a series of its own. */
const MOST_NAMES = 200;
const OTHER = '_other';

/** Limits the names of events in metrics. The names after the first 200 count as `_other`. */
export class KnownEventNames {
  private readonly names = new Set<string>();

  of(eventName: string): string {
    if (this.names.has(eventName)) return eventName;
    if (this.names.size >= MOST_NAMES) return OTHER;
    this.names.add(eventName);
    return eventName;
  }
}
