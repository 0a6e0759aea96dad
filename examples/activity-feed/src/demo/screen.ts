import { styleText } from 'node:util';

const TTY = process.stdout.isTTY === true;
const COLOUR = TTY && process.env.NO_COLOR === undefined;
const BAR_WIDTH = 30;

type Style = 'bold' | 'dim' | 'green' | 'red' | 'yellow';

export function style(as: Style, text: string): string {
  return COLOUR ? styleText(as, text) : text;
}

export function line(text = ''): void {
  process.stdout.write(`${text}\n`);
}

/** A step that is done, with the seconds it took. */
export function done(text: string, milliseconds?: number): void {
  const took = milliseconds === undefined ? '' : style('dim', `  ${seconds(milliseconds)}`);
  line(`${style('green', '✔')} ${text}${took}`);
}

/** A step that went wrong. */
export function failed(text: string): void {
  line(`${style('red', '✘')} ${text}`);
}

export function heading(text: string): void {
  line();
  line(style('bold', text));
}

export function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(1)} s`;
}

export function duration(milliseconds: number | undefined): string {
  if (milliseconds === undefined) return '–';
  if (milliseconds < 10) return `${milliseconds.toFixed(1)} ms`;
  return milliseconds < 10_000 ? `${Math.round(milliseconds)} ms` : seconds(milliseconds);
}

/** Columns as wide as their widest cell; the first to the left, numbers to the right. */
export function table(header: string[], rows: string[][]): void {
  const widths = header.map((cell, column) =>
    Math.max(cell.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const format = (row: string[]) =>
    row
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join('  ');
  line(style('dim', format(header)));
  for (const row of rows) line(format(row));
}

/** A bar that is redrawn on a terminal; elsewhere a line for each quarter. */
export class ProgressBar {
  private quarter = 0;

  constructor(
    private readonly text: string,
    private readonly total: number,
  ) {
    if (!TTY) line(`${text} …`);
  }

  /** `total` where it has grown since. */
  show(current: number, total = this.total): void {
    const share = total === 0 ? 1 : Math.min(current / total, 1);
    if (TTY) {
      const full = Math.round(share * BAR_WIDTH);
      const bar = '█'.repeat(full) + style('dim', '░'.repeat(BAR_WIDTH - full));
      process.stdout.write(`\r\x1b[K${this.text}  ${bar}  ${current}/${total}`);
      return;
    }
    const quarter = Math.floor(share * 4);
    if (quarter > this.quarter) line(`  ${current}/${total}`);
    this.quarter = Math.max(quarter, this.quarter);
  }

  /** Takes the bar off the screen, so that a line may follow. */
  clear(): void {
    if (TTY) process.stdout.write('\r\x1b[K');
  }
}
