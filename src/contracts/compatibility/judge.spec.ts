import { describe, expect, it } from '@jest/globals';
import { Ajv } from 'ajv';
import formats from 'ajv-formats';
import fc from 'fast-check';
import { judge } from './judge.js';
import { canonicalText, type SchemaNode, type SchemaObject } from './schema-node.js';

const RUNS = Math.ceil(400 * Number(process.env.MODEL_SHARE ?? 1));
const SEED = 20_261_126;

const text = { type: 'string' };
const whole = { type: 'integer' };
const object = (properties: object, required: string[] = Object.keys(properties), more: object = {}) => ({
  type: 'object',
  properties,
  required,
  ...more,
});
const listOf = (items: object, more: object = {}) => ({ type: 'array', items, ...more });
const tree = (leaf: object, required: string[]) => ({
  $ref: '#/definitions/node',
  definitions: { node: object({ leaf, next: { $ref: '#/definitions/node' } }, required) },
});

/** A member of a discriminated union. */
const member = (kind: string, more: object = {}) => object({ kind: { const: kind }, ...more });
const union = (...members: object[]) => object({ u: { oneOf: members } });

type Pair = readonly [words: string, from: SchemaNode, to: SchemaNode, path?: string];

const FIT: readonly Pair[] = [
  ['the same', object({ a: text }), object({ a: text })],
  ['a new optional property', object({ a: text }), object({ a: text, b: whole }, ['a'])],
  ['a property that is no longer read', object({ a: text, b: whole }), object({ a: text })],
  ['a required property becomes optional', object({ a: text }), object({ a: text }, [])],
  [
    'a closed object, and an open one',
    object({ a: text }, ['a'], { additionalProperties: false }),
    object({ a: text }),
  ],
  [
    'extra properties of one type',
    { type: 'object', additionalProperties: whole },
    { type: 'object', additionalProperties: { type: 'number' } },
  ],
  ['whole numbers are numbers', object({ n: whole }), object({ n: { type: 'number' } })],
  ['one more type', text, { type: ['string', 'null'] }],
  ['one more value', { enum: ['a', 'b'] }, { enum: ['a', 'b', 'c'] }],
  ['a list of values becomes any string', { type: 'string', enum: ['a', 'bb'] }, text],
  ['a constant of several', { const: 'a' }, { enum: ['a', 'b'] }],
  ['both booleans', { type: 'boolean' }, { enum: [true, false] }],
  ['a longer limit', { type: 'string', maxLength: 5 }, { type: 'string', maxLength: 10 }],
  [
    'a wider range',
    { type: 'number', minimum: 1, maximum: 5 },
    { type: 'number', exclusiveMinimum: 0, maximum: 5 },
  ],
  [
    'whole numbers above 0, and from 1',
    { type: 'integer', exclusiveMinimum: 0 },
    { type: 'integer', minimum: 1 },
  ],
  [
    'multiples of 6 are multiples of 3',
    { type: 'integer', multipleOf: 6 },
    { type: 'integer', multipleOf: 3 },
  ],
  [
    'the same pattern',
    { type: 'string', pattern: '^[a-z]{2}$', minLength: 1 },
    { type: 'string', pattern: '^[a-z]{2}$' },
  ],
  ['a format that is no longer asked for', { type: 'string', format: 'date-time' }, text],
  ['fewer items are demanded', listOf(text, { minItems: 2 }), listOf(text, { minItems: 1 })],
  ['one choice more', { anyOf: [text, whole] }, { anyOf: [text, whole, { type: 'null' }] }],
  [
    'choices by a constant',
    { anyOf: [object({ k: { const: 'a' }, n: whole })] },
    { anyOf: [object({ k: { const: 'a' }, n: { type: 'number' } }), object({ k: { const: 'b' }, s: text })] },
  ],
  ['parts together', { allOf: [object({ a: text }), object({ b: whole })] }, object({ a: text, b: whole })],
  ['a schema that refers to itself', tree(text, ['leaf']), tree({ type: ['string', 'null'] }, ['leaf'])],
  ['nothing at all', false, text],
  [
    'one member more of a discriminated union',
    union(member('a')),
    union(member('a'), member('b', { n: whole })),
  ],
  [
    'a member of a discriminated union that reads more',
    union(member('a', { n: whole }), member('b')),
    union(member('b'), member('a', { n: { type: 'number' } })),
  ],
  [
    'a discriminated union beside its type',
    { type: 'object', oneOf: [member('a'), member('b')] },
    { anyOf: [member('a'), member('b'), member('c')] },
  ],
  [
    'members that are referred to',
    {
      oneOf: [{ $ref: '#/definitions/a' }, { $ref: '#/definitions/b' }],
      definitions: { a: member('a'), b: member('b') },
    },
    { oneOf: [member('b'), member('a')] },
  ],
];

