import type { Schema } from '../input/field.js';

/* Short ways to write schemas of OpenAPI 3.1 for answers. */

export const TEXT: Schema = { type: 'string' };
export const INTEGER: Schema = { type: 'integer' };
export const NUMBER: Schema = { type: 'number' };
export const FLAG: Schema = { type: 'boolean' };
export const TIME: Schema = { type: 'string', format: 'date-time' };
export const UUID: Schema = { type: 'string', format: 'uuid' };
export const ANY_OBJECT: Schema = { type: 'object', additionalProperties: true };

/** An object that always has all these properties, and no others. */
export function object(
  properties: Readonly<Record<string, Schema>>,
  optional: readonly string[] = [],
): Schema {
  const required = Object.keys(properties).filter((name) => !optional.includes(name));
  return { type: 'object', properties, required, additionalProperties: false };
}

export function list(items: Schema): Schema {
  return { type: 'array', items };
}

export function named(name: string): Schema {
  return { $ref: `#/components/schemas/${name}` };
}

export function orNull(schema: Schema): Schema {
  return { anyOf: [schema, { type: 'null' }] };
}

export function oneOf(values: readonly string[]): Schema {
  return { type: 'string', enum: [...values] };
}

/** A page of a list, with what it says besides. */
export function pageOf(item: Schema, more: Readonly<Record<string, Schema>> = {}): Schema {
  return object({ items: list(item), next: orNull(TEXT), ...more });
}
