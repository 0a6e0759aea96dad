import type { RefusedStep } from './refusal.js';
import type { RefusedRequest } from './refused-request.js';

/** What became of a request. A request that is `invalid` was accepted too, so it is counted as both. */
export type CountedOutcome = 'accepted' | 'repeated' | 'handshake' | 'invalid' | 'failed' | RefusedStep;

/** So many refused requests of each source are kept: the last ones. */
export const KEPT_REFUSALS = 50;

/** A genuine delivery was taken. A handshake does not count, because anybody may ask for one. */
const GOOD: ReadonlySet<CountedOutcome> = new Set(['accepted', 'repeated']);

/** A tally as it is written. Times are how long ago something was, in milliseconds. */
export interface WrittenTally {
  readonly source: string;
  readonly counts: Readonly<Record<string, number>>;
  readonly acceptedMsAgo: number | null;
  readonly refusedMsAgo: number | null;
  /** The first refusal behind the last delivery that was taken. */
  readonly refusedSinceMsAgo: number | null;
  /** How many were refused since then. */
  readonly refusedInRow: number;
  readonly refusals: readonly (RefusedRequest & { readonly msAgo: number })[];
}

/**
 * What became of the requests of one source, for as long as it is not written. Its size is bounded, however
 * many requests come. Times are of the clock of the process that never goes back.
 */
export class SourceTally {
  private readonly counts = new Map<CountedOutcome, number>();
  private acceptedAt: number | undefined;
  private refusedAt: number | undefined;
  private refusedSince: number | undefined;
  private refusedInRow = 0;
  private refusals: { readonly at: number; readonly request: RefusedRequest }[] = [];

  constructor(readonly source: string) {}

  add(outcome: CountedOutcome, at: number): void {
    this.counts.set(outcome, (this.counts.get(outcome) ?? 0) + 1);
    if (!GOOD.has(outcome)) return;
    this.acceptedAt = at;
    this.refusedSince = undefined;
    this.refusedInRow = 0;
  }

  /** Notes a delivery that was refused. It is counted too. */
  refuse(request: RefusedRequest, at: number): void {
    this.add(request.step, at);
    this.refusedAt = at;
    this.refusedSince ??= at;
    this.refusedInRow++;
    this.refusals.push({ at, request });
    if (this.refusals.length > KEPT_REFUSALS) this.refusals.shift();
  }

  /** Adds what came later than all of this. */
  append(later: SourceTally): void {
    for (const [outcome, count] of later.counts)
      this.counts.set(outcome, (this.counts.get(outcome) ?? 0) + count);
    const isRefusedOnly = later.acceptedAt === undefined;
    this.refusedSince = isRefusedOnly ? (this.refusedSince ?? later.refusedSince) : later.refusedSince;
    this.refusedInRow = later.refusedInRow + (isRefusedOnly ? this.refusedInRow : 0);
    this.acceptedAt = later.acceptedAt ?? this.acceptedAt;
    this.refusedAt = later.refusedAt ?? this.refusedAt;
    this.refusals = [...this.refusals, ...later.refusals].slice(-KEPT_REFUSALS);
  }

  written(now: number): WrittenTally {
    const ago = (at: number | undefined) => (at === undefined ? null : now - at);
    return {
      source: this.source,
      counts: Object.fromEntries(this.counts),
      acceptedMsAgo: ago(this.acceptedAt),
      refusedMsAgo: ago(this.refusedAt),
      refusedSinceMsAgo: ago(this.refusedSince),
      refusedInRow: this.refusedInRow,
      refusals: this.refusals.map(({ at, request }) => ({ ...request, msAgo: now - at })),
    };
  }
}
