import { writeFileSync } from 'node:fs';

/** A promise that the run tested. */
export interface Check {
  readonly name: string;
  readonly value: number;
  readonly bound: number;
  readonly rule: 'exactly' | 'at most' | 'at least';
  readonly ok: boolean;
}

interface Heading {
  readonly startedAt: string;
  readonly machine: Record<string, unknown>;
  readonly versions: Record<string, string>;
}

/** Collects what a run found; prints as it goes. What was not measured is absent. */
export class Report {
  readonly checks: Check[] = [];
  private readonly details: Record<string, unknown> = {};
  private readonly skipped: { scenario: string; reason: string }[] = [];
  private readonly broken: { scenario: string; message: string }[] = [];
  private endedBy: string | undefined;

  constructor(private readonly heading: Heading) {}

  /** Names are kebab-case and stay the same between versions: others compare runs by them. */
  exactly(name: string, value: number, bound: number): void {
    this.add({ name, value, bound, rule: 'exactly', ok: value === bound });
  }

  atMost(name: string, value: number, bound: number): void {
    this.add({ name, value, bound, rule: 'at most', ok: value <= bound });
  }

  atLeast(name: string, value: number, bound: number): void {
    this.add({ name, value, bound, rule: 'at least', ok: value >= bound });
  }

  /** A figure without a bound. */
  figure(name: string, value: number | string): void {
    this.details[name] = typeof value === 'number' ? rounded(value) : value;
    console.log(`         ${name}: ${this.details[name]}`);
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

  /** What could not be run here. It counts neither as passed nor as failed. */
  skip(scenario: string, reason: string): void {
    this.skipped.push({ scenario, reason });
    console.log(`  SKIPPED ${scenario}: ${reason}`);
  }

  /** The run was ended from outside. What was not measured until then is absent. */
  ended(by: string): void {
    this.endedBy = by;
  }

  get ok(): boolean {
    return this.checks.length > 0 && this.broken.length === 0 && this.checks.every((check) => check.ok);
  }

  printTable(): void {
    const lines = this.checks.map((check) => [
      check.ok ? 'ok' : 'MISSED',
      check.name,
      String(check.value),
      `${check.rule} ${check.bound}`,
    ]);
    const all = [['', 'check', 'value', 'bound'], ...lines];
    const widths = [0, 1, 2, 3].map((column) => Math.max(...all.map((line) => line[column]?.length ?? 0)));
    console.log('');
    for (const line of all)
      console.log(`  ${line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}`);
    for (const { scenario, reason } of this.skipped) console.log(`\n  ${scenario} was skipped: ${reason}`);
    for (const { scenario, message } of this.broken)
      console.log(`\n  ${scenario} broke off: ${message.split('\n')[0]}`);
  }

  write(file: string): void {
    const checks = this.checks.map(({ name, value, bound, ok }) => ({ name, value, bound, ok }));
    const rules = Object.fromEntries(this.checks.map(({ name, rule }) => [name, rule]));
    const figures = {
      ...this.heading,
      checks,
      details: {
        ...this.details,
        rules,
        skipped: this.skipped,
        brokenOff: this.broken,
        ...(this.endedBy === undefined ? {} : { endedBy: this.endedBy }),
      },
    };
    writeFileSync(file, `${JSON.stringify(figures, null, 2)}\n`);
  }

  private add(check: Check): void {
    const shown = { ...check, value: rounded(check.value), bound: rounded(check.bound) };
    this.checks.push(shown);
    console.log(
      `  ${check.ok ? 'ok    ' : 'MISSED'} ${check.name}: ${shown.value} (${check.rule} ${shown.bound})`,
    );
  }
}

function rounded(value: number): number {
  return Number(value.toFixed(Math.abs(value) >= 100 ? 1 : 3));
}
