import { problemOfCharacters } from '../words/text.js';
import { MAX_JSON_DEPTH } from './event-limits.js';
import { isPlainObject, jsonValueOf, problemOfInstance, problemOfScalar } from './json-values.js';

/** The place of a problem in a value (`payload.lines[3].price`), and its description. */
export interface JsonProblem {
  readonly path: string;
  readonly reason: string;
}

const IDENTIFIER = /^[A-Za-z_$][\w$]*$/;

/** The place of a member of an object or list: `payload.lines`, `payload["a b"]`, `payload[3]`. */
export function memberPath(path: string, key: string | number): string {
  if (typeof key === 'number') return `${path}[${key}]`;
  return IDENTIFIER.test(key) ? `${path}.${key}` : `${path}[${JSON.stringify(key)}]`;
}

/**
 * Finds the first part of `value` that JSON in Postgres cannot hold, with its path. This walk records paths
 * and cycles, so it runs only once something is known to be wrong.
 */
export function findJsonProblem(value: unknown, path: string): JsonProblem | undefined {
  return inspect(jsonValueOf(value, ''), path, []);
}

function inspect(value: unknown, path: string, ancestors: object[]): JsonProblem | undefined {
  if (typeof value === 'string') return problem(path, problemOfCharacters(value));
  if (typeof value !== 'object' || value === null) return problem(path, problemOfScalar(value));
  if (ancestors.includes(value)) return problem(path, 'refers back to an object that contains it (a cycle)');
  if (ancestors.length >= MAX_JSON_DEPTH)
    return problem(path, `is nested deeper than ${MAX_JSON_DEPTH} levels`);
  if (Array.isArray(value)) return inspectArray(value, path, [...ancestors, value]);
  const reason = isPlainObject(value) ? undefined : problemOfInstance(value);
  return reason === undefined ? inspectObject(value, path, [...ancestors, value]) : problem(path, reason);
}

function inspectArray(values: unknown[], path: string, ancestors: object[]): JsonProblem | undefined {
  for (let index = 0; index < values.length; index++) {
    const found = inspect(jsonValueOf(values[index], index), memberPath(path, index), ancestors);
    if (found !== undefined) return found;
  }
  return undefined;
}

function inspectObject(value: object, path: string, ancestors: object[]): JsonProblem | undefined {
  for (const [key, raw] of Object.entries(value)) {
    const place = memberPath(path, key);
    const badKey = problemOfCharacters(key);
    if (badKey !== undefined) return problem(place, `has a key that ${badKey}`);
    const item = jsonValueOf(raw, key);
    const found = item === undefined ? undefined : inspect(item, place, ancestors);
    if (found !== undefined) return found;
  }
  return undefined;
}

function problem(path: string, reason: string | undefined): JsonProblem | undefined {
  return reason === undefined ? undefined : { path, reason };
}
