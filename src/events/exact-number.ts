/**
 * A number of a payload that has more digits than JavaScript can hold. `mask` may look at its text, keep it
 * or replace it. `JSON.stringify` outside of the admin API writes it as a text.
 */
export class ExactNumber {
  /** @param text the number as JSON writes it */
  constructor(readonly text: string) {}

  /** The number of JavaScript that has all of these digits. Undefined if there is none. */
  toNumber(): number | undefined {
    const number = Number(this.text);
    return significant(this.text) === significant(String(number)) ? number : undefined;
  }

  toString(): string {
    return this.text;
  }

  toJSON(): string {
    return this.text;
  }
}

/** Matches texts and numbers of JSON. Texts are matched so that numbers within them are passed over. */
const TOKEN = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
/** How many significant digits survive in a number of JavaScript in any case. */
const SURE_DIGITS = 15;

/** Parses JSON text. Numbers that JavaScript cannot hold become `ExactNumber`. */
export function parseExactly(json: string, mark: string): unknown {
  const marked = json.replace(TOKEN, (token) => (isHeld(token) ? token : JSON.stringify(mark + token)));
  if (marked === json) return JSON.parse(json);
  return JSON.parse(marked, (_, value: unknown) =>
    typeof value === 'string' && value.startsWith(mark) ? new ExactNumber(value.slice(mark.length)) : value,
  );
}

/** The JSON text of a value, with every `ExactNumber` in it as a number. Null for what JSON cannot hold. */
export function stringifyExactly(value: unknown, mark: string): string {
  const text = JSON.stringify(value, function replace(this: unknown, key: string, converted: unknown) {
    const original = (this as Record<string, unknown>)[key];
    return original instanceof ExactNumber ? mark + original.text : converted;
  });
  return text === undefined ? 'null' : text.replaceAll(new RegExp(`"${mark}(${NUMBER})"`, 'g'), '$1');
}

const NUMBER = String.raw`-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?`;

function isHeld(token: string): boolean {
  if (token.startsWith('"')) return true;
  const written = String(Number(token));
  if (written === token) return true;
  return significant(token).length <= SURE_DIGITS && !/[eE]|Infinity/.test(token + written);
}

/** The digits of a number without its sign, its point, its exponent and the zeros at its ends. */
function significant(number: string): string {
  return number
    .replace(/[eE].*$/, '')
    .replace(/[-.]/g, '')
    .replace(/^0+|0+$/g, '');
}
