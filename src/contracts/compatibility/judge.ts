import { allows, isSame } from './check-value.js';
import { JUDGED, judgeArray, judgeNumber, judgeObject, judgeString } from './judge-types.js';
import {
  asNode,
  canonicalText,
  constraintsOf,
  isSchemaObject,
  propertiesOf,
  requiredOf,
  resolved,
  type SchemaNode,
  type SchemaObject,
  typesOf,
  valuesOf,
} from './schema-node.js';
import { all, breaks, FITS, unknown, unlessBroken, unlessFit, type Verdict } from './verdict.js';
import { wordsOf } from './words.js';

/**
 * Judges whether each value that `from` allows is allowed by `to`.
 *
 * These keywords are judged: type, enum, const, properties, required, additionalProperties, items (one schema
 * for all), minItems, maxItems, uniqueItems, minLength, maxLength, pattern and format (the same or none),
 * minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf, anyOf, oneOf and allOf, and $ref within
 * the schema. Of all others the verdict is `unknown`, unless both schemas have the same.
 */
export function judge(from: SchemaNode, to: SchemaNode, path = 'payload'): Verdict {
  return new Judge(from, to).judge(from, to, path);
}

class Judge {
  /** The pairs that are being judged. A schema that refers to itself fits as long as nothing else breaks. */
  private readonly under = new Map<SchemaNode, Set<SchemaNode>>();

  constructor(
    private readonly fromRoot: SchemaNode,
    private readonly toRoot: SchemaNode,
  ) {}

  readonly judge = (given: SchemaNode, wanted: SchemaNode, path: string): Verdict => {
    const from = resolved(given, this.fromRoot);
    const to = resolved(wanted, this.toRoot);
    if (from === undefined || to === undefined) return unknown(path, 'a $ref leads out of the schema');
    if (from === false || to === true) return FITS;
    const pairs = this.under.get(from) ?? new Set();
    if (pairs.has(to)) return FITS;
    this.under.set(from, pairs.add(to));
    const verdict = this.judgeObjects(from === true ? {} : constraintsOf(from), to, path);
    pairs.delete(to);
    return verdict;
  };

  private judgeObjects(from: SchemaObject, wanted: SchemaNode, path: string): Verdict {
    if (wanted === false) return breaks(path, wordsOf(from), 'nothing');
    const to = constraintsOf(wanted as SchemaObject);
    if (Object.keys(to).length === 0) return FITS;
    const isAlike = canonicalText(from) === canonicalText(to) && !canonicalText(from).includes('"$ref"');
    if (isAlike) return FITS;
    const values = valuesOf(from);
    if (values !== undefined) return this.judgeValues(from, values, to, path);
    const [branches, isExact] = branchesOf(from, this.fromRoot);
    if (branches !== undefined) {
      const verdict = all(branches.map((branch) => this.judge(branch, to, path)));
      return isExact ? verdict : unlessBroken(verdict, 'oneOf, allOf: parts of them may exclude each other');
    }
    return this.judgeOneType(from, to, path);
  }

  /** `from` allows only these values, so each is looked at. */
  private judgeValues(
    from: SchemaObject,
    values: readonly unknown[],
    to: SchemaObject,
    path: string,
  ): Verdict {
    const { enum: _enum, const: _const, ...others } = from;
    return all(
      values
        .filter((value) => allows(others, value, this.fromRoot) !== 'no')
        .map((value) => {
          const isCertain = allows(others, value, this.fromRoot) === 'yes';
          const answer = allows(to, value, this.toRoot);
          if (answer === 'yes') return FITS;
          return answer === 'no' && isCertain
            ? breaks(path, JSON.stringify(value), wordsOf(to))
            : unknown(path, 'a value depends on a keyword that is not judged');
        }),
    );
  }

  /** `from` allows values of one type. */
  private judgeOneType(from: SchemaObject, to: SchemaObject, path: string): Verdict {
    const { allOf, anyOf, oneOf, ...rest } = to;
    const verdicts: Verdict[] = [];
    if (Array.isArray(allOf))
      verdicts.push(...(allOf as SchemaNode[]).map((each) => this.judge(from, each, path)));
    if (Array.isArray(anyOf)) verdicts.push(this.judgeChoice(from, anyOf as SchemaNode[], path, false));
    if (Array.isArray(oneOf)) verdicts.push(this.judgeChoice(from, oneOf as SchemaNode[], path, true));
    if (Object.keys(rest).length > 0) verdicts.push(this.judgeKeywords(from, rest, path));
    return all(verdicts);
  }

