import { Injectable } from '@nestjs/common';

/** What a part of the package says of this process. It is written as JSON. */
export type PartReport = Readonly<Record<string, unknown>>;

/**
 * What the parts of the package say of this process, for people who look at it. Each renewal of the heartbeat
 * asks them, and writes it into the row of the process. So a report is small, and costs no statement.
 */
@Injectable()
export class PartReports {
  private readonly reports = new Map<string, () => PartReport>();

  /** `report` is called with each renewal, as long as the process lives. A part has one report. */
  add(part: string, report: () => PartReport): void {
    this.reports.set(part, report);
  }

  /** The reports by the names of their parts. Null if no part has one. */
  all(): Readonly<Record<string, PartReport>> | null {
    if (this.reports.size === 0) return null;
    return Object.fromEntries([...this.reports].map(([part, report]) => [part, report()]));
  }
}
