import { setTimeout as delay } from 'node:timers/promises';

/**
 * Milliseconds. A reader of metrics gives up after ten seconds as a rule. It then loses all metrics of the
 * process because of those few that come from the database.
 */
const WAITED_MS = 2_000;

/**
 * Values of the database for metrics. Several readers of metrics, and one who reads often, cost no more than
 * one reading in `keptMs` milliseconds.
 */
export class KeptReading<R> {
  private latest: R | undefined;
  private latestAt = performance.now();
  private underWay: Promise<void> | undefined;

  /** `readNow` resolves to undefined if nothing could be read. */
  constructor(
    private readonly readNow: () => Promise<R | undefined>,
    private readonly keptMs: number,
  ) {}

  /** Seconds since something was read, or since the start. */
  get age(): number {
    return (performance.now() - this.latestAt) / 1_000;
  }

  /**
   * Resolves to undefined if the database gives no answer within two seconds. Values of the last seconds are
   * given again.
   */
  async read(): Promise<R | undefined> {
    const { latest, latestAt, keptMs } = this;
    if (latest !== undefined && performance.now() - latestAt < keptMs) return latest;
    // There is one reading at a time, however many ask, and however long the database takes.
    this.underWay ??= this.readAnother();
    await within(WAITED_MS, this.underWay);
    return this.latest === latest ? undefined : this.latest;
  }

  private async readAnother(): Promise<void> {
    try {
      const reading = await this.readNow();
      if (reading === undefined) return;
      this.latest = reading;
      this.latestAt = performance.now();
    } catch {
      // The age of the last reading tells it.
    } finally {
      this.underWay = undefined;
    }
  }
}

async function within(ms: number, work: Promise<void>): Promise<void> {
  const late = new AbortController();
  const waited = delay(ms, undefined, { signal: late.signal }).catch(() => {});
  await Promise.race([work, waited]);
  late.abort();
}
