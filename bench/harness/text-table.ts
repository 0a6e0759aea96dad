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

export function formatMarkdownTable(columns: string[], rows: Cell[][]): string {
  const line = (cells: string[]) => `| ${cells.join(' | ')} |`;
  const rule = columns.map((_, column) => (typeof rows[0]?.[column] === 'number' ? '---:' : '---'));
  return [line(columns), line(rule), ...rows.map((row) => line(row.map(formatCell)))].join('\n');
}

/** Three significant digits, thousands apart. */
export function formatCell(cell: Cell): string {
  if (typeof cell === 'string') return cell;
  return Number(cell.toPrecision(3)).toLocaleString('en-US', { maximumFractionDigits: 3 });
}
