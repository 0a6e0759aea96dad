/*
 * Texts of the database come from anybody: names of aggregates, texts of errors, reasons. A terminal obeys
 * control characters in them, marks of direction let it show characters in another order, and characters that
 * are not seen let one name look like another one or carry text for a program that reads the screen. All of
 * them are therefore written as escapes wherever something is printed, also into a file that somebody shows
 * later. Joiners and variation selectors stay where they belong: behind an emoji, and behind a letter of a
 * script that has no capitals, such as Persian or Hindi.
 */

/**
 * Control characters, separators of lines and paragraphs, marks of direction, and what is not seen:
 * characters of no width, tags, fillers, and joiners where nothing is joined.
 */
const STEERING =
  /[\p{Cc}\p{Zl}\p{Zp}\ufff9-\ufffb]|(?<!\p{Lo}\p{M}?|\p{Emoji_Modifier}|\p{Extended_Pictographic}\ufe0f?)\p{DI}|(?!\u200c|\u200d|[\ufe00-\ufe0f\u{e0100}-\u{e01ef}])\p{DI}/gu;
const SHORT_ESCAPES: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** A text of several lines that steers no terminal. JSON stays JSON, and means the same. */
export function visible(text: string): string {
  return text.replace(STEERING, (each) => (each === '\n' || each === '\t' ? each : codeOf(each)));
}

/** The same for a text that has to stay on its line. */
export function visibleLine(text: string): string {
  return text.replace(STEERING, (each) => SHORT_ESCAPES[each] ?? codeOf(each));
}

function codeOf(character: string): string {
  const units = Array.from({ length: character.length }, (_, at) => character.charCodeAt(at));
  return units.map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`).join('');
}

/** Characters that stand over the one before, or join their neighbours. */
const NO_WIDTH = /\p{Mn}|\p{Me}|[\u200b-\u200d]/u;
/** Characters that take the place of two. */
const DOUBLE_WIDTH =
  /[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Hangul}\p{Emoji_Presentation}\u3000-\u303f\uff01-\uff60]/u;
const NARROW_ONLY = /^[ -~]*$/;

/** How many columns of a terminal a line takes. */
export function widthOf(line: string): number {
  if (NARROW_ONLY.test(line)) return line.length;
  return [...line].reduce((sum, each) => sum + widthOfOne(each), 0);
}

/** The line itself, or its beginning and `…`, so that it takes no more than `width` columns. */
export function fitted(line: string, width: number): string {
  if (widthOf(line) <= width) return line;
  let taken = 1;
  let cut = '';
  for (const each of line) {
    taken += widthOfOne(each);
    if (taken > width) break;
    cut += each;
  }
  return `${cut}…`;
}

/** The line with spaces behind it, so that it takes `width` columns. */
export function padded(line: string, width: number): string {
  return line + ' '.repeat(Math.max(0, width - widthOf(line)));
}

function widthOfOne(character: string): number {
  if (NO_WIDTH.test(character)) return 0;
  return DOUBLE_WIDTH.test(character) ? 2 : 1;
}