const BREAK: readonly Pair[] = [
  ['a new required property', object({ a: text }), object({ a: text, b: whole }), 'payload.b'],
  ['an optional property becomes required', object({ a: text }, []), object({ a: text }), 'payload.a'],
  ['another type', object({ a: object({ n: whole }) }), object({ a: object({ n: text }) }), 'payload.a.n'],
  ['numbers, and whole numbers', { type: 'number' }, whole, 'payload'],
  ['null goes', object({ a: { type: ['string', 'null'] } }), object({ a: text }), 'payload.a'],
  ['a value goes', object({ a: { enum: ['a', 'b'] } }), object({ a: { enum: ['a'] } }), 'payload.a'],
  ['a string becomes one of few', text, { enum: ['a'] }, 'payload'],
  ['a shorter limit', { type: 'string', maxLength: 10 }, { type: 'string', maxLength: 5 }, 'payload'],
  ['a minimum length', text, { type: 'string', minLength: 1 }, 'payload'],
  ['a narrower range', { type: 'integer', minimum: 0 }, { type: 'integer', minimum: 1 }, 'payload'],
  [
    'a bound that is not reached',
    { type: 'number', minimum: 0, maximum: 1 },
    { type: 'number', minimum: 0, exclusiveMaximum: 1 },
    'payload',
  ],
  [
    'a format that is asked for',
    object({ at: text }),
    object({ at: { type: 'string', format: 'date-time' } }),
    'payload.at',
  ],
  ['a pattern that is asked for', text, { type: 'string', pattern: '^[0-9]+$' }, 'payload'],
  [
    'a property that a closed object does not have',
    object({ a: text, b: text }),
    object({ a: text }, ['a'], { additionalProperties: false }),
    'payload.b',
  ],
  [
    'extra properties of another type',
    { type: 'object', additionalProperties: text },
    { type: 'object', additionalProperties: whole },
    'payload.*',
  ],
  [
    'extra properties, and one that is read',
    { type: 'object', additionalProperties: text },
    object({ a: whole }, []),
    'payload.a',
  ],
  ['items of another type', listOf(text), listOf(whole), 'payload[]'],
  ['more items are demanded', listOf(text, { minItems: 1 }), listOf(text, { minItems: 2 }), 'payload'],
  ['repetitions', listOf({ enum: [1, 2] }), listOf({ enum: [1, 2] }, { uniqueItems: true }), 'payload'],
  ['a choice goes', { anyOf: [text, whole] }, { anyOf: [text] }, 'payload'],
  [
    'one of the choices by a constant',
    { anyOf: [object({ k: { const: 'a' }, n: text })] },
    { anyOf: [object({ k: { const: 'a' }, n: whole }), object({ k: { const: 'b' }, n: text })] },
    'payload.n',
  ],
  [
    'a schema that refers to itself',
    tree({ type: ['string', 'null'] }, ['leaf']),
    tree(text, ['leaf']),
    'payload.leaf',
  ],
  ['anything', {}, object({ a: text }), 'payload'],
  [
    'a member of a discriminated union goes',
    union(member('a'), member('b')),
    union(member('a')),
    'payload.u.kind',
  ],
  [
    'a member of a list of values goes',
    union(object({ kind: { enum: ['a', 'b'] } }), member('c')),
    union(object({ kind: { enum: ['a'] } }), member('c')),
    'payload.u.kind',
  ],
  [
    'a payload that is a discriminated union loses a member',
    { oneOf: [member('a'), member('b'), member('c')] },
    { oneOf: [member('a'), member('b')] },
    'payload.kind',
  ],
  [
    'a list of a discriminated union loses a member',
    listOf({ oneOf: [member('a'), member('b')] }),
    listOf({ oneOf: [member('a'), member('c')] }),
    'payload[].kind',
  ],
  [
    'a member of a discriminated union asks for more',
    union(member('a'), member('b')),
    union(member('a'), member('b', { n: whole })),
    'payload.u.n',
  ],
  [
    'a discriminated union beside its type loses a member',
    { type: 'object', oneOf: [member('a'), member('b')] },
    { type: 'object', oneOf: [member('a')] },
    'payload.kind',
  ],
  [
    'members that are told apart by references',
    {
      oneOf: [object({ kind: { $ref: '#/definitions/node' } }), member('b')],
      definitions: { node: { const: 'a' } },
    },
    { oneOf: [member('b')] },
    'payload.kind',
  ],
];

const UNKNOWN: readonly Pair[] = [
  ['another pattern', { type: 'string', pattern: '^a' }, { type: 'string', pattern: '^b' }],
  ['not', text, { type: 'string', not: { const: 'a' } }],
  ['a keyword that nobody knows', text, { type: 'string', 'x-zod': 'transform' }],
  ['places of a list', { type: 'array', items: [text, whole] }, { type: 'array', items: [whole] }],
  [
    'members of oneOf that are told apart by nothing',
    { oneOf: [object({ a: text }), object({ b: text })] },
    object({ a: text }),
  ],
  ['a reference to elsewhere', { $ref: 'https://example.com/schema' }, text],
];

