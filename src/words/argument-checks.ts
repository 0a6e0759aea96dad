import { IntegrationError } from '../errors.js';
import { problemsOfUnknownNames } from './known-names.js';
import { isUuid, problemOfCharacters } from './text.js';

const DEFAULT_PAGE = 50;
const MAX_PAGE = 1_000;
/** Years that JavaScript and Postgres write in the same way. */
const READABLE_YEAR = /^(?!0000)\d{4}-/;

/** An error for an invalid argument of a service that looks something up or changes something. */
export function invalidArgument(message: string, details: Record<string, unknown> = {}): IntegrationError {
  return new IntegrationError('INTEGRATION_ADMIN_INVALID', message, details);
}

/**
 * Refuses unknown option names, because a filter with a misspelt name would choose more than was meant. What
 * is no object is refused too, and not repeated: somebody may have given a secret in its place.
 */
export function checkNames<T extends object>(
  what: string,
  given: T,
  known: readonly (keyof T & string)[],
): void {
  const value: unknown = given;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    const kind = value === null ? 'null' : Array.isArray(value) ? 'a list' : `a ${typeof value}`;
    throw invalidArgument(`An object is needed, not ${kind}: ${what} is one of ${known.join(', ')}`);
  }
  const problems = problemsOfUnknownNames(given, { known, kind: what });
  if (problems.length > 0) throw invalidArgument(problems.join('; '), { problems });
}

/**
 * Refuses values that are not text, and text that no row can hold. With `max`, it also limits the length in
 * characters.
 */
export function checkText(field: string, value: unknown, max = Number.POSITIVE_INFINITY): void {
  if (value === undefined) return;
  const problem = problemOfFilter(value, max);
  if (problem === undefined) return;
  throw invalidArgument(`${field} ${problem}; leave it out to choose by something else`, { field });
}

function problemOfFilter(value: unknown, max: number): string | undefined {
  if (typeof value !== 'string') return 'must be a string';
  if (value.length > max && [...value].length > max) return `has more than ${max} characters`;
  return problemOfCharacters(value);
}

export function checkUuid(field: string, value: unknown): void {
  if (value !== undefined && !isUuid(value)) throw invalidArgument(`${field} must be a uuid`, { field });
}

/** Refuses a value that is none of the choices. */
export function checkChoice(field: string, value: unknown, choices: readonly unknown[]): void {
  if (!choices.includes(value))
    throw invalidArgument(`${field} must be one of ${choices.join(', ')}`, { field });
}

export function checkTime(field: string, value: unknown): void {
  if (value === undefined) return;
  const isValid = value instanceof Date && !Number.isNaN(value.getTime());
  if (isValid && READABLE_YEAR.test(value.toISOString())) return;
  throw invalidArgument(`${field} must be a valid Date between the years 1 and 9999`, { field });
}

/** Checks a position of the log. 0 stands for the place before all positions. */
export function checkPosition(field: string, value: unknown): void {
  if (value === undefined || (Number.isSafeInteger(value) && (value as number) >= 0)) return;
  throw invalidArgument(`${field} must be a position: a whole number, as a page before it gave`, { field });
}

/** Number of rows in a page: the number asked for, brought into the range from 1 to 1000. */
export function pageSizeOf(limit: unknown = DEFAULT_PAGE): number {
  if (typeof limit !== 'number' || Number.isNaN(limit))
    throw invalidArgument('limit must be a number of rows', { field: 'limit' });
  return Math.min(Math.max(Math.trunc(limit), 1), MAX_PAGE);
}

/** Checks that a value is a whole number from 1 to `most`, and returns it. */
export function checkCount(name: string, value: number, most = Number.MAX_SAFE_INTEGER): number {
  if (Number.isSafeInteger(value) && value >= 1 && value <= most) return value;
  throw invalidArgument(
    `${name} must be a whole number from 1${most < Number.MAX_SAFE_INTEGER ? ` to ${most}` : ' on'}, not ${value}`,
    { field: name, [name]: value },
  );
}
