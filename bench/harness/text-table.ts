type Cell = string | number;

/** Columns padded to their widest cell; numbers to the right. */
export function formatTable(title: string, columns: string[], rows: Cell[][]): string {
  const texts = [columns, ...rows.map((row) => row.map(formatCell))];
  const widths = columns.map((_, column) => Math.max(...texts.map((row) => (row[column] ?? '').length)));
  const lines = texts.map((row, line) =>
    widths
      .map((width, column) => {
        const text = row[column] ?? '';
        const numeric = line > 0 && typeof rows[line - 1]?.[column] === 'number';
        return numeric ? text.padStart(width) : text.padEnd(width);
      })
      .join('  ')
      .trimEnd(),
  );
  return [title, '-'.repeat(title.length), ...lines].join('\n');
}

/** Padded as the repository's formatter wants it. */
export function formatMarkdownTable(columns: string[], rows: Cell[][]): string {
  const texts = [columns, ...rows.map((row) => row.map(formatCell))];
  const isNumeric = columns.map((_, column) => typeof rows[0]?.[column] === 'number');
  const widths = columns.map((_, column) => Math.max(3, ...texts.map((row) => (row[column] ?? '').length)));
  const line = (cells: string[]) => `| ${cells.join(' | ')} |`;
  const padded = (row: string[]) =>
    line(
      widths.map((width, column) =>
        isNumeric[column] ? (row[column] ?? '').padStart(width) : (row[column] ?? '').padEnd(width),
      ),
    );
  const rule = line(
    widths.map((width, column) => (isNumeric[column] ? `${'-'.repeat(width - 1)}:` : '-'.repeat(width))),
  );
  return [padded(columns), rule, ...texts.slice(1).map(padded)].join('\n');
}

/** Three significant digits, thousands apart. */
export function formatCell(cell: Cell): string {
  if (typeof cell === 'string') return cell;
  return Number(cell.toPrecision(3)).toLocaleString('en-US', { maximumFractionDigits: 3 });
}
