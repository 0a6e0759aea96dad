import { writeFile } from 'node:fs/promises';
import { rounded } from './statistics.js';
import { formatTable } from './text-table.js';

/** A promise that the run tested. `bound` says which side of it is good. */
export interface Check {
  name: string;
  value: number;
  bound: { atLeast: number } | { atMost: number };
  ok: boolean;
}

export interface ReportedTable {
  title: string;
  columns: string[];
  rows: (string | number)[][];
}

/** A picture in a file of its own. */
export interface ReportedChart {
  title: string;
  file: string;
}

interface Heading {
  startedAt: string;
  quick: boolean;
  machine: Record<string, unknown>;
  versions: Record<string, string>;
}

/** Collects what a run found; prints as it goes, writes the figures at the end. */
export class Report {
  readonly checks: Check[] = [];
  readonly tables: ReportedTable[] = [];
  readonly charts: ReportedChart[] = [];
  readonly broken: { scenario: string; message: string }[] = [];
  private readonly details: Record<string, unknown> = {};

  constructor(private readonly heading: Heading) {}

  /** Names are kebab-case and stay the same between versions: others compare runs by them. */
  atLeast(name: string, value: number, bound: number): void {
    this.add({ name, value: shortOf(value, bound), bound: { atLeast: bound }, ok: value >= bound });
  }

  atMost(name: string, value: number, bound: number): void {
    this.add({ name, value: shortOf(value, bound), bound: { atMost: bound }, ok: value <= bound });
  }

  table(title: string, columns: string[], rows: (string | number)[][]): void {
    this.tables.push({ title, columns, rows });
    console.log(`\n${formatTable(title, columns, rows)}`);
  }

  async chart(title: string, file: string, svg: string): Promise<void> {
    await writeFile(file, svg);
    this.charts.push({ title, file });
    console.log(`  ${file}`);
  }

  note(text: string): void {
    console.log(`  ${text}`);
  }

  detail(name: string, value: unknown): void {
    this.details[name] = value;
  }

  /** A scenario that broke off: what it did not measure is absent, and the run is not ok. */
  brokeOff(scenario: string, error: unknown): void {
    const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.broken.push({ scenario, message });
    console.log(`  BROKE OFF: ${message}`);
  }

  get ok(): boolean {
    return this.broken.length === 0 && this.checks.every((check) => check.ok);
  }

  figures() {
    return {
      ...this.heading,
      checks: this.checks.map(({ name, value, bound, ok }) => ({ name, value, bound: boundOf(bound), ok })),
      details: { ...this.details, tables: this.tables, brokenOff: this.broken },
    };
  }

  async write(file: string): Promise<void> {
    await writeFile(file, `${JSON.stringify(this.figures(), null, 2)}\n`);
  }

  printSummary(): void {
    const rows = this.checks.map((check) => [
      check.ok ? 'ok' : 'MISSED',
      check.name,
      check.value,
      describeBound(check.bound),
    ]);
    console.log(`\n${formatTable('Promises', ['', 'name', 'value', 'bound'], rows)}`);
    for (const { scenario, message } of this.broken)
      console.log(`\n${scenario} broke off: ${message.split('\n')[0]}`);
  }

  private add(check: Check): void {
    this.checks.push(check);
    console.log(
      `  ${check.ok ? 'ok    ' : 'MISSED'} ${check.name}: ${check.value} (${describeBound(check.bound)})`,
    );
  }
}

function boundOf(bound: Check['bound']): number {
  return 'atLeast' in bound ? bound.atLeast : bound.atMost;
}

function describeBound(bound: Check['bound']): string {
  return 'atLeast' in bound ? `at least ${bound.atLeast}` : `at most ${bound.atMost}`;
}

/** Three digits, but for a value that they would put on its bound: it would read as kept where it was missed. */
function shortOf(value: number, bound: number): number {
  const short = rounded(value);
  return short === bound ? Number(value.toPrecision(5)) : short;
}
