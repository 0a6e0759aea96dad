/** A quoted text is left out whole, so that a bracket in it is none. */
const STRING_END = /["\\]/g;

/**
 * The text of the value at a path of JSON, as it was written. `JSON.parse` rounds numbers of many digits, and
 * this is for those. The text must be JSON that was parsed before. Of a name that comes twice the last value
 * counts, as in `JSON.parse`. Undefined if there is nothing at the path.
 */
export function jsonTextAt(text: string, path: readonly string[]): string | undefined {
  let start: number | undefined = startOfValue(text, 0);
  for (const key of path) {
    start = text[start] === '[' ? elementAt(text, start, key) : memberAt(text, start, key);
    if (start === undefined) return undefined;
  }
  return text.slice(start, endOfValue(text, start)).trim();
}

/** Where the value of a member begins. */
function memberAt(text: string, object: number, key: string): number | undefined {
  if (text[object] !== '{') return undefined;
  let found: number | undefined;
  let at = startOfValue(text, object + 1);
  while (text[at] === '"') {
    const end = endOfValue(text, at);
    const value = startOfValue(text, text.indexOf(':', end) + 1);
    if (JSON.parse(text.slice(at, end)) === key) found = value;
    at = afterComma(text, endOfValue(text, value));
  }
  return found;
}

function elementAt(text: string, list: number, key: string): number | undefined {
  let at = startOfValue(text, list + 1);
  for (let place = 0; at < text.length && text[at] !== ']'; place++) {
    if (String(place) === key) return at;
    at = afterComma(text, endOfValue(text, at));
  }
  return undefined;
}

function startOfValue(text: string, from: number): number {
  let at = from;
  while (at < text.length && ' \t\r\n'.includes(text[at] ?? '')) at++;
  return at;
}

/** Where the next member or element begins. Without a next one it is where the bracket closes. */
function afterComma(text: string, end: number): number {
  const at = startOfValue(text, end);
  return text[at] === ',' ? startOfValue(text, at + 1) : at;
}

/** Goes through brackets by counting them, because a body may be nested deeper than calls can be. */
function endOfValue(text: string, start: number): number {
  let depth = 0;
  for (let at = start; at < text.length; at++) {
    const character = text[at] ?? '';
    if (character === '"') at = endOfString(text, at) - 1;
    else if (character === '{' || character === '[') depth++;
    else if (character === '}' || character === ']') depth--;
    else if (depth > 0 || !', \t\r\n'.includes(character)) continue;
    else return at;
    if (depth < 0) return at;
    if (depth === 0 && '"}]'.includes(character)) return at + 1;
  }
  return text.length;
}

function endOfString(text: string, quote: number): number {
  STRING_END.lastIndex = quote + 1;
  for (let found = STRING_END.exec(text); found !== null; found = STRING_END.exec(text)) {
    if (found[0] === '"') return found.index + 1;
    STRING_END.lastIndex = found.index + 2;
  }
  return text.length;
}