  private judgeChoice(
    from: SchemaObject,
    choices: readonly SchemaNode[],
    path: string,
    isOne: boolean,
  ): Verdict {
    const possible = choices.filter((each) => this.overlap(from, each));
    const verdicts = possible.map((each) => this.judge(from, each, path));
    if (verdicts.some(({ kind }) => kind === 'fits'))
      return isOne && possible.length > 1 ? unknown(path, 'parts of oneOf may overlap') : FITS;
    const [only] = verdicts;
    if (only === undefined) return this.noneOf(from, choices, path);
    return verdicts.length === 1 ? only : unknown(path, 'several parts of anyOf may allow it together');
  }

  /** No choice allows a value of `from`. Where a property tells the choices apart, it is named. */
  private noneOf(from: SchemaObject, choices: readonly SchemaNode[], path: string): Verdict {
    for (const [name, written] of Object.entries(valuesOfRequired(from, this.fromRoot))) {
      const known = choices.map((each) => valuesOfRequired(resolved(each, this.toRoot), this.toRoot)[name]);
      if (known.length > 0 && known.every((values) => values !== undefined))
        return breaks(`${path}.${name}`, wordsOf({ enum: written }), wordsOf({ enum: known.flat() }));
    }
    return breaks(path, wordsOf(from), wordsOf({ anyOf: choices }));
  }

  /** Whether a value may be allowed by both. False only if that is certain. */
  private overlap(given: SchemaObject, wanted: SchemaNode): boolean {
    const to = resolved(wanted, this.toRoot);
    const from = resolved(given, this.fromRoot);
    if (!isSchemaObject(to) || !isSchemaObject(from)) return to !== false;
    const values = valuesOf(to);
    if (values !== undefined) return values.some((value) => allows(from, value, this.fromRoot) !== 'no');
    const types = typesOf(to);
    if (!typesOf(from).some((type) => types.some((other) => areRelated(type, other)))) return false;
    const required = new Set([...requiredOf(from), ...requiredOf(to)]);
    return Object.entries(propertiesOf(from)).every(([name, node]) => {
      const other = asNode(propertiesOf(to)[name]);
      const whole = resolved(node, this.fromRoot);
      const written = isSchemaObject(whole) ? valuesOf(whole) : undefined;
      if (other === undefined || written === undefined || !required.has(name)) return true;
      return written.some((value) => allows(other, value, this.toRoot) !== 'no');
    });
  }

  private judgeKeywords(from: SchemaObject, to: SchemaObject, path: string): Verdict {
    const [type = ''] = typesOf(from);
    const judged = new Set([...(JUDGED.any ?? []), ...(JUDGED[type === 'integer' ? 'number' : type] ?? [])]);
    const verdict = this.judgeJudged({ ...from, type }, to, path, type);
    const same = (keyword: string) => canonicalText(from[keyword]) === canonicalText(to[keyword]);
    const [ofFrom] = Object.keys(from).filter((keyword) => !judged.has(keyword) && isOf(keyword, type));
    const [ofTo] = Object.keys(to).filter(
      (keyword) => !judged.has(keyword) && isOf(keyword, type) && !same(keyword),
    );
    const honest = ofFrom === undefined ? verdict : unlessBroken(verdict, `${ofFrom} is not judged`);
    return ofTo === undefined ? honest : unlessFit(honest, path, `${ofTo} is not judged`);
  }

  private judgeJudged(from: SchemaObject, to: SchemaObject, path: string, type: string): Verdict {
    const wanted = typesOf(to).filter((other) => areRelated(type, other));
    if (wanted.length === 0) return breaks(path, wordsOf(from), wordsOf(to));
    const values = valuesOf(to);
    if (values !== undefined) return this.judgeFinite(from, to, path, type);
    switch (type) {
      case 'string':
        return judgeString(from, to, path);
      case 'number':
      case 'integer':
        return judgeNumber(from, { ...to, type: wanted.includes('number') ? 'number' : 'integer' }, path);
      case 'array':
        return judgeArray(from, to, path, this.judge);
      case 'object':
        return judgeObject(from, to, path, this.judge);
      default:
        return FITS;
    }
  }

  /** `to` allows only certain values, and `from` lists none. */
  private judgeFinite(from: SchemaObject, to: SchemaObject, path: string, type: string): Verdict {
    if (type === 'null') return this.judgeValues(from, [null], to, path);
    if (type === 'boolean') return this.judgeValues(from, [true, false], to, path);
    const isEndless =
      type === 'string' &&
      from.pattern === undefined &&
      from.format === undefined &&
      from.maxLength === undefined;
    const isUnbounded = type === 'number' && from.multipleOf === undefined && Object.keys(from).length === 1;
    const isWhole = type === 'integer' && Object.keys(from).length === 1;
    return isEndless || isUnbounded || isWhole
      ? breaks(path, wordsOf(from), wordsOf(to))
      : unknown(path, 'a limited schema is not compared with a list of values');
  }
}

