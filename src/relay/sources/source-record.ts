import { RecentCounts, type RecentFigures } from '../relays/recent-counts.js';
import { LONGEST_WORDS, shortWords } from '../relays/relay-record.js';
import type { SourceDefinition } from './source-definition.js';
import type { SourceCounts } from './source-metrics.js';

const COUNTED = ['stored', 'repeated', 'rejected'] as const;

/** Something that happened to a source, and how many milliseconds ago. */
interface Happened {
  readonly msAgo: number;
  readonly reason: string;
}

/** What a process says of one of its sources. It is stored as JSON in the row of the process. */
export interface SourceReport extends Omit<RecentFigures<(typeof COUNTED)[number]>, 'latency'> {
  readonly name: string;
  readonly broker: string;
  readonly addresses: readonly string[];
  readonly lastRejection: Happened | null;
  /** Why the source cannot go on, and since when. Null if it can. */
  readonly failing: Happened | null;
}

/** What became of the messages of one source in this process. */
export class SourceRecord {
  private readonly recent = new RecentCounts(COUNTED);
  private rejection: { readonly at: number; readonly reason: string } | undefined;
  /** The steps that fail now, since when each of them does, and why. */
  private readonly failing = new Map<string, { readonly since: number; readonly reason: string }>();

  constructor(private readonly source: SourceDefinition) {}

  stored(counts: SourceCounts, rejection: string | undefined): void {
    for (const name of COUNTED) this.recent.add(name, counts[name]);
    if (rejection !== undefined)
      this.rejection = { at: performance.now(), reason: rejection.slice(0, LONGEST_WORDS) };
  }

  failed(step: string, error: unknown): void {
    const since = this.failing.get(step)?.since ?? performance.now();
    this.failing.set(step, { since, reason: shortWords(error) });
  }

  worked(step: string): void {
    this.failing.delete(step);
  }

  /** Nothing is left to be done: there are no messages, or the lease has ended. */
  rested(): void {
    this.failing.clear();
  }

  report(): SourceReport {
    const { broker, addresses = [], options } = this.source;
    const { seconds, counts } = this.recent.figures();
    const { rejection } = this;
    const [failing] = [...this.failing.values()].sort((one, other) => one.since - other.since);
    return {
      name: options.name,
      broker,
      addresses,
      seconds,
      counts,
      lastRejection: rejection === undefined ? null : happened(rejection.at, rejection.reason),
      failing: failing === undefined ? null : happened(failing.since, failing.reason),
    };
  }
}

function happened(at: number, reason: string): Happened {
  return { msAgo: performance.now() - at, reason };
}
