/** Why Postgres would refuse this text, or undefined. */
export function problemOfCharacters(text: string): string | undefined {
  if (text.includes('\0')) return 'contains a NUL character, which Postgres cannot store';
  if (!text.isWellFormed())
    return 'contains a lone surrogate (half of a character), which Postgres cannot store';
  return undefined;
}

/** Visible ASCII and nothing else, as most names and ids are: nothing about it needs a closer look. */
export function isVisibleAscii(text: string): boolean {
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code <= 0x20 || code >= 0x7f) return false;
  }
  return text.length > 0;
}

const CONTROL_CHARACTER = /\p{Cc}/u;

/**
 * What an event's or consumer's name must not hold: publishers and subscribers have to spell it alike.
 * Undefined if it holds none of it.
 */
export function problemOfName(name: string): string | undefined {
  return CONTROL_CHARACTER.test(name) ? 'contains a control character' : problemOfCharacters(name);
}

/**
 * What is wrong with a text that must be there: not a string, blank, longer than `max` characters (code
 * points, as Postgres counts), or not storable. Undefined if nothing is.
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

/** Whether `value` is a uuid in its usual spelling, of any version. */
export function isUuid(value: unknown): value is string {
  return typeof value === 'string' && UUID.test(value);
}
