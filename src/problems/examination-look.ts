import type { DoctorService } from '../maintenance/doctor.js';
import type { Examination } from '../maintenance/finding.js';

/** How old an examination may be before a new one is begun, in milliseconds. */
const FRESH_MS = 60_000;

/**
 * The last examination of the doctor. It takes seconds on a large database, and who looks at what is wrong
 * should not wait for it: an older examination is shown while a new one is under way.
 */
export class ExaminationLook {
  private last: { readonly at: number; readonly examination: Examination } | undefined;
  private underWay: Promise<Examination | undefined> | undefined;

  /** @param waitMs how long the first examination is waited for */
  constructor(
    private readonly doctor: DoctorService,
    private readonly waitMs: number,
  ) {}

  /** Undefined while the first one is under way, and if it failed. */
  async latest(): Promise<Examination | undefined> {
    if (this.last === undefined || performance.now() - this.last.at > FRESH_MS) {
      this.underWay ??= this.examine();
      if (this.last === undefined) await Promise.race([this.underWay, this.waited()]);
    }
    return this.last?.examination;
  }

  private async examine(): Promise<Examination | undefined> {
    try {
      const examination = await this.doctor.examine();
      this.last = { at: performance.now(), examination };
      return examination;
    } catch {
      // The other sources meet the same database, and say what is wrong with it.
      return undefined;
    } finally {
      this.underWay = undefined;
    }
  }

  private waited(): Promise<void> {
    if (this.waitMs === Number.POSITIVE_INFINITY) return new Promise(() => undefined);
    return new Promise((resolve) => setTimeout(resolve, this.waitMs).unref());
  }
}
