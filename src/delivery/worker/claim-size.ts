/** Milliseconds. At the pace of the last rows, a row that is claimed now runs within this time. */
const AHEAD_MS = 100;
/** How many rows are claimed ahead at most. After a kill, each of them may have to run exclusively. */
const MOST_AHEAD = 500;
/** No row is claimed ahead if more claimed rows than this wait behind others of their aggregates. */
const MOST_FOLLOWING = 500;

/** What was claimed and has no outcome. */
export interface ClaimsInHand {
  /** How many rows could run at the same time, if there were places for all of them. */
  readonly leading: number;
  /** How many rows run after one that was claimed with them, in its place. */
  readonly following: number;
}

/**
 * Decides how many due rows are claimed before there is a place for them. A claim is a statement and a
 * commit. If it took no more rows than there are free places, a consumer with many due rows would wait for
 * the disk after every handful of them.
 *
 * A claim has a price, so not everything is claimed at once. It counts an attempt. The row is `processing`
 * although nothing runs, and nobody else can take it. If the process is killed, each row that it had claimed
 * runs exclusively once (docs/decisions/0004). So the number follows the pace of the last rows: it is what
 * ends in a tenth of a second. Slow handlers get hardly more rows than they have places.
 */
export class ClaimSize {
  /** How many rows are claimed in addition to those that have a place. */
  private ahead = 0;
  /** How many rows were in hand when the last claim was answered, and when that was (monotonic ms). */
  private last: { readonly leading: number; readonly at: number } | undefined;
  /** When all of them had ended. What comes later says nothing of their pace. */
  private allEndedAt: number | undefined;

  constructor(private readonly places: number) {}

  /** How many rows to claim now. 0 means that a claim is not worth a statement yet. */
  next(inHand: ClaimsInHand): number {
    if (!this.isWorthwhile(inHand)) return 0;
    this.follow(inHand);
    return this.wanted(inHand);
  }

  isWorthwhile(inHand: ClaimsInHand): boolean {
    return this.wanted(inHand) > 0;
  }

  /** Called when the rows of a claim are in hand. */
  claimed({ leading }: ClaimsInHand): void {
    this.last = { leading, at: performance.now() };
    this.allEndedAt = undefined;
  }

  /** Called when a row has ended. */
  ended({ leading }: ClaimsInHand): void {
    if (leading === 0) this.allEndedAt ??= performance.now();
  }

  /** Called while there are suspects. No row is claimed that would have to wait for its turn. */
  onlyForPlaces(): void {
    this.ahead = 0;
    this.last = undefined;
  }

  /** While more than half of the rows ahead are in hand, every place has a row, and a claim can wait. */
  private wanted({ leading, following }: ClaimsInHand): number {
    const ahead = following > MOST_FOLLOWING ? 0 : this.ahead;
    const free = this.places + ahead - leading;
    return free < ahead / 2 ? 0 : Math.max(0, free);
  }

  private follow({ leading }: ClaimsInHand): void {
    if (this.last === undefined) return;
    const ended = Math.max(0, this.last.leading - leading);
    const ms = Math.max(1, (this.allEndedAt ?? performance.now()) - this.last.at);
    // A few rows may have been quick by chance, so the number grows step by step.
    const most = Math.min(MOST_AHEAD, 2 * (ended + this.places));
    this.ahead = Math.min(most, Math.floor((ended / ms) * AHEAD_MS));
  }
}
