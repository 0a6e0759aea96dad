import { type JsonPatchOperation, PATCH_OPERATIONS } from '../events/json-patch.js';
import { isUuid, problemOfText } from '../words/text.js';
import { hasZone, timeOf } from '../words/time-text.js';

/** A schema as OpenAPI 3.1 has it. */
export type Schema = Readonly<Record<string, unknown>>;

/** A value that was read, or what is wrong with it. `pointer` leads from the field to the wrong part. */
export type Reading<T> =
  | { readonly value: T }
  | { readonly problems: readonly { readonly pointer: string; readonly message: string }[] };

/** One field of a path, a query or a body: how it is read, and how the OpenAPI document shows it. */
export interface Field<T> {
  readonly about: string;
  readonly schema: Schema;
  /** Whether it may be absent. It is undefined then. */
  readonly isOptional: boolean;
  /** In a path or query, the value is text. In a body it is any JSON. */
  read(given: unknown, isText: boolean): Reading<T>;
}

export type Fields = Readonly<Record<string, Field<unknown>>>;

/** The values that fields are read to. */
export type ValuesOf<F extends Fields> = { readonly [K in keyof F]: F[K] extends Field<infer T> ? T : never };

export function optional<T>(field: Field<T>): Field<T | undefined> {
  return { ...field, isOptional: true };
}

/** A field of a body that takes null as well. */
export function nullable<T>(given: Field<T>): Field<T | null> {
  return {
    ...given,
    schema: { anyOf: [given.schema, { type: 'null' }] },
    read: (value, isText) => (value === null ? { value } : given.read(value, isText)),
  };
}

/** A text of 1 to `max` characters. */
export function text(about: string, max: number): Field<string> {
  return field(about, { type: 'string', minLength: 1, maxLength: max }, (given) => readTextOf(given, max));
}

export function uuid(about: string): Field<string> {
  return field(about, { type: 'string', format: 'uuid' }, (given) =>
    isUuid(given) ? { value: given.toLowerCase() } : wrong('must be a uuid'),
  );
}

/** A list of 1 to `max` different texts of one kind, in a body. `noun` says what they are. */
export function list(
  about: string,
  noun: string,
  max: number,
  each: Field<string>,
): Field<readonly string[]> {
  const schema = { type: 'array', items: each.schema, minItems: 1, maxItems: max, uniqueItems: true };
  return field(about, schema, (given) => {
    if (!Array.isArray(given) || given.length === 0 || given.length > max)
      return wrong(`must be a list of 1 to ${max} ${noun}`);
    const value: string[] = [];
    for (const [index, one] of given.entries()) {
      const reading = each.read(one, false);
      const [problem] = 'problems' in reading ? reading.problems : [];
      const isTwice = 'value' in reading && value.includes(reading.value);
      const message = isTwice ? 'is in the list twice' : problem?.message;
      if (message !== undefined) return { problems: [{ pointer: `/${index}`, message }] };
      if ('value' in reading) value.push(reading.value);
    }
    return { value };
  });
}

export function count(about: string, min: number, max: number): Field<number> {
  return field(about, { type: 'integer', minimum: min, maximum: max }, (given, isText) => {
    const number = isText ? numberOf(given as string) : given;
    return Number.isSafeInteger(number) && (number as number) >= min && (number as number) <= max
      ? { value: number as number }
      : wrong(`must be a whole number from ${min} to ${max}`);
  });
}

/** A position of the log. Numbers beyond 2^53 are not positions. */
export function position(about: string): Field<number> {
  return count(about, 1, Number.MAX_SAFE_INTEGER);
}

export function flag(about: string): Field<boolean> {
  return field(about, { type: 'boolean' }, (given, isText) => {
    const value = isText ? { true: true, false: false }[given as string] : given;
    return typeof value === 'boolean' ? { value } : wrong('must be true or false');
  });
}

export function choice<const C extends string>(about: string, choices: readonly C[]): Field<C> {
  return field(about, { type: 'string', enum: choices }, (given) =>
    choices.includes(given as C) ? { value: given as C } : wrong(`must be one of ${choices.join(', ')}`),
  );
}

/**
 * Any JSON. A whole number beyond 2^53 is refused, because it has lost digits when the body was read.
 */
export function json(about: string): Field<unknown> {
  return field(about, {}, (given) => {
    const path = pathOfLostDigits(given, '');
    if (path === undefined) return { value: given };
    const message = 'is a number beyond 2^53, which would lose digits: use a string';
    // A way that is cut off would lead to another place.
    return { problems: [{ pointer: path.length > LONGEST_WAY ? '' : path, message }] };
  });
}

const OPERATION_SCHEMA = {
  type: 'object',
  properties: {
    op: { type: 'string', enum: PATCH_OPERATIONS },
    path: { type: 'string' },
    from: { type: 'string' },
    value: {},
  },
  required: ['op', 'path'],
};

/** A JSON Patch. Whether it applies is known to the service that has what it is applied to. */
export function jsonPatch(about: string): Field<readonly JsonPatchOperation[]> {
  const { read } = json(about);
  return field(about, { type: 'array', items: OPERATION_SCHEMA }, (given, isText) => {
    if (!Array.isArray(given))
      return wrong('must be a list of operations: [{ "op": "replace", "path": "/total", "value": 7 }]');
    const index = given.findIndex((each) => typeof each !== 'object' || each === null);
    if (index >= 0)
      return { problems: [{ pointer: `/${index}`, message: 'must be an operation, which is an object' }] };
    return read(given, isText) as Reading<readonly JsonPatchOperation[]>;
  });
}

const LONGEST_WAY = 200;

function pathOfLostDigits(given: unknown, path: string): string | undefined {
  if (typeof given === 'number')
    return Number.isInteger(given) && !Number.isSafeInteger(given) ? path : undefined;
  if (typeof given !== 'object' || given === null) return undefined;
  for (const [name, value] of Object.entries(given)) {
    const found = pathOfLostDigits(value, `${path}/${escapePointer(name)}`);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** A name as a part of a JSON pointer. */
export function escapePointer(name: string): string {
  return name.toWellFormed().replaceAll('\0', '\uFFFD').replaceAll('~', '~0').replaceAll('/', '~1');
}

/** A time as RFC 3339 writes it, between the years 1 and 9999. */
export function time(about: string): Field<Date> {
  return field(about, { type: 'string', format: 'date-time' }, (given) => {
    const value = typeof given === 'string' && hasZone(given) ? timeOf(given) : undefined;
    return value !== undefined && value.getUTCFullYear() > 0
      ? { value }
      : wrong('must be a time such as 2026-11-25T20:00:00Z');
  });
}

export function field<T>(about: string, schema: Schema, read: Field<T>['read']): Field<T> {
  return { about, schema, isOptional: false, read };
}

export function wrong(message: string): { readonly problems: [{ pointer: string; message: string }] } {
  return { problems: [{ pointer: '', message }] };
}

function readTextOf(given: unknown, max: number): Reading<string> {
  const problem = problemOfText(given, max);
  return problem === undefined ? { value: given as string } : wrong(problem);
}

function numberOf(given: string): number {
  return /^-?\d{1,16}$/.test(given) ? Number(given) : Number.NaN;
}
