/**
 * Lays out the text of a JSON value with a line for each member. The text is never parsed into values: every
 * digit stays, and so does the order of members, also of those that have one name.
 */
export function laidOut(json: string, most = Number.POSITIVE_INFINITY): { text: string; isCut: boolean } {
  const parts: string[] = [];
  let length = 0;
  let depth = 0;
  let at = 0;
  const add = (part: string) => {
    parts.push(part);
    length += part.length;
  };
  const line = () => add(`\n${'  '.repeat(Math.min(depth, 100))}`);
  while (at < json.length && length < most) {
    const sign = json[at] ?? '';
    if (sign === '"') {
      const end = endOfText(json, at);
      // A text that is very long is cut itself, so that it is not copied as a whole.
      add(json.slice(at, Math.min(end, at + most)));
      at = end;
      continue;
    }
    at += 1;
    if (sign === '{' || sign === '[') {
      const next = afterSpace(json, at);
      const closing = json[next];
      if (closing === '}' || closing === ']') {
        add(sign + closing);
        at = next + 1;
      } else {
        depth += 1;
        add(sign);
        line();
      }
    } else if (sign === '}' || sign === ']') {
      depth -= 1;
      line();
      add(sign);
    } else if (sign === ',') {
      add(',');
      line();
    } else if (sign === ':') add(': ');
    else if (!/\s/.test(sign)) add(sign);
  }
  const text = parts.join('');
  return { text: text.slice(0, most), isCut: at < json.length || text.length > most };
}

/**
 * The text of the last member of an answer, with every digit. Nothing before it has a member of that name.
 */
export function lastMember(answer: string, name: string): string {
  const begin = `"${name}":`;
  return answer.slice(answer.indexOf(begin) + begin.length, -1);
}

/** The numbers of a JSON text that JavaScript cannot hold with all their digits. */
export function inexactNumbers(json: string): string[] {
  const found: string[] = [];
  for (let at = 0; at < json.length; ) {
    const sign = json[at] ?? '';
    if (sign === '"') at = endOfText(json, at);
    else if (/[-\d]/.test(sign)) {
      const number = /^-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?/.exec(json.slice(at, at + 400))?.[0] ?? sign;
      if (!isExact(number)) found.push(number);
      at += number.length;
    } else at += 1;
  }
  return found;
}

function isExact(number: string): boolean {
  const digits = (text: string) =>
    text
      .replace(/[eE].*$/, '')
      .replace(/[-.]/g, '')
      .replace(/^0+|0+$/g, '');
  return digits(number) === digits(String(Number(number)));
}

function endOfText(json: string, start: number): number {
  for (let at = start + 1; at < json.length; at += 1) {
    if (json[at] === '\\') at += 1;
    else if (json[at] === '"') return at + 1;
  }
  return json.length;
}

function afterSpace(json: string, start: number): number {
  let at = start;
  while (at < json.length && /\s/.test(json[at] ?? '')) at += 1;
  return at;
}
