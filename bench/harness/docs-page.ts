import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Report } from './report.js';
import { formatMarkdownTable } from './text-table.js';

const PAGE = fileURLToPath(new URL('../../../docs/performance.md', import.meta.url));
const CHARTS = fileURLToPath(new URL('../../../docs/charts', import.meta.url));
const BEGIN = '<!-- figures: written by `npm run bench -- --docs`, not by hand -->';
const END = '<!-- end of figures -->';

/** Replaces the figures of docs/performance.md by those of this run, so that no number there is written by hand. */
export async function writeDocs(report: Report): Promise<void> {
  const page = await readFile(PAGE, 'utf8');
  const from = page.indexOf(BEGIN);
  const to = page.indexOf(END);
  if (from < 0 || to < from)
    throw new Error(`docs/performance.md has no place for figures: ${BEGIN} … ${END}`);
  const parts = [heading(report), promises(report), ...breaks(report), ...tables(report)];
  const figures = [BEGIN, ...parts, ...(await copyCharts(report))].join('\n\n');
  await writeFile(PAGE, `${page.slice(0, from)}${figures}\n\n${page.slice(to)}`);
}

function heading(report: Report): string {
  const { startedAt, quick, machine, versions } = report.figures();
  const list = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  return [
    `Run of ${startedAt.slice(0, 10)}${quick ? ', with `--quick`' : ''}: ${machine.cores} cores of ${machine.cpu}, ${machine.memoryGiB} GiB, ${machine.system}.`,
    `Versions: ${list.join(', ')}.`,
  ].join('\n');
}

function promises(report: Report): string {
  const rows = report.figures().checks.map(({ name, value, bound, ok }, index) => {
    const direction = 'atLeast' in (report.checks[index]?.bound ?? {}) ? '≥' : '≤';
    return [`\`${name}\``, String(value), `${direction} ${bound}`, ok ? 'kept' : '**missed**'];
  });
  return `### Promises\n\n${formatMarkdownTable(['promise', 'value', 'bound', ''], rows)}`;
}

function tables(report: Report): string[] {
  return report.tables.map(
    ({ title, columns, rows }) => `### ${title}\n\n${formatMarkdownTable(columns, rows)}`,
  );
}

/** What the figures lack, said where they stand. */
function breaks(report: Report): string[] {
  return report.broken.map(
    ({ scenario, message }) => `\`${scenario}\` broke off and is missing here: ${message.split('\n')[0]}`,
  );
}

/** Only the charts of this run: others that lie beside them are older. */
async function copyCharts({ charts }: Report): Promise<string[]> {
  await mkdir(CHARTS, { recursive: true });
  for (const { file } of charts) await copyFile(file, join(CHARTS, basename(file)));
  return charts.map(({ title, file }) => `![${title}](charts/${basename(file)})`);
}
