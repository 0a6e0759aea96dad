import {
  constraintsOf,
  isSchemaObject,
  numberOf,
  propertiesOf,
  requiredOf,
  resolved,
  type SchemaNode,
  type SchemaObject,
  typesOf,
  valuesOf,
} from './schema-node.js';

/** Whether a schema allows a value. `unknown` if it depends on a keyword that is not judged. */
export type Allowed = 'yes' | 'no' | 'unknown';

type Keyword = (value: unknown, schema: SchemaObject, root: SchemaNode) => Allowed;

const yesIf = (fits: boolean): Allowed => (fits ? 'yes' : 'no');

/** Each keyword that is judged. The ones of a type say yes for values of other types. */
const KEYWORDS: Readonly<Record<string, Keyword>> = {
  type: (value, schema) => yesIf(typesOf(schema).some((type) => isOfType(value, type))),
  enum: (value, schema) => yesIf((valuesOf({ enum: schema.enum }) ?? []).some((each) => isSame(each, value))),
  const: (value, schema) => yesIf(isSame(schema.const, value)),
  minLength: ofText((text, schema) => yesIf([...text].length >= numberOf(schema, 'minLength', 0))),
  maxLength: ofText((text, schema) => yesIf([...text].length <= numberOf(schema, 'maxLength', Infinity))),
  pattern: ofText((text, schema) => matches(text, schema.pattern)),
  format: ofText(() => 'unknown'),
  minimum: ofNumber((value, schema) => value >= numberOf(schema, 'minimum', -Infinity)),
  maximum: ofNumber((value, schema) => value <= numberOf(schema, 'maximum', Infinity)),
  exclusiveMinimum: ofNumber((value, schema) => value > numberOf(schema, 'exclusiveMinimum', -Infinity)),
  exclusiveMaximum: ofNumber((value, schema) => value < numberOf(schema, 'exclusiveMaximum', Infinity)),
  multipleOf: ofNumber((value, schema) => Number.isInteger(value / numberOf(schema, 'multipleOf', 1))),
  minItems: ofList((list, schema) => yesIf(list.length >= numberOf(schema, 'minItems', 0))),
  maxItems: ofList((list, schema) => yesIf(list.length <= numberOf(schema, 'maxItems', Infinity))),
  items: ofList((list, { items }, root) =>
    Array.isArray(items) ? 'unknown' : every(list.map((item) => allows(items as SchemaNode, item, root))),
  ),
  uniqueItems: ofList((list, { uniqueItems }) =>
    yesIf(
      uniqueItems !== true || list.every((item, at) => list.findIndex((each) => isSame(each, item)) === at),
    ),
  ),
  required: ofObject((object, schema) =>
    yesIf(requiredOf(schema).every((name) => Object.hasOwn(object, name))),
  ),
  properties: ofObject((object, schema, root) =>
    every(
      Object.entries(propertiesOf(schema)).map(([name, each]) =>
        Object.hasOwn(object, name) ? allows(each, object[name], root) : 'yes',
      ),
    ),
  ),
  additionalProperties: ofObject((object, schema, root) => {
    const others = Object.keys(object).filter((name) => !Object.hasOwn(propertiesOf(schema), name));
    return every(others.map((name) => allows(schema.additionalProperties as SchemaNode, object[name], root)));
  }),
  allOf: (value, { allOf }, root) => every((allOf as SchemaNode[]).map((each) => allows(each, value, root))),
  anyOf: (value, { anyOf }, root) => some((anyOf as SchemaNode[]).map((each) => allows(each, value, root))),
  oneOf: (value, { oneOf }, root) => {
    const answers = (oneOf as SchemaNode[]).map((each) => allows(each, value, root));
    const fitting = answers.filter((answer) => answer === 'yes').length;
    if (fitting > 1) return 'no';
    return answers.includes('unknown') ? 'unknown' : yesIf(fitting === 1);
  },
};

/** Whether a schema allows a value, as far as its keywords are judged. */
export function allows(node: SchemaNode, value: unknown, root: SchemaNode): Allowed {
  const schema = resolved(node, root);
  if (schema === undefined) return 'unknown';
  if (typeof schema === 'boolean') return yesIf(schema);
  const constraints = constraintsOf(schema);
  return every(
    Object.keys(constraints).map((keyword) => KEYWORDS[keyword]?.(value, constraints, root) ?? 'unknown'),
  );
}

function every(answers: readonly Allowed[]): Allowed {
  if (answers.includes('no')) return 'no';
  return answers.includes('unknown') ? 'unknown' : 'yes';
}

function some(answers: readonly Allowed[]): Allowed {
  if (answers.includes('yes')) return 'yes';
  return answers.includes('unknown') ? 'unknown' : 'no';
}

function ofText(check: (text: string, schema: SchemaObject) => Allowed): Keyword {
  return (value, schema) => (typeof value === 'string' ? check(value, schema) : 'yes');
}

function ofNumber(check: (value: number, schema: SchemaObject) => boolean): Keyword {
  return (value, schema) => yesIf(typeof value !== 'number' || check(value, schema));
}

function ofList(
  check: (list: readonly unknown[], schema: SchemaObject, root: SchemaNode) => Allowed,
): Keyword {
  return (value, schema, root) => (Array.isArray(value) ? check(value, schema, root) : 'yes');
}

function ofObject(check: (object: SchemaObject, schema: SchemaObject, root: SchemaNode) => Allowed): Keyword {
  return (value, schema, root) => (isSchemaObject(value) ? check(value, schema, root) : 'yes');
}

function isOfType(value: unknown, type: string): boolean {
  switch (type) {
    case 'null':
      return value === null;
    case 'integer':
      return Number.isInteger(value);
    case 'array':
      return Array.isArray(value);
    case 'object':
      return isSchemaObject(value);
    default:
      return typeof value === type;
  }
}

/** Whether a text matches. A pattern that is none, or that says nothing at all, is unknown. */
export function matches(text: string, pattern: unknown): Allowed {
  try {
    return yesIf(new RegExp(String(pattern), 'u').test(text));
  } catch {
    return 'unknown';
  }
}

/** Whether two JSON values are the same. The order of properties does not count. */
export function isSame(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (Array.isArray(a) && Array.isArray(b))
    return a.length === b.length && a.every((each, index) => isSame(each, b[index]));
  if (!isSchemaObject(a) || !isSchemaObject(b)) return false;
  const keys = Object.keys(a);
  return (
    keys.length === Object.keys(b).length &&
    keys.every((key) => Object.hasOwn(b, key) && isSame(a[key], b[key]))
  );
}