function ajvOf(): Ajv {
  const ajv = new Ajv({ strict: false });
  (formats as unknown as { default: (ajv: Ajv) => void }).default?.(ajv) ??
    (formats as unknown as (ajv: Ajv) => void)(ajv);
  return ajv;
}

function definitionsOf(root: SchemaNode): Readonly<Record<string, unknown>> {
  return (root as { definitions: Record<string, unknown> }).definitions;
}

/** Values of a schema, those at its bounds among them. Undefined if there are none within the depth. */
function valuesOf(node: SchemaNode, root: SchemaNode, depth = 0): fc.Arbitrary<unknown> | undefined {
  if (node === false || depth > 4) return undefined;
  if (node === true) return fc.jsonValue({ maxDepth: 1 });
  const schema = node as SchemaObject & Record<string, never>;
  const inner = (each: SchemaNode) => valuesOf(each, root, depth + 1);
  const among = (nodes: readonly SchemaNode[]) => {
    const some = nodes.map(inner).filter((each) => each !== undefined);
    return some.length === 0 ? undefined : fc.oneof(...some);
  };
  if (typeof schema.$ref === 'string')
    return inner(definitionsOf(root)[String(schema.$ref).replace('#/definitions/', '')] as SchemaNode);
  if ('const' in schema) return fc.constant(schema.const);
  if (Array.isArray(schema.enum)) return fc.constantFrom(...(schema.enum as unknown[]));
  if (Array.isArray(schema.anyOf ?? schema.oneOf))
    return among((schema.anyOf ?? schema.oneOf) as unknown as SchemaNode[]);
  if (Array.isArray(schema.allOf)) {
    const parts = (schema.allOf as SchemaNode[]).map(inner).filter((each) => each !== undefined);
    return fc.tuple(...parts).map((values) => Object.assign({}, ...(values as object[])));
  }
  if (typeof schema.type !== 'string')
    return among(
      (
        (schema.type as unknown as string[]) ?? ['null', 'boolean', 'number', 'string', 'array', 'object']
      ).map((type) => ({
        ...schema,
        type,
      })),
    );
  const {
    minLength = 0,
    maxLength,
    minItems = 0,
    maxItems,
    multipleOf = 1,
  } = schema as Record<string, number>;
  const low = Math.max(schema.minimum ?? -50, schema.exclusiveMinimum ?? -50);
  const high = Math.min(schema.maximum ?? 50, schema.exclusiveMaximum ?? 50);
  const integers = fc.oneof(
    fc.integer({ min: Math.ceil(low), max: Math.floor(high) }),
    fc.constantFrom(Math.ceil(low), Math.floor(high)),
  );
  switch (schema.type as string) {
    case 'null':
      return fc.constant(null);
    case 'boolean':
      return fc.boolean();
    case 'integer':
      return integers.map((each) => each * multipleOf);
    case 'number':
      return fc.oneof(integers, fc.double({ min: low, max: high, noNaN: true }));
    case 'string':
      if (schema.format === 'date-time')
        return fc
          .date({ noInvalidDate: true, min: new Date(0), max: new Date(4e12) })
          .map((at) => at.toISOString());
      if (typeof schema.pattern === 'string') return fc.stringMatching(new RegExp(schema.pattern));
      return fc.oneof(
        fc.string({ minLength, maxLength: maxLength ?? minLength + 3 }),
        fc.constant('x'.repeat(maxLength ?? minLength + 8)),
      );
    case 'array': {
      const item = inner((schema.items as SchemaNode | undefined) ?? true);
      if (item === undefined) return fc.constant([]);
      const most = maxItems ?? minItems + 3;
      return fc.oneof(
        fc.array(item, { minLength: minItems, maxLength: most }),
        fc.array(item, { minLength: minItems, maxLength: minItems }),
      );
    }
    default: {
      const known = Object.entries((schema.properties ?? {}) as Record<string, SchemaNode>).flatMap(
        ([name, each]) => {
          const value = inner(each);
          return value === undefined ? [] : [[name, value] as const];
        },
      );
      const required = ((schema.required ?? []) as string[]).filter((name) =>
        known.some(([each]) => each === name),
      );
      const declared = fc.record(Object.fromEntries(known), { requiredKeys: required as never[] });
      const extra =
        schema.additionalProperties === undefined ? undefined : inner(schema.additionalProperties);
      if (extra === undefined) return declared;
      const others = fc.dictionary(fc.constantFrom('a', 'b', 'x', 'y'), extra, { maxKeys: 3 });
      return fc.tuple(others, declared).map(([more, own]) => ({ ...more, ...own }));
    }
  }
}

