/** One line of a JSON text that was laid out. */
export interface JsonLine {
  readonly text: string;
  /** The number of its last line, where it opens an object or a list. */
  readonly end: number | undefined;
  /** Of a comparison: whether the line came, or went. */
  readonly mark?: 'added' | 'removed' | undefined;
}

/** The lines of a JSON text that was laid out, and what each of them opens. */
export function linesOf(laidOutText: string): JsonLine[] {
  const texts = laidOutText.split('\n');
  const ends: (number | undefined)[] = texts.map(() => undefined);
  const open: number[] = [];
  for (const [index, text] of texts.entries()) {
    if (/^\s*[}\]]/.test(text)) {
      const begin = open.pop();
      if (begin !== undefined) ends[begin] = index;
    }
    if (/[{[]$/.test(text)) open.push(index);
  }
  return texts.map((text, index) => ({ text, end: ends[index] }));
}

export interface JsonPart {
  readonly text: string;
  readonly kind: 'key' | 'text' | 'number' | undefined;
}

/** The parts of a line by what they are. */
export function partsOf(line: string): JsonPart[] {
  const [, indent = '', key = '', colon = '', rest = ''] =
    /^(\s*)(?:("(?:\\.|[^"\\])*")(: ))?(.*)$/s.exec(line) ?? [];
  const [value = '', comma = ''] = rest.endsWith(',') ? [rest.slice(0, -1), ','] : [rest];
  const kind = value.startsWith('"')
    ? 'text'
    : /^(?:-?\d|true$|false$|null$)/.test(value)
      ? 'number'
      : undefined;
  const parts: JsonPart[] = [
    { text: indent, kind: undefined },
    { text: key, kind: 'key' },
    { text: colon, kind: undefined },
    { text: value, kind },
    { text: comma, kind: undefined },
  ];
  return parts.filter(({ text }) => text !== '');
}

/** More lines than this are not compared: it would take as long as their product. */
export const MOST_COMPARED = 1_000;

/** What has come and what has gone between two texts, line by line. A comma at the end makes no difference. */
export function comparedLines(before: string, after: string): JsonLine[] {
  const [old, now] = [before.split('\n'), after.split('\n')];
  const isSame = (a: number, b: number) => old[a]?.replace(/,$/, '') === now[b]?.replace(/,$/, '');
  // How many lines are the same from here on, of every pair of places.
  const same = Array.from({ length: old.length + 1 }, () => new Uint16Array(now.length + 1));
  const sameAt = (a: number, b: number) => same[a]?.[b] ?? 0;
  for (let a = old.length - 1; a >= 0; a -= 1) {
    for (let b = now.length - 1; b >= 0; b -= 1) {
      const row = same[a];
      if (row !== undefined)
        row[b] = isSame(a, b) ? sameAt(a + 1, b + 1) + 1 : Math.max(sameAt(a + 1, b), sameAt(a, b + 1));
    }
  }
  const lines: JsonLine[] = [];
  const add = (text: string | undefined, mark?: JsonLine['mark']) =>
    lines.push({ text: text ?? '', end: undefined, mark });
  let [a, b] = [0, 0];
  while (a < old.length || b < now.length) {
    if (a < old.length && b < now.length && isSame(a, b)) {
      add(now[b]);
      a += 1;
      b += 1;
    } else if (b >= now.length || (a < old.length && sameAt(a + 1, b) >= sameAt(a, b + 1))) {
      add(old[a], 'removed');
      a += 1;
    } else {
      add(now[b], 'added');
      b += 1;
    }
  }
  return lines;
}
