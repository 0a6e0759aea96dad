import { readFileSync, writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { ROOT } from '../../support/pages.js';
import { LARGE } from './many-dead-letters.js';

const FILE = join(ROOT, 'docs/guide/operate/twenty-tasks.md');
/** The columns of the table, from the left. */
const TASK = 1;
const CLICKS = 2;
const SECONDS = 3;

/** The table of the guide: it says of each task how many clicks it takes, and how long it took. */
export class TaskTable {
  private readonly measured = new Map<string, number>();
  private readonly clicks: ReadonlyMap<string, number>;

  constructor() {
    const rows = linesOf(readFileSync(FILE, 'utf8')).map(cellsOf);
    this.clicks = new Map(rows.map((cells) => [(cells[TASK] ?? '').trim(), Number(cells[CLICKS])]));
  }

  get tasks(): readonly string[] {
    return [...this.clicks.keys()];
  }

  clicksOf(task: string): number {
    const clicks = this.clicks.get(task);
    if (clicks === undefined || Number.isNaN(clicks)) throw new Error(`the guide has no clicks of: ${task}`);
    return clicks;
  }

  took(task: string, seconds: number): void {
    this.measured.set(task, seconds);
  }

  /** Writes what was measured into the guide, with the date and the machine. */
  write(): void {
    const text = readFileSync(FILE, 'utf8')
      .split('\n')
      .map((line) => {
        const cells = cellsOf(line);
        const seconds = this.measured.get((cells[TASK] ?? '').trim());
        if (seconds === undefined) return line;
        cells[SECONDS] = ` ${seconds.toFixed(1)} `.padStart(cells[SECONDS]?.length ?? 0);
        return cells.join('|');
      })
      .join('\n');
    writeFileSync(FILE, text.replace(/^Measured on .*$/m, `Measured on ${machine()}.`));
  }
}

function machine(): string {
  const day = new Intl.DateTimeFormat('en-GB', { dateStyle: 'long' }).format(new Date());
  const processors = cpus();
  const memory = Math.round(totalmem() / 2 ** 30);
  const group = LARGE ? '' : ' and a group of 300';
  return `${day}, with ${processors.length} cores (${processors[0]?.model}), ${memory} GB, Node ${process.versions.node}${group}`;
}

/** The rows of the first table, without its head. */
function linesOf(page: string): string[] {
  const lines = page.split('\n');
  const rule = lines.findIndex((line) => /^\|[\s|:-]+\|$/.test(line));
  const end = lines.findIndex((line, index) => index > rule && !line.startsWith('|'));
  return lines.slice(rule + 1, end);
}

function cellsOf(line: string): string[] {
  return line.startsWith('|') ? line.split('|') : [];
}
