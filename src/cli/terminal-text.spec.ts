import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { screenOf } from './shell.js';
import { table } from './table.js';
import { fitted, padded, visible, visibleLine, widthOf } from './terminal-text.js';

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const STEERING = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/u;

describe('a text that is printed', () => {
  it('shows what would steer a terminal as escapes', () => {
    expect(visible('a\x1b[2Jb\x9bc\r\nd\x07')).toBe('a\\u001b[2Jb\\u009bc\\u000d\nd\\u0007');
    expect(visible('invoice \u202egnp.exe')).toBe('invoice \\u202egnp.exe');
    expect(visibleLine('two\nlines\tand\rmore')).toBe('two\\nlines\\tand\\rmore');
  });

  it('shows characters that are not seen as escapes: of no width, tags, fillers', () => {
    expect(visible('order\u200b.pl\u2060aced\ufeff')).toBe('order\\u200b.pl\\u2060aced\\ufeff');
    expect(visible('a\u200db\u200cc\ufe01')).toBe('a\\u200db\\u200cc\\ufe01');
    expect(visible('so\u00adft \u3164 \u180e')).toBe('so\\u00adft \\u3164 \\u180e');
    expect(visible('😀\ufe0f\u{e0101}\u{e0102}')).toBe('😀\ufe0f\u{e0101}\\udb40\\udd02');
    expect(visible('\u{e0041}')).toBe('\\udb40\\udc41');
    expect(JSON.parse(visible(JSON.stringify('x\u{e0041}')))).toBe('x\u{e0041}');
  });

  it('stays as it is without such characters', () => {
    for (const text of [
      'plain',
      'größer 日本 👩‍🚀 é ❤️‍🔥 👍🏽',
      'שלום',
      'می\u200cخواهم',
      'क्\u200dष',
      'a\nb\tc',
    ])
      expect(visible(text)).toBe(text);
  });

  it('has none of them, whatever it was, and JSON keeps its meaning', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(visible(text).replaceAll('\t', '')).not.toMatch(STEERING);
        expect(visibleLine(text)).not.toMatch(/[\n\t]/);
        expect(JSON.parse(visible(JSON.stringify({ text }, null, 2)))).toEqual({ text });
      }),
    );
  });
});

describe('a line', () => {
  it('is measured and cut in columns of a terminal, and never within a character', () => {
    expect([widthOf('abc'), widthOf('日本'), widthOf('e\u0301'), widthOf('😀')]).toEqual([3, 4, 1, 2]);
    expect(fitted('abcdef', 4)).toBe('abc…');
    expect(fitted('😀😀😀', 4)).toBe('😀…');
    expect(padded('日', 4)).toBe('日  ');
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.integer({ min: 1, max: 30 }), (text, width) => {
        expect(widthOf(fitted(text, width))).toBeLessThanOrEqual(width);
        expect(fitted(text, width).isWellFormed()).toBe(true);
      }),
    );
  });

  it('of a table stays one line, and its columns stay aligned', () => {
    expect(
      table(
        [
          ['日\n本', '1'],
          ['ab\x1b[31m', '2'],
        ],
        [
          { heading: 'NAME', cell: ([name = '']) => name },
          { heading: 'N', cell: ([, n = '']) => n },
        ],
      ),
    ).toBe(['NAME          N', '日\\n本        1', 'ab\\u001b[31m  2'].join('\n'));
  });
});

describe('a terminal without a size', () => {
  it('is taken for a usual one', () => {
    expect(screenOf({ isTTY: true, rows: 0, columns: 0 })).toEqual({ rows: 24, columns: 80 });
    expect(screenOf({ isTTY: true, rows: 50, columns: 132 })).toEqual({ rows: 50, columns: 132 });
    expect(screenOf({ isTTY: false, rows: 50, columns: 132 })).toBeUndefined();
  });
});
