import type { JsonSchema } from '../event-schema.js';

/** Under this keyword stand rules that JSON Schema has no word for. They are compared by name and values. */
export const NAMED_RULES = 'x-class-validator';

/** Under this keyword stand the decorators whose meaning is in a function. They are not compared. */
export const NOT_COMPARED = 'x-not-compared';

/** Not null, and not absent. It is not written, because every type says it already. */
export const DEFINED = Symbol('defined');

/** What a rule says: keywords of JSON Schema, and whether the value is there and is not empty. */
export type SchemaPart = JsonSchema & { readonly [DEFINED]?: 'isDefined' | 'isNotEmpty' };

const HIGHEST: ReadonlySet<string> = new Set([
  'minimum',
  'exclusiveMinimum',
  'minLength',
  'minItems',
  'minProperties',
]);
const LOWEST: ReadonlySet<string> = new Set(['maximum', 'exclusiveMaximum', 'maxLength', 'maxItems']);

/** One schema for values that all of these allow. */
export function together(parts: readonly SchemaPart[]): JsonSchema {
  const whole: Record<string, unknown> = {};
  const others: JsonSchema[] = [];
  for (const part of parts)
    for (const [keyword, value] of Object.entries(part)) {
      const known = whole[keyword];
      const both = known === undefined ? value : combined(keyword, known, value);
      if (both === undefined) others.push({ [keyword]: value });
      else whole[keyword] = both;
    }
  for (const part of parts) addPresence(whole, part[DEFINED]);
  return others.length === 0 ? whole : { ...whole, allOf: others };
}

/** Undefined if one keyword cannot say both. */
function combined(keyword: string, a: unknown, b: unknown): unknown {
  if (HIGHEST.has(keyword)) return Math.max(Number(a), Number(b));
  if (LOWEST.has(keyword)) return Math.min(Number(a), Number(b));
  if (keyword === NAMED_RULES || keyword === NOT_COMPARED)
    return [...new Set([...(a as string[]), ...(b as string[])])].sort();
  if (keyword === 'enum') {
    const texts = new Set((b as unknown[]).map((value) => JSON.stringify(value)));
    return (a as unknown[]).filter((value) => texts.has(JSON.stringify(value)));
  }
  if (JSON.stringify(a) === JSON.stringify(b)) return a;
  const isNumber = (type: unknown) => type === 'number' || type === 'integer';
  return keyword === 'type' && isNumber(a) && isNumber(b) ? 'integer' : undefined;
}

function addPresence(whole: Record<string, unknown>, rule: SchemaPart[typeof DEFINED]): void {
  if (rule === undefined || whole.enum !== undefined) return;
  if (rule === 'isNotEmpty' && whole.type === 'string')
    whole.minLength = Math.max(1, Number(whole.minLength ?? 0));
  else if (whole.type === undefined)
    whole[NAMED_RULES] = [...((whole[NAMED_RULES] as string[] | undefined) ?? []), rule].sort();
}

/** The schema with null beside what it allows. */
export function orNull(schema: JsonSchema): JsonSchema {
  const { type } = schema;
  const isPlain = typeof type === 'string' && !Object.keys(schema).some((key) => !ONLY_OF_A_TYPE.has(key));
  if (isPlain) return { ...schema, type: [type, 'null'] };
  if (Object.keys(schema).length === 0) return schema;
  if (Array.isArray(schema.anyOf) && Object.keys(schema).length === 1)
    return { anyOf: [...schema.anyOf, { type: 'null' }] };
  return { anyOf: [schema, { type: 'null' }] };
}

/** Keywords that say nothing about null. */
const ONLY_OF_A_TYPE: ReadonlySet<string> = new Set([
  'type',
  'format',
  'pattern',
  'items',
  'properties',
  'required',
  'additionalProperties',
  'multipleOf',
  ...HIGHEST,
  ...LOWEST,
]);

/** The places of a schema that are not compared, with the decorators that are the reason. */
export function placesNotCompared(schema: unknown, path = 'payload'): string[] {
  if (Array.isArray(schema)) return [...new Set(schema.flatMap((each) => placesNotCompared(each, path)))];
  if (typeof schema !== 'object' || schema === null) return [];
  const {
    [NOT_COMPARED]: here,
    properties = {},
    items,
    definitions = {},
    anyOf,
    allOf,
  } = schema as Record<string, object | undefined>;
  return [
    ...(Array.isArray(here) ? [`${path} (${here.join(', ')})`] : []),
    ...Object.entries(properties).flatMap(([name, each]) => placesNotCompared(each, `${path}.${name}`)),
    ...Object.entries(definitions).flatMap(([name, each]) => placesNotCompared(each, name)),
    ...placesNotCompared(items, `${path}[]`),
    ...placesNotCompared(anyOf, path),
    ...placesNotCompared(allOf, path),
  ];
}
