/** So many commits, found by looks so soon after each other, are a stream, even if each was alone. */
const STREAM_COMMITS = 4;
const STREAM_MS = 15;
/**
 * Where publishes come in a stream, each look is followed by a rest of so many times its length: commits are
 * found more of them at a time, and the looks take a few hundredths of what the publishers have. Never a
 * longer rest: on a machine with too much to do every look takes long, and the consumers would be told later
 * and later. A lone publish has rests enough between its ages.
 */
const REST_PER_LOOK = 20;
const MAX_REST_MS = 12;
/**
 * A stream that has brought so many and goes on is announced instead: whoever listens reads on by itself for
 * a while.
 */
const ANNOUNCED_COMMITS = 7;
const ANNOUNCED_REST_MS = 100;
/** For so long: until the next look can have announced it again. */
export const ANNOUNCED_FOR_MS = 150;

/** A look for commits that has begun. */
export interface CommitLook {
  readonly startedAt: number;
  /** It follows the one before as in a stream. */
  readonly goesOn: boolean;
  /** It is a stream's for certain: whoever is told of what it finds is told that more will come. */
  readonly announced: boolean;
  /** So many publishes are looked for. */
  readonly due: number;
}

/**
 * Tells from what looks find whether commits come in a stream, and so how long to rest until the next look.
 * Times in milliseconds.
 */
export class CommitStream {
  /**
   * Found by looks that followed each other as in a stream; what the first of them found counts as one, since
   * it may be all of a burst.
   */
  private commits = 0;
  /** When the rest after the last look that found something was over, and how long it was. */
  private restedUntil = Number.NEGATIVE_INFINITY;
  private restedMs = 0;

  /** A look for so many publishes; `forAll`: for all that are due. */
  lookBegins(due: number, forAll: boolean, startedAt: number): CommitLook {
    const goesOn = startedAt - this.restedUntil < STREAM_MS && due * STREAM_MS >= this.restedMs;
    return { startedAt, goesOn, announced: goesOn && forAll && this.commits >= ANNOUNCED_COMMITS, due };
  }

  /** How long to rest after a look that ends now and found so many. */
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