/**
 * The parts of `from` that together are all of it, if it is not of one type. `isExact` says that each value
 * of a part is a value of the whole.
 */
function branchesOf(
  from: SchemaObject,
  root: SchemaNode,
): readonly [readonly SchemaNode[] | undefined, boolean] {
  for (const keyword of ['anyOf', 'oneOf']) {
    const { [keyword]: branches, ...rest } = from;
    if (!Array.isArray(branches)) continue;
    const isAlone = Object.keys(rest).length === 0;
    const areApart = keyword === 'anyOf' || areDisjoint(branches as SchemaNode[], root);
    const parts = isAlone
      ? (branches as SchemaNode[])
      : branches.map((branch) => ({ allOf: [rest, branch] }));
    return [parts, areApart];
  }
  if (Array.isArray(from.allOf)) {
    const { allOf, ...rest } = from;
    const members = [...(Object.keys(rest).length === 0 ? [] : [rest]), ...(allOf as SchemaNode[])];
    const merged = mergedObject(members.map((member) => resolved(member, root) ?? member));
    // One member alone allows more than all of them do.
    return merged === undefined ? [members.slice(0, 1), false] : [[merged], true];
  }
  const types = typesOf(from);
  if (types.length === 1) return [undefined, true];
  return [types.map((type) => ({ ...from, type })), true];
}

/** Objects that are to be fulfilled together, as one. Undefined if they are not that simple. */
function mergedObject(members: readonly SchemaNode[]): SchemaObject | undefined {
  const simple = members.every(
    (member) =>
      isSchemaObject(member) &&
      member.type === 'object' &&
      Object.keys(constraintsOf(member)).every((keyword) =>
        ['type', 'properties', 'required'].includes(keyword),
      ),
  );
  if (!simple) return undefined;
  const properties: Record<string, SchemaNode> = {};
  for (const member of members as readonly SchemaObject[])
    for (const [name, node] of Object.entries(propertiesOf(member)))
      properties[name] = properties[name] === undefined ? node : { allOf: [properties[name], node] };
  const required = [...new Set((members as readonly SchemaObject[]).flatMap(requiredOf))];
  return { type: 'object', properties, required };
}

/**
 * Whether no value is of two of these: their types differ, or a property that both require has other values
 * in each, as the members of a discriminated union have.
 */
function areDisjoint(branches: readonly SchemaNode[], root: SchemaNode): boolean {
  const parts = branches.map((branch) => resolved(branch, root));
  return parts.every((branch, at) =>
    parts.slice(at + 1).every((other) => {
      if (!isSchemaObject(branch) || !isSchemaObject(other)) return branch === false || other === false;
      return haveOtherTypes(branch, other) || areToldApart(branch, other, root);
    }),
  );
}

function haveOtherTypes(one: SchemaObject, other: SchemaObject): boolean {
  return !typesOf(one).some((type) => typesOf(other).some((each) => areRelated(type, each)));
}

/** Whether both are objects that no value of one required property can belong to at once. */
function areToldApart(one: SchemaObject, other: SchemaObject, root: SchemaNode): boolean {
  if (one.type !== 'object' || other.type !== 'object') return false;
  const ofOther = valuesOfRequired(other, root);
  return Object.entries(valuesOfRequired(one, root)).some(([name, values]) => {
    const others = ofOther[name];
    return others !== undefined && !values.some((value) => others.some((each) => isSame(value, each)));
  });
}

/** The lists of values of those required properties that have one. */
function valuesOfRequired(
  schema: SchemaNode | undefined,
  root: SchemaNode,
): Readonly<Record<string, readonly unknown[]>> {
  if (!isSchemaObject(schema)) return {};
  const found: Record<string, readonly unknown[]> = {};
  for (const name of requiredOf(schema)) {
    const property = asNode(propertiesOf(schema)[name]);
    const whole = property === undefined ? undefined : resolved(property, root);
    const values = isSchemaObject(whole) ? valuesOf(whole) : undefined;
    if (values !== undefined) found[name] = values;
  }
  return found;
}

function areRelated(type: string, other: string): boolean {
  const isNumber = (each: string) => each === 'number' || each === 'integer';
  return type === other || (isNumber(type) && isNumber(other));
}

/** Whether a keyword says anything about values of this type. One that nobody knows does. */
function isOf(keyword: string, type: string): boolean {
  const owner = Object.entries(JUDGED).find(([, keywords]) => keywords.includes(keyword))?.[0];
  return owner === undefined || owner === 'any' || owner === (type === 'integer' ? 'number' : type);
}
