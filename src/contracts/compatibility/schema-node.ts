/** A JSON Schema, or a part of one. */
export type SchemaNode = boolean | SchemaObject;
export type SchemaObject = { readonly [keyword: string]: unknown };

export const TYPES = ['null', 'boolean', 'number', 'string', 'array', 'object'] as const;

/** Keywords that say nothing about which values are allowed. */
const ANNOTATIONS: ReadonlySet<string> = new Set([
  '$schema',
  '$id',
  '$comment',
  '$defs',
  'definitions',
  'title',
  'description',
  'default',
  'examples',
  'deprecated',
  'readOnly',
  'writeOnly',
  'contentEncoding',
  'contentMediaType',
  // Of OpenAPI: it says which property tells the parts of oneOf apart, and the parts say it as well.
  'discriminator',
]);

const MAPS_OF_SCHEMAS: ReadonlySet<string> = new Set(['properties', 'patternProperties', 'dependentSchemas']);
const SCHEMAS: ReadonlySet<string> = new Set([
  'items',
  'additionalProperties',
  'propertyNames',
  'contains',
  'not',
  'if',
  'then',
  'else',
  'anyOf',
  'oneOf',
  'allOf',
  'prefixItems',
]);

export function isSchemaObject(value: unknown): value is SchemaObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function asNode(value: unknown): SchemaNode | undefined {
  return typeof value === 'boolean' || isSchemaObject(value) ? value : undefined;
}

/** The schema without annotations. Definitions go as well, so references are resolved in the whole schema. */
export function constraintsOf(schema: SchemaObject): SchemaObject {
  const kept = Object.entries(schema).filter(([keyword, value]) => isConstraint(keyword, value));
  return Object.fromEntries(kept);
}

function isConstraint(keyword: string, value: unknown): boolean {
  if (ANNOTATIONS.has(keyword) || value === undefined) return false;
  // Each name of a property is a string, so this says nothing. zod writes it for a record.
  return !(keyword === 'propertyNames' && JSON.stringify(value) === '{"type":"string"}');
}

/**
 * A text that is the same for schemas with the same constraints, whatever the order of keywords and whatever
 * their descriptions are.
 */
export function canonicalText(schema: unknown): string {
  return JSON.stringify(canonical(schema));
}

function canonical(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(canonical);
  if (!isSchemaObject(schema)) return schema;
  const definitions = ['$defs', 'definitions'].flatMap((name) =>
    schema[name] === undefined ? [] : [[name, canonicalMap(schema[name])] as const],
  );
  const constraints = Object.entries(constraintsOf(schema)).map(
    ([keyword, value]) => [keyword, canonicalValue(keyword, value)] as const,
  );
  return sorted([...definitions, ...constraints]);
}

function canonicalValue(keyword: string, value: unknown): unknown {
  if (MAPS_OF_SCHEMAS.has(keyword)) return canonicalMap(value);
  if (SCHEMAS.has(keyword)) return canonical(value);
  const isUnordered = keyword === 'required' || keyword === 'type' || keyword === 'enum';
  if (isUnordered && Array.isArray(value)) return value.map((each) => JSON.stringify(each)).sort();
  return value;
}

function canonicalMap(value: unknown): unknown {
  if (!isSchemaObject(value)) return value;
  return sorted(Object.entries(value).map(([name, each]) => [name, canonical(each)] as const));
}

function sorted(entries: readonly (readonly [string, unknown])[]): object {
  return Object.fromEntries([...entries].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/**
 * The schema with every object closed that leaves other properties open. Two schemas that say the same about
 * the properties that they declare can still declare different ones.
 */
export function closed(schema: SchemaNode): SchemaNode {
  return closedPart(schema) as SchemaNode;
}

function closedPart(part: unknown): unknown {
  if (Array.isArray(part)) return part.map(closedPart);
  if (!isSchemaObject(part)) return part;
  const entries = Object.entries(part).map(([key, value]) => [key, closedPart(value)]);
  const isOpen = isSchemaObject(part.properties) && part.additionalProperties === undefined;
  return Object.fromEntries([...entries, ...(isOpen ? [['additionalProperties', false]] : [])]);
}

/**
 * Follows references to a part of the same schema. Undefined for a reference that leads nowhere, or to
 * another document.
 */
export function resolved(node: SchemaNode, root: SchemaNode): SchemaNode | undefined {
  let current: SchemaNode | undefined = node;
  for (let steps = 0; isSchemaObject(current) && typeof current.$ref === 'string'; steps++) {
    // What stands beside a reference has no meaning in draft 7.
    if (steps > 100 || !current.$ref.startsWith('#')) return undefined;
    current = asNode(partAt(root, current.$ref));
  }
  return current;
}

function partAt(root: unknown, reference: string): unknown {
  const segments = reference.slice(1).split('/').slice(1);
  let part = root;
  for (const segment of segments) {
    const key = decodeURIComponent(segment).replaceAll('~1', '/').replaceAll('~0', '~');
    part = Object(part)[key];
  }
  return part;
}

/** The finite list of values of a schema with `enum` or `const`. */
export function valuesOf(schema: SchemaObject): readonly unknown[] | undefined {
  if ('const' in schema) return [schema.const];
  return Array.isArray(schema.enum) ? schema.enum : undefined;
}

/** The types that the keyword `type` lists, or all of them. `integer` stays beside `number`. */
export function typesOf(schema: SchemaObject): readonly string[] {
  const { type } = schema;
  if (typeof type === 'string') return [type];
  return Array.isArray(type) ? (type as string[]) : TYPES;
}

export function numberOf(schema: SchemaObject, keyword: string, otherwise: number): number {
  const value = schema[keyword];
  return typeof value === 'number' ? value : otherwise;
}

export function propertiesOf(schema: SchemaObject): Readonly<Record<string, SchemaNode>> {
  return isSchemaObject(schema.properties) ? (schema.properties as Record<string, SchemaNode>) : {};
}

export function requiredOf(schema: SchemaObject): readonly string[] {
  return Array.isArray(schema.required) ? (schema.required as string[]) : [];
}
