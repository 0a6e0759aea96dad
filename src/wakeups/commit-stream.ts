/**
 * Looks that follow each other within STREAM_MS and find this many commits have found a stream, even if each
 * look found only one.
 */
const STREAM_COMMITS = 4;
const STREAM_MS = 15;
/**
 * In a stream, each look is followed by a rest of this many times its length. So each look finds more
 * commits, and the looks take only a small part of the time that the publishers have. The rest never exceeds
 * MAX_REST_MS: on an overloaded machine every look takes long, and without a maximum the consumers would be
 * told later and later. A lone publish needs no rest, because there are pauses between the ages at which it
 * is looked for.
 */
const REST_PER_LOOK = 20;
const MAX_REST_MS = 12;
/**
 * A stream that has brought this many commits and goes on is announced. A process that listens then keeps
 * reading by itself for a while, so the next look can rest longer.
 */
const ANNOUNCED_COMMITS = 7;
const ANNOUNCED_REST_MS = 100;
/**
 * Milliseconds for which an announced stream counts as going on. This is long enough for the next look to
 * announce it again.
 */
export const ANNOUNCED_FOR_MS = 150;

/** A look for commits that has begun. */
export interface CommitLook {
  readonly startedAt: number;
  /** Whether it follows the look before as closely as in a stream. */
  readonly goesOn: boolean;
  /**
   * Whether this is certainly a stream. Then whoever is told of the commits that are found is also told that
   * more will come.
   */
  readonly announced: boolean;
  /** The number of publishes that are looked for. */
  readonly due: number;
}

/**
 * Decides from the results of looks whether commits come in a stream, and how long to rest until the next
 * look. Times are in milliseconds.
 */
export class CommitStream {
  /**
   * The number of commits found by looks that followed each other as in a stream. The commits of the first
   * look count as one, because they may be all of a burst.
   */
  private commits = 0;
  /** The time at which the rest after the last successful look ends. */
  private restedUntil = Number.NEGATIVE_INFINITY;
  private restedMs = 0;

  /** Begins a look for `due` publishes. `forAll`: it looks for all that are due. */
  lookBegins(due: number, forAll: boolean, startedAt: number): CommitLook {
    const goesOn = startedAt - this.restedUntil < STREAM_MS && due * STREAM_MS >= this.restedMs;
    return { startedAt, goesOn, announced: goesOn && forAll && this.commits >= ANNOUNCED_COMMITS, due };
  }

  /** The time to rest after a look that ends now and found `found` commits. */
  restAfter({ startedAt, goesOn, announced, due }: CommitLook, found: number, now: number): number {
    if (found > 0) this.commits = goesOn ? this.commits + found : 1;
    const isStream = due > 1 || this.commits >= STREAM_COMMITS;
    const short = isStream ? Math.min((now - startedAt) * REST_PER_LOOK, MAX_REST_MS) : 0;
    if (found === 0) return short;
    this.restedMs = announced ? ANNOUNCED_REST_MS : short;
    this.restedUntil = now + this.restedMs;
    return this.restedMs;
  }
}
