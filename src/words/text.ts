/** The reason why Postgres would refuse this text, or undefined. */
export function problemOfCharacters(text: string): string | undefined {
  if (text.includes('\0')) return 'contains a NUL character, which Postgres cannot store';
  if (!text.isWellFormed())
    return 'contains a lone surrogate (half of a character), which Postgres cannot store';
  return undefined;
}

/** Whether a text consists of visible ASCII only. Most names and ids do, and they need no further check. */
export function isVisibleAscii(text: string): boolean {
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code <= 0x20 || code >= 0x7f) return false;
  }
  return text.length > 0;
}

/** The text without what Postgres cannot store. What is longer than `max` UTF-16 units ends with `…`. */
export function storableText(text: string, max: number): string {
  const clean = text.replaceAll('\0', '').toWellFormed();
  return clean.length > max ? `${clean.slice(0, max).toWellFormed()}…` : clean;
}

const CONTROL_CHARACTER = /\p{Cc}/u;

/**
 * What is wrong with the characters of an event's or consumer's name, or undefined. Publishers and
 * subscribers have to be able to write the name in the same way.
 */
export function problemOfName(name: string): string | undefined {
  return CONTROL_CHARACTER.test(name) ? 'contains a control character' : problemOfCharacters(name);
}

/**
 * What is wrong with a required text: it is not a string, it is blank, it is longer than `max` characters
 * (code points, as Postgres counts), or Postgres cannot store it. Undefined if nothing is wrong.
 */
export function problemOfText(value: unknown, max: number): string | undefined {
  if (typeof value === 'number' || typeof value === 'bigint') return 'must be a string: use String(…)';
  if (typeof value !== 'string') return 'must be a string';
  if (value.trim() === '') return 'must not be empty';
  if (value.length > max && (value.length > max * 2 || [...value].length > max)) {
    return `must not be longer than ${max} characters`;
  }
  return problemOfCharacters(value);
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** The uuid before all others. Nothing has it. */
export const FIRST_UUID = '00000000-0000-0000-0000-000000000000';

/** Whether `value` is a uuid of any version in its usual form. */
export function isUuid(value: unknown): value is string {
  return typeof value === 'string' && UUID.test(value);
}
