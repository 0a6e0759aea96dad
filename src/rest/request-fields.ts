import { suggestionFor } from '../words/known-names.js';
import { escapePointer, type Fields, type ValuesOf } from './field.js';
import { type FieldProblem, invalidRequest, MOST_WRONG_FIELDS } from './problem.js';

/**
 * Reads the fields of one part of a request. Fields that nobody knows are refused, because a filter with a
 * misspelt name would choose more than was meant.
 *
 * @throws RestProblem 400 with one entry for each wrong field
 */
export function readFields<F extends Fields>(
  part: FieldProblem['in'],
  fields: F,
  given: Readonly<Record<string, unknown>>,
): ValuesOf<F> {
  const problems: FieldProblem[] = [];
  const values: Record<string, unknown> = {};
  const note = (name: string, pointer: string, message: string) =>
    problems.push({ in: part, pointer: `/${escapePointer(name)}${pointer}`, message });
  const unknown = Object.keys(given).filter((name) => !Object.hasOwn(fields, name));
  for (const name of unknown.slice(0, MOST_WRONG_FIELDS)) {
    problems.push({ in: part, pointer: pointerTo(name), message: unknownName(name, fields) });
  }
  for (const [name, field] of Object.entries(fields)) {
    const value = Object.hasOwn(given, name) ? given[name] : undefined;
    if (value === undefined) {
      if (!field.isOptional) note(name, '', 'is missing');
      continue;
    }
    const reading = field.read(value, part !== 'body');
    if ('value' in reading) values[name] = reading.value;
    else for (const { pointer, message } of reading.problems) note(name, pointer, message);
  }
  if (problems.length > 0) throw invalidRequest(problems, Math.max(0, unknown.length - MOST_WRONG_FIELDS));
  return values as ValuesOf<F>;
}

/**
 * The fields of a query by their names. A field that was given several times is refused, and so are bytes
 * that are not characters, because another text would be looked for in their place.
 */
export function fieldsOfQuery(query: string): Record<string, string> {
  const given = new Map<string, string>();
  const problems: FieldProblem[] = [];
  const note = (name: string, message: string) =>
    problems.push({ in: 'query', pointer: pointerTo(name), message });
  for (const part of query.split('&').filter((each) => each !== '')) {
    const [rawName = '', ...rest] = part.split('=');
    const name = decoded(rawName) ?? rawName;
    const value = decoded(rest.join('='));
    if (value === undefined || decoded(rawName) === undefined)
      note(name, 'is not percent-encoded UTF-8, or holds half of a character');
    else if (given.has(name)) note(name, 'was given more than once');
    else given.set(name, value);
  }
  if (problems.length > 0) throw invalidRequest(problems);
  return Object.fromEntries(given);
}

/** Longer names of a sender are not repeated. */
const LONGEST_NAME = 100;

/** A pointer to a field of this name. To one with a very long name it is the pointer to the whole part. */
function pointerTo(name: string): string {
  return name.length > LONGEST_NAME ? '' : `/${escapePointer(name)}`;
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return undefined;
  }
}

function unknownName(name: string, fields: Fields): string {
  const known = Object.keys(fields);
  const what =
    name.length > LONGEST_NAME
      ? `has a name of ${name.length} characters that is not a field`
      : 'is not a field';
  if (known.length === 0) return `${what}: there is none here`;
  return `${what}: there are ${known.join(', ')}${suggestionFor(name.slice(0, LONGEST_NAME), known)}`;
}
