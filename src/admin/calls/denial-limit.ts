import { LatestEntries } from '../../words/latest-entries.js';
import type { AdminAction } from '../options/admin-action.js';

const WINDOW_MS = 600_000;
/** How many denials of one person and action are noted in that time. One read is as good as many. */
const MOST_READS = 1;
const MOST_CHANGES = 20;
/** As many persons and actions are known. The oldest is forgotten, and noted again when it comes back. */
const MOST_KNOWN = 10_000;

interface Known {
  readonly since: number;
  noted: number;
  /** How many were not noted. */
  unnoted: number;
}

/** Decides which denials are noted: some of each person and action, and how many there were besides. */
export class DenialLimit {
  private readonly known = new LatestEntries<string, Known>(MOST_KNOWN);

  constructor(private readonly now: () => number = () => performance.now()) {}

  /**
   * Undefined if this denial is only counted. Otherwise `unnoted` is how many of the same person and action
   * were only counted since the last one that was noted.
   */
  take(actor: string, action: AdminAction): { readonly unnoted: number } | undefined {
    const key = `${action} ${actor}`;
    const known = this.known.get(key);
    if (known === undefined || this.now() - known.since >= WINDOW_MS) {
      this.remember(key);
      return { unnoted: known?.unnoted ?? 0 };
    }
    if (known.noted >= (action.endsWith('.read') ? MOST_READS : MOST_CHANGES)) {
      known.unnoted++;
      return undefined;
    }
    known.noted++;
    return { unnoted: 0 };
  }

  private remember(key: string): void {
    this.known.set(key, { since: this.now(), noted: 1, unnoted: 0 });
  }
}
