import { fitted, padded, visibleLine, widthOf } from './terminal-text.js';

/** The widest line. */
const WIDEST = 100;
/** A column is not made narrower than this. */
const NARROWEST = 12;
const GAP = '  ';
/** The beginning of a line that belongs to the row above it. */
const BELOW = '    ';

export interface Column<Row> {
  readonly heading: string;
  readonly cell: (row: Row) => string;
  /**
   * The turn in which the column gives way if the lines are too long: 1 is the first. A column that other
   * commands take, such as the name of a consumer, has no turn, so that it can be copied.
   */
  readonly cut?: number | undefined;
}

/**
 * Rows as aligned columns below a heading. If the lines are too long for a usual terminal, the texts of the
 * columns with a turn are made to fit. If the first of these is the last column, its texts stand on lines of
 * their own, each below its row. The texts of the others are cut off, one column after the other.
 */
export function table<Row>(rows: readonly Row[], columns: readonly Column<Row>[]): string {
  const all = [
    columns.map(({ heading }) => visibleLine(heading)),
    ...rows.map((row) => columns.map(({ cell }) => visibleLine(cell(row)))),
  ];
  const widths = columns.map((_, column) =>
    all.reduce((widest, row) => Math.max(widest, widthOf(row[column] ?? '')), 0),
  );
  const turns = columns
    .flatMap(({ cut }, column) => (cut === undefined ? [] : [{ cut, column }]))
    .sort((one, other) => one.cut - other.cut);
  const isTooWide = widths.reduce((sum, each) => sum + each + GAP.length, -GAP.length) > WIDEST;
  const hasBelow = isTooWide && columns.length > 1 && turns[0]?.column === columns.length - 1;
  const beside = hasBelow ? widths.slice(0, -1) : widths;
  for (const { column } of turns) narrow(beside, column);
  return all
    .flatMap((row) => {
      const below = row.at(-1) ?? '';
      const cells = row.slice(0, beside.length).map((cell, column) => {
        const width = beside[column] ?? 0;
        return padded(fitted(cell, width), width);
      });
      const line = cells.join(GAP).trimEnd();
      return hasBelow && below !== '' ? [line, BELOW + fitted(below, WIDEST - BELOW.length)] : [line];
    })
    .join('\n');
}

function narrow(widths: number[], column: number): void {
  const width = widths[column];
  const over = widths.reduce((sum, each) => sum + each + GAP.length, -GAP.length) - WIDEST;
  if (width !== undefined && over > 0) widths[column] = Math.max(Math.min(width, NARROWEST), width - over);
}
