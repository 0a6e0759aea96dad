import { isSchemaObject, type SchemaNode, typesOf, valuesOf } from './schema-node.js';

/** How many values are listed. */
const LISTED = 6;

const NOUNS: Readonly<Record<string, string>> = {
  null: 'null',
  boolean: 'true or false',
  number: 'a number',
  integer: 'a whole number',
  string: 'a string',
  array: 'a list',
  object: 'an object',
};

/** A schema in words: `a string of at most 3 characters`, `"a" or "b"`. */
export function wordsOf(schema: SchemaNode): string {
  if (typeof schema === 'boolean') return schema ? 'anything' : 'nothing';
  const values = valuesOf(schema);
  if (values !== undefined) return listed(values.map((value) => JSON.stringify(value)));
  for (const keyword of ['anyOf', 'oneOf']) {
    const branches = schema[keyword];
    if (Array.isArray(branches)) return listed((branches as SchemaNode[]).map(wordsOf));
  }
  if (typeof schema.$ref === 'string') return `what ${schema.$ref} describes`;
  if (schema.type === undefined)
    return Object.keys(schema).length === 0 ? 'anything' : JSON.stringify(schema);
  return listed(typesOf(schema).map((type) => `${NOUNS[type] ?? type}${limitsOf(schema, type)}`));
}

function listed(words: readonly string[]): string {
  const distinct = [...new Set(words)];
  const shown = distinct.slice(0, LISTED);
  const more = distinct.length > LISTED ? [`${distinct.length - LISTED} more`] : [];
  return [...shown, ...more].join(' or ');
}

function limitsOf(schema: Readonly<Record<string, unknown>>, type: string): string {
  switch (type) {
    case 'string':
      return [
        range(schema.minLength, schema.maxLength, ' characters'),
        ...(typeof schema.format === 'string' ? [` in the format ${schema.format}`] : []),
        ...(typeof schema.pattern === 'string' ? [` that matches /${schema.pattern}/`] : []),
      ].join('');
    case 'array': {
      const { items } = schema;
      const of = isSchemaObject(items) && Object.keys(items).length > 0 ? `, each ${wordsOf(items)}` : '';
      return `${range(schema.minItems, schema.maxItems, ' items')}${of}`;
    }
    case 'number':
    case 'integer':
      return [
        bound(' from', schema.minimum),
        bound(' above', schema.exclusiveMinimum),
        bound(' up to', schema.maximum),
        bound(' below', schema.exclusiveMaximum),
        bound(', a multiple of', schema.multipleOf),
      ].join('');
    default:
      return '';
  }
}

function range(min: unknown, max: unknown, unit: string): string {
  const parts = [
    ...(typeof min === 'number' && min > 0 ? [`at least ${min}`] : []),
    ...(typeof max === 'number' ? [`at most ${max}`] : []),
  ];
  return parts.length === 0 ? '' : ` of ${parts.join(' and ')}${unit}`;
}

function bound(words: string, value: unknown): string {
  return typeof value === 'number' ? `${words} ${value}` : '';
}
