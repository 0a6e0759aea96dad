import { describe, expect, it } from '@jest/globals';
import { type Column, table } from './table.js';

type Row = Readonly<Record<'a' | 'b' | 'c', string>>;

function columns(turns: Partial<Record<keyof Row, number>>): Column<Row>[] {
  return (['a', 'b', 'c'] as const).map((name) => ({
    heading: name.toUpperCase(),
    cell: (row) => row[name],
    cut: turns[name],
  }));
}

describe('a table that is too wide for a terminal', () => {
  it('gives way in the turns of its columns, as far as there is need, and not where a column has none', () => {
    const rows = [{ a: 'a'.repeat(50), b: 'b'.repeat(50), c: 'c'.repeat(50) }];
    expect(table(rows, columns({ a: 2, b: 1 })).split('\n')).toEqual([
      `A${' '.repeat(35)}B${' '.repeat(13)}C`,
      `${'a'.repeat(33)}…  ${'b'.repeat(11)}…  ${'c'.repeat(50)}`,
    ]);
    expect(table(rows, columns({ a: 1, b: 2 }))).toContain(`${'a'.repeat(11)}…  ${'b'.repeat(33)}…  c`);
    expect(table(rows, columns({}))).not.toContain('…');
  });

  it('has its last column below each row if that is the first to give way', () => {
    const rows = [{ a: 'a'.repeat(60), b: 'b'.repeat(60), c: 'ccc' }];
    expect(table(rows, columns({ a: 2, c: 1 })).split('\n')).toEqual([
      `A${' '.repeat(39)}B`,
      '    C',
      `${'a'.repeat(37)}…  ${'b'.repeat(60)}`,
      '    ccc',
    ]);
    expect(table(rows, columns({ a: 1, c: 2 }))).not.toContain('\n    c');
  });

  it('stays whole where it fits', () => {
    const rows = [{ a: 'a'.repeat(32), b: 'b'.repeat(32), c: 'c'.repeat(32) }];
    const [, line] = table(rows, columns({ a: 3, b: 2, c: 1 })).split('\n');
    expect(line).toBe(`${'a'.repeat(32)}  ${'b'.repeat(32)}  ${'c'.repeat(32)}`);
  });
});
