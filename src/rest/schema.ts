import type { Schema as JsonSchema } from './field.js';

/**
 * A schema of an answer. It is one value for three readers: the OpenAPI document takes `json`, the document
 * finds the schemas that it refers to in `names`, and the compiler knows the type of what it describes.
 */
export interface Schema<out T> {
  readonly json: JsonSchema;
  /** The schemas with names that it refers to. */
  readonly names: readonly NamedSchema<unknown>[];
  /** For the compiler only. It is never there. */
  readonly type?: T;
}

/** A schema that stands in the OpenAPI document under its name. Others refer to it. */
export interface NamedSchema<out T> extends Schema<T> {
  readonly name: string;
  /** What stands under the name. */
  readonly described: Schema<T>;
}

/** A property that may be absent. */
interface OptionalSchema<out T> extends Schema<T> {
  readonly isOptional: true;
}

/** The type of what a schema describes. A time is a `Date`, which JSON writes as a text. */
export type Infer<S extends Schema<unknown>> = S extends Schema<infer T> ? T : never;

type Properties = Readonly<Record<string, Schema<unknown>>>;
type OptionalNames<P extends Properties> = {
  [Name in keyof P]: P[Name] extends OptionalSchema<unknown> ? Name : never;
}[keyof P];
type ObjectOf<P extends Properties> = {
  readonly [Name in Exclude<keyof P, OptionalNames<P>>]: Infer<P[Name]>;
} & { readonly [Name in OptionalNames<P>]?: Infer<P[Name]> | undefined };
/** The same type, with its properties in one place. */
type Flat<T> = { [Name in keyof T]: T[Name] };

export const TEXT = schema<string>({ type: 'string' });
export const INTEGER = schema<number>({ type: 'integer' });
export const NUMBER = schema<number>({ type: 'number' });
export const FLAG = schema<boolean>({ type: 'boolean' });
export const TIME = schema<Date>({ type: 'string', format: 'date-time' });
/** A time that is a text before it is written as JSON. */
export const TIME_TEXT = schema<string>(TIME.json);
export const UUID = schema<string>({ type: 'string', format: 'uuid' });
export const ANY_OBJECT = schema<Readonly<Record<string, unknown>>>({
  type: 'object',
  additionalProperties: true,
});
export const ANY_JSON = schema<unknown>({});
/** A text, a number, or true or false: what a setting may be. */
export const SCALAR = schema<boolean | number | string>({ type: ['boolean', 'number', 'string'] });
/** Server-sent events, instead of JSON. The handler of such a route sends nothing. */
export const EVENT_STREAM = schema<object>({ type: 'string' });

/** An object that has all these properties, but for the optional ones, and no others. */
export function object<P extends Properties>(properties: P): Schema<Flat<ObjectOf<P>>> {
  const entries = Object.entries(properties);
  const json = {
    type: 'object',
    properties: Object.fromEntries(entries.map(([name, each]) => [name, each.json])),
    required: entries.filter(([, each]) => !('isOptional' in each)).map(([name]) => name),
    additionalProperties: false,
  };
  return schema(
    json,
    entries.flatMap(([, each]) => each.names),
  );
}

/** The same object, which may have other properties as well: the filter of an operation of a part. */
export function open<T>(given: Schema<T>): Schema<T> {
  return { ...given, json: { ...given.json, additionalProperties: true } };
}

/** A property that may be absent. */
export function optional<T>(given: Schema<T>): OptionalSchema<T> {
  return { ...given, isOptional: true };
}

/** An object with any names, and values that are alike. */
export function dictionary<T>(values: Schema<T>): Schema<Readonly<Record<string, T>>> {
  return schema({ type: 'object', additionalProperties: values.json }, values.names);
}

export function list<T>(items: Schema<T>): Schema<readonly T[]> {
  return schema({ type: 'array', items: items.json }, items.names);
}

export function orNull<T>(given: Schema<T>): Schema<T | null> {
  return schema({ anyOf: [given.json, { type: 'null' }] }, given.names);
}

/** One of several objects, which a property of a text tells apart. */
export function either<const S extends readonly Schema<unknown>[]>(...kinds: S): Schema<Infer<S[number]>> {
  return schema(
    { anyOf: kinds.map(({ json }) => json) },
    kinds.flatMap(({ names }) => names),
  );
}

export function oneOf<const T extends string>(values: readonly T[]): Schema<T> {
  return schema({ type: 'string', enum: [...values] });
}

/** A page of a list, with what it says besides. `next` is the cursor of the next page, or null. */
export function pageOf<T, More extends Properties = Readonly<Record<never, never>>>(
  item: Schema<T>,
  more?: More,
) {
  return object({ items: list(item), next: orNull(TEXT), ...(more as More) });
}

/** Gives a schema the name under which the OpenAPI document has it. No two schemas have one name. */
export function named<T>(name: string, described: Schema<T>): NamedSchema<T> {
  const itself: NamedSchema<T> = {
    name,
    described,
    json: { $ref: `#/components/schemas/${name}` },
    get names() {
      return [itself];
    },
  };
  return itself;
}

function schema<T>(json: JsonSchema, names: readonly NamedSchema<unknown>[] = []): Schema<T> {
  return { json, names };
}
