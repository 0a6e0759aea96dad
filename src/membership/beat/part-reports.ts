import { Injectable } from '@nestjs/common';

/** What a part of the package says of this process. It is written as JSON. */
export type PartReport = Readonly<Record<string, unknown>>;

/**
 * What the parts of the package say of this process, for people who look at it. Each renewal of the heartbeat
 * asks them, and writes it into the row of the process. So a report is small, and costs no statement.
 *
 * The heartbeat must not fail because of a report, since all consumers of the process depend on it. So a part
 * whose report fails is left out, and what Postgres cannot store in a text is replaced.
 */
@Injectable()
export class PartReports {
  private readonly reports = new Map<string, () => PartReport>();

  /** `report` is called with each renewal, as long as the process lives. A part has one report. */
  add(part: string, report: () => PartReport): void {
    this.reports.set(part, report);
  }

  /** The reports as JSON, by the names of their parts. Null if no part has one. */
  json(): string | null {
    if (this.reports.size === 0) return null;
    const said = [...this.reports].flatMap(([part, report]) => {
      try {
        return [`${JSON.stringify(part)}:${JSON.stringify(report(), storable)}`];
      } catch {
        return [];
      }
    });
    return `{${said.join()}}`;
  }
}

function storable(_: string, value: unknown): unknown {
  return typeof value === 'string' ? value.toWellFormed().replaceAll('\0', '\ufffd') : value;
}
