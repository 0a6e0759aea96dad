import { heading, line, style } from './screen.js';

/** Something that must hold, and whether it did. */
export interface Check {
  /** Stable, for machines. */
  name: string;
  value: number;
  /** What `value` must be, or with `<=` and `>=` the limit it must keep. */
  bound: string;
  ok: boolean;
}

/** The promises that a run tests. */
export class Checks {
  readonly all: Check[] = [];

  equal(name: string, value: number, expected: number): void {
    this.all.push({ name, value, bound: `= ${expected}`, ok: value === expected });
  }

  atLeast(name: string, value: number, least: number): void {
    this.all.push({ name, value, bound: `>= ${least}`, ok: value >= least });
  }

  atMost(name: string, value: number, most: number): void {
    this.all.push({ name, value, bound: `<= ${most}`, ok: value <= most });
  }

  get ok(): boolean {
    return this.all.every(({ ok }) => ok);
  }

  print(): void {
    heading('What must hold');
    const width = Math.max(...this.all.map(({ name }) => name.length));
    for (const { name, value, bound, ok } of this.all) {
      const mark = ok ? style('green', '✔') : style('red', '✘');
      const figures = `${Number.isInteger(value) ? value : value.toFixed(1)} (${bound})`;
      line(`${mark} ${name.padEnd(width)}  ${ok ? style('dim', figures) : style('red', figures)}`);
    }
  }
}
