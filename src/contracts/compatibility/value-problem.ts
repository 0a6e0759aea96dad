import { type JsonProblem, memberPath } from '../../events/json-problem.js';
import { allows } from './check-value.js';
import {
  asNode,
  isSchemaObject,
  propertiesOf,
  requiredOf,
  resolved,
  type SchemaNode,
  type SchemaObject,
  typesOf,
} from './schema-node.js';
import { wordsOf } from './words.js';

/**
 * The first place at which a value of JSON certainly is not what a schema allows. Undefined if it is, or if
 * that depends on a keyword that is not judged. The reason does not contain the value.
 */
export function problemOfValue(
  node: SchemaNode,
  value: unknown,
  path: string,
  root: SchemaNode = node,
): JsonProblem | undefined {
  if (allows(node, value, root) !== 'no') return undefined;
  const schema = resolved(node, root);
  if (!isSchemaObject(schema)) return { path, reason: 'must not be there' };
  return (
    problemWithin(schema, value, path, root) ??
    problemOfChoice(schema, value, path, root) ?? { path, reason: `must be ${wordsOf(schema)}` }
  );
}

function problemWithin(
  schema: SchemaObject,
  value: unknown,
  path: string,
  root: SchemaNode,
): JsonProblem | undefined {
  const items = asNode(schema.items);
  if (Array.isArray(value))
    return firstOf(value.entries(), ([at, item]) =>
      items === undefined ? undefined : problemOfValue(items, item, memberPath(path, at), root),
    );
  if (!isSchemaObject(value)) return undefined;
  const missing = requiredOf(schema).find((name) => !Object.hasOwn(value, name));
  if (missing !== undefined) return { path: memberPath(path, missing), reason: 'is missing' };
  const properties = propertiesOf(schema);
  const others = asNode(schema.additionalProperties ?? true);
  return firstOf(Object.entries(value), ([name, each]) => {
    const node = Object.hasOwn(properties, name) ? properties[name] : others;
    return node === undefined ? undefined : problemOfValue(node, each, memberPath(path, name), root);
  });
}

/** Of several choices, the only one of the value's type says more than all of them. */
function problemOfChoice(
  { allOf, anyOf, oneOf }: SchemaObject,
  value: unknown,
  path: string,
  root: SchemaNode,
): JsonProblem | undefined {
  if (Array.isArray(allOf)) return firstOf(allOf, (each) => problemOfValue(each, value, path, root));
  const choices = [anyOf, oneOf].find(Array.isArray) ?? [];
  const ofType = (choices as SchemaNode[]).filter((each) => {
    const schema = resolved(each, root);
    return isSchemaObject(schema) && allows({ type: typesOf(schema) }, value, root) === 'yes';
  });
  return ofType.length === 1 && ofType[0] !== undefined
    ? problemOfValue(ofType[0], value, path, root)
    : undefined;
}

function firstOf<T>(
  values: Iterable<T>,
  look: (value: T) => JsonProblem | undefined,
): JsonProblem | undefined {
  for (const value of values) {
    const found = look(value);
    if (found !== undefined) return found;
  }
  return undefined;
}
