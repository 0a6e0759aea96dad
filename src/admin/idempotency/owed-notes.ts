import { LatestEntries } from '../../words/latest-entries.js';

/** Milliseconds between two tries. */
const AGAIN_MS = 1_000;
/** If there are more, the oldest is given up. Its key is then refused until it is deleted. */
const MOST_OWED = 1_000;

/** What could not be written because the database was away. It is written when the database is back. */
export class OwedNotes {
  private readonly owed = new LatestEntries<string, () => Promise<void>>(MOST_OWED);
  private timer: NodeJS.Timeout | undefined;
  private isStopped = false;

  /** Writes it now, or else later. Never rejects. A later note of the same id replaces an earlier one. */
  async write(id: string, write: () => Promise<void>): Promise<void> {
    this.owed.delete(id);
    await write().catch(() => {
      this.owed.set(id, write);
      this.tryLater();
    });
  }

  /** Tries again what is owed. Never rejects. */
  async tryAgain(): Promise<void> {
    for (const [id, write] of [...this.owed]) {
      try {
        await write();
        this.owed.delete(id);
      } catch {
        // The database is still away, so the others would fail as well.
        return;
      }
    }
  }

  stop(): void {
    this.isStopped = true;
    clearTimeout(this.timer);
  }

  private tryLater(): void {
    if (this.timer !== undefined || this.isStopped) return;
    this.timer = setTimeout(async () => {
      await this.tryAgain();
      this.timer = undefined;
      if (this.owed.size > 0) this.tryLater();
    }, AGAIN_MS).unref();
  }
}
