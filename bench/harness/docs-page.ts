import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Check, Report, ReportedTable } from './report.js';
import { formatMarkdownTable } from './text-table.js';

const PAGE = fileURLToPath(new URL('../../../docs/performance.md', import.meta.url));
const CHARTS = fileURLToPath(new URL('../../../docs/charts', import.meta.url));
const BEGIN = '<!-- figures: written by `npm run bench -- --docs`, not by hand -->';
const END = '<!-- end of figures -->';
const PROMISES = '### Promises';

/**
 * Puts the figures of this run into docs/performance.md, so that no number there is written by hand. A whole run replaces all of
 * them; a run of single scenarios those of its own, and says so where they stand.
 */
export async function writeDocs(report: Report, isWhole: boolean): Promise<void> {
  const page = await readFile(PAGE, 'utf8');
  const from = page.indexOf(BEGIN);
  const to = page.indexOf(END);
  if (from < 0 || to < from)
    throw new Error(`docs/performance.md has no place for figures: ${BEGIN} … ${END}`);
  await copyCharts(report);
  const old = sectionsOf(page.slice(from + BEGIN.length, to));
  const sections = isWhole
    ? [...wholeRun(report)]
    : picturesLast(renewed(old, [...partOfRun(report, old)], firstLineOf));
  await writeFile(PAGE, `${page.slice(0, from)}${[BEGIN, ...sections].join('\n\n')}\n\n${page.slice(to)}`);
}

function* wholeRun(report: Report): Generator<string> {
  const { versions } = report.figures();
  const list = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  yield `Run of ${whereAndWhen(report)}\nVersions: ${list.join(', ')}.`;
  yield promises(report.checks.map((check) => promiseRow(report, check)));
  // What the figures lack, said where they stand.
  for (const { scenario, message } of report.broken)
    yield `\`${scenario}\` broke off and is missing here: ${message.split('\n')[0]}`;
  for (const table of report.tables) yield `### ${table.title}\n\n${markdownOf(table)}`;
  yield* pictures(report);
}

/** What broke off leaves the figures that are there. */
function* partOfRun(report: Report, old: readonly string[]): Generator<string> {
  const rows = promiseRowsIn(old.find((section) => section.startsWith(PROMISES)) ?? '');
  const ofThisRun = report.checks.map((check) => promiseRow(report, check));
  if (ofThisRun.length > 0) yield promises(renewed(rows, ofThisRun, ([name]) => name));
  for (const table of report.tables)
    yield `### ${table.title}\n\nRun of its own, ${whereAndWhen(report)}\n\n${markdownOf(table)}`;
  yield* pictures(report);
}

/** Tables, pictures and whatever stands before them: each begins with a line of its own. */
function sectionsOf(figures: string): string[] {
  return figures
    .split(/\n(?=### |!\[)/)
    .map((section) => section.trim())
    .filter((section) => section !== '');
}

/** Each of `fresh` takes the place of the one with its name. New ones come last. */
function renewed<T>(old: readonly T[], fresh: readonly T[], nameOf: (one: T) => string | undefined): T[] {
  const all = new Map(old.map((one) => [nameOf(one), one]));
  for (const one of fresh) all.set(nameOf(one), one);
  return [...all.values()];
}

/** As in a whole run. */
function picturesLast(sections: readonly string[]): string[] {
  return [...sections].sort((a, b) => Number(isPicture(a)) - Number(isPicture(b)));
}

function isPicture(section: string): boolean {
  return section.startsWith('![');
}

function firstLineOf(section: string): string {
  return section.split('\n', 1)[0] ?? '';
}

function whereAndWhen(report: Report): string {
  const { quick, machine } = report.figures();
  return `${dateOf(report)}${quick ? ', with `--quick`' : ''}: ${machine.cores} cores of ${machine.cpu}, ${machine.memoryGiB} GiB, ${machine.system}.`;
}

function dateOf(report: Report): string {
  return report.figures().startedAt.slice(0, 10);
}

function promiseRow(report: Report, { name, value, bound, ok }: Check): string[] {
  const limit = 'atLeast' in bound ? `≥ ${bound.atLeast}` : `≤ ${bound.atMost}`;
  return [`\`${name}\``, String(value), limit, ok ? 'kept' : '**missed**', dateOf(report)];
}

function promises(rows: string[][]): string {
  return `${PROMISES}\n\n${formatMarkdownTable(['promise', 'value', 'bound', '', 'run of'], rows)}`;
}

function promiseRowsIn(section: string): string[][] {
  const rows = section.split('\n').filter((line) => line.startsWith('| `'));
  return rows.map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

function markdownOf({ columns, rows }: ReportedTable): string {
  return formatMarkdownTable(columns, rows);
}

function pictures({ charts }: Report): string[] {
  return charts.map(({ title, file }) => `![${title}](charts/${basename(file)})`);
}

/** Only the charts of this run: others that lie beside them are older. */
async function copyCharts({ charts }: Report): Promise<void> {
  await mkdir(CHARTS, { recursive: true });
  for (const { file } of charts) await copyFile(file, join(CHARTS, basename(file)));
}