/** Values that ajv takes for values of `from`, and whether it takes them for values of `to`. */
function judgedByAjv(from: SchemaNode, to: SchemaNode): boolean[] {
  const ajv = ajvOf();
  const [isFrom, isTo] = [ajv.compile(from as object), ajv.compile(to as object)];
  const values = valuesOf(from, from);
  if (values === undefined) return [];
  return fc
    .sample(values, { numRuns: RUNS, seed: SEED })
    .filter((value) => isFrom(value))
    .map((value) => isTo(value) as boolean);
}

describe('compatibility of two schemas', () => {
  it.each(FIT)('fits, and ajv takes each value: %s', (_, from, to) => {
    expect(judge(from, to)).toEqual({ kind: 'fits' });
    const judged = judgedByAjv(from, to);
    expect(judged.length > 0 || from === false).toBe(true);
    expect(judged.every((each) => each)).toBe(true);
  });

  it.each(BREAK)('breaks, and ajv refuses a value: %s', (_, from, to, path) => {
    expect(judge(from, to)).toMatchObject({ kind: 'breaks', path });
    expect(judgedByAjv(from, to)).toContain(false);
  });

  it.each(UNKNOWN)('cannot be judged: %s', (_, from, to) => {
    expect(judge(from, to)).toMatchObject({ kind: 'unknown' });
  });

  it('agrees with ajv about schemas that are put together at random', () => {
    const decided = { fits: 0, breaks: 0, unknown: 0 };
    const pairs = fc.sample(fc.tuple(SCHEMAS, SCHEMAS), { numRuns: RUNS, seed: SEED });
    for (const [from, to] of pairs) {
      const { kind } = judge(from, to);
      decided[kind] += 1;
      if (kind === 'fits' && !judgedByAjv(from, to).every((each) => each))
        throw new Error(`does not fit: ${JSON.stringify([from, to])}`);
      if (kind === 'breaks' && judgedByAjv(from, to).every((each) => each))
        throw new Error(`does not break: ${JSON.stringify([from, to])}`);
    }
    expect(decided.fits).toBeGreaterThan(RUNS / 40);
    expect(decided.breaks).toBeGreaterThan(RUNS / 4);
    expect(decided.unknown).toBeLessThan(RUNS / 4);
  });

  it('says in words what was allowed and what is allowed now', () => {
    const from = object({ a: { type: 'string', maxLength: 10 }, k: { enum: ['x', 'y'] } });
    expect(judge(from, object({ a: { type: 'string', maxLength: 5 } }))).toEqual({
      kind: 'breaks',
      path: 'payload.a',
      from: 'a string of at most 10 characters',
      to: 'a string of at most 5 characters',
    });
    expect(judge(from, object({ k: { enum: ['x'] } }))).toMatchObject({
      path: 'payload.k',
      from: '"y"',
      to: '"x"',
    });
  });

  it('takes no notice of descriptions and of the order of keywords', () => {
    const one = { title: 'x', type: 'object', required: ['a', 'b'], properties: { a: text, title: whole } };
    const other = {
      properties: { title: { ...whole, description: 'y' }, a: text },
      required: ['b', 'a'],
      type: 'object',
    };
    expect(canonicalText(one)).toBe(canonicalText(other));
    expect(canonicalText(one)).not.toBe(canonicalText({ ...one, properties: { a: text } }));
  });
});

const SCALARS: fc.Arbitrary<SchemaObject> = fc.oneof(
  fc.constantFrom(text, whole, { type: 'number' }, { type: 'null' }, { type: 'boolean' }),
  fc.subarray(['a', 'b', 'c'], { minLength: 1 }).map((values) => ({ enum: values })),
  fc.record({ type: fc.constant('string'), minLength: fc.nat(2), maxLength: fc.integer({ min: 2, max: 4 }) }),
  fc.record({
    type: fc.constant('integer'),
    minimum: fc.integer({ min: -3, max: 0 }),
    maximum: fc.integer({ min: 0, max: 3 }),
  }),
  fc.subarray(['string', 'null', 'integer'], { minLength: 1 }).map((type) => ({ type })),
);
const SCHEMAS: fc.Arbitrary<SchemaObject> = fc.oneof(
  SCALARS,
  fc.array(SCALARS, { minLength: 1, maxLength: 2 }).map((anyOf) => ({ anyOf })),
  fc.tuple(SCALARS, fc.nat(1)).map(([items, minItems]) => ({ type: 'array', items, minItems })),
  fc
    .record({ a: SCALARS, b: SCALARS, required: fc.subarray(['a', 'b']), isClosed: fc.boolean() })
    .map(({ a, b, required, isClosed }) =>
      object({ a, b }, required, isClosed ? { additionalProperties: false } : {}),
    ),
);
