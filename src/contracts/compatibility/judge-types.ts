import { matches } from './check-value.js';
import {
  asNode,
  numberOf,
  propertiesOf,
  requiredOf,
  type SchemaNode,
  type SchemaObject,
} from './schema-node.js';
import { all, breaks, FITS, unknown, unlessBroken, type Verdict } from './verdict.js';
import { wordsOf } from './words.js';

/** Judges parts of the two schemas, which may be references. */
export type JudgeParts = (from: SchemaNode, to: SchemaNode, path: string) => Verdict;

/** Keywords that these functions and `judge` look at. All others are not judged. */
export const JUDGED: Readonly<Record<string, readonly string[]>> = {
  any: ['type', 'enum', 'const', 'anyOf', 'oneOf', 'allOf', '$ref'],
  string: ['minLength', 'maxLength', 'pattern', 'format'],
  number: ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf'],
  array: ['items', 'minItems', 'maxItems', 'uniqueItems'],
  object: ['properties', 'required', 'additionalProperties'],
};

const FORMATS: ReadonlySet<unknown> = new Set([
  'date-time',
  'date',
  'time',
  'email',
  'uuid',
  'uri',
  'hostname',
  'ipv4',
  'ipv6',
]);

/** Texts of which most patterns refuse at least one. */
const SAMPLES = ['', ' ', 'a', 'Z', '0', '-', 'é', 'hello world', '12345678901234567890', 'a1-_B.c@d!'];

/** Each string that `from` allows. */
export function judgeString(from: SchemaObject, to: SchemaObject, path: string): Verdict {
  const min = numberOf(from, 'minLength', 0);
  const max = numberOf(from, 'maxLength', Infinity);
  if (min > max) return FITS;
  const isNarrower = from.pattern !== undefined || from.format !== undefined;
  const isLength = min >= numberOf(to, 'minLength', 0) && max <= numberOf(to, 'maxLength', Infinity);
  const ofLength = isLength ? FITS : breaks(path, wordsOf(from), wordsOf(to));
  const ofText = all([ofPattern(from, to, path, min, max), ofFormat(from, to, path, max)]);
  return isNarrower
    ? all([unlessBroken(ofLength, 'a pattern or format may limit the length'), ofText])
    : all([ofLength, ofText]);
}

function ofPattern(from: SchemaObject, to: SchemaObject, path: string, min: number, max: number): Verdict {
  if (to.pattern === undefined || to.pattern === from.pattern) return FITS;
  const samples = SAMPLES.filter((text) => [...text].length >= min && [...text].length <= max);
  const isAny = from.pattern === undefined && from.format === undefined;
  if (isAny && samples.some((text) => matches(text, to.pattern) === 'no'))
    return breaks(path, wordsOf(from), wordsOf(to));
  return unknown(path, 'patterns are not compared');
}

function ofFormat(from: SchemaObject, to: SchemaObject, path: string, max: number): Verdict {
  if (to.format === undefined || to.format === from.format) return FITS;
  const isAny = from.pattern === undefined && from.format === undefined && max > 0;
  if (isAny && FORMATS.has(to.format)) return breaks(path, wordsOf(from), wordsOf(to));
  return unknown(path, 'formats are not compared');
}

/** Each number that `from` allows. Both may say `integer`. */
export function judgeNumber(from: SchemaObject, to: SchemaObject, path: string): Verdict {
  const low = lowest(from);
  const high = highest(from);
  if (low.at > high.at || (low.at === high.at && (low.isOpen || high.isOpen))) return FITS;
  const step = stepOf(from);
  const isWithin = reaches(lowest(to), low, (a, b) => a < b) && reaches(highest(to), high, (a, b) => a > b);
  const ofRange = isWithin ? FITS : breaks(path, wordsOf(from), wordsOf(to));
  // Between two multiples there may be nothing that is out of range.
  const isCoarse = from.multipleOf !== undefined;
  return all([
    isCoarse ? unlessBroken(ofRange, 'a multiple may not reach the bound') : ofRange,
    ofStep(from, to, path, step, low.at > -Infinity && high.at < Infinity),
  ]);
}

function ofStep(
  from: SchemaObject,
  to: SchemaObject,
  path: string,
  step: number,
  isBounded: boolean,
): Verdict {
  const wanted = stepOf(to);
  if (wanted === 0 || (step !== 0 && Number.isInteger(step / wanted))) return FITS;
  const said = breaks(path, wordsOf(from), wordsOf(to));
  return step === 0 && !(isBounded && lowest(from).at === highest(from).at)
    ? said
    : unknown(path, 'multiples are not compared');
}

/** The distance of the numbers that a schema allows. It is 0 if they have none. */
function stepOf(schema: SchemaObject): number {
  const isWhole = schema.type === 'integer';
  const step = numberOf(schema, 'multipleOf', 0);
  return isWhole && (step === 0 || !Number.isInteger(step)) ? 1 : step;
}

interface Bound {
  readonly at: number;
  /** Whether the number itself is not allowed. */
  readonly isOpen: boolean;
}

function lowest(schema: SchemaObject): Bound {
  const closed = numberOf(schema, 'minimum', -Infinity);
  const open = numberOf(schema, 'exclusiveMinimum', -Infinity);
  if (schema.type === 'integer')
    return { at: Math.max(Math.ceil(closed), Math.floor(open) + 1), isOpen: false };
  return open >= closed && open > -Infinity ? { at: open, isOpen: true } : { at: closed, isOpen: false };
}

function highest(schema: SchemaObject): Bound {
  const closed = numberOf(schema, 'maximum', Infinity);
  const open = numberOf(schema, 'exclusiveMaximum', Infinity);
  if (schema.type === 'integer')
    return { at: Math.min(Math.floor(closed), Math.ceil(open) - 1), isOpen: false };
  return open <= closed && open < Infinity ? { at: open, isOpen: true } : { at: closed, isOpen: false };
}

function reaches(bound: Bound, wanted: Bound, isFarther: (a: number, b: number) => boolean): boolean {
  return isFarther(bound.at, wanted.at) || (bound.at === wanted.at && (!bound.isOpen || wanted.isOpen));
}

/** Each list that `from` allows. */
export function judgeArray(from: SchemaObject, to: SchemaObject, path: string, judge: JudgeParts): Verdict {
  const min = numberOf(from, 'minItems', 0);
  const max = numberOf(from, 'maxItems', Infinity);
  if (min > max) return FITS;
  const isCount = min >= numberOf(to, 'minItems', 0) && max <= numberOf(to, 'maxItems', Infinity);
  const items = asNode(from.items ?? true);
  const wanted = asNode(to.items ?? true);
  if (items === undefined || wanted === undefined)
    return unknown(path, 'lists of fixed places are not judged');
  const isRepeating = to.uniqueItems === true && from.uniqueItems !== true && max > 1;
  const verdicts = [
    isCount ? FITS : breaks(path, wordsOf(from), wordsOf(to)),
    max > 0 ? judge(items, wanted, `${path}[]`) : FITS,
    isRepeating ? breaks(path, `${wordsOf(from)} with repetitions`, 'a list without repetitions') : FITS,
  ];
  const whole = all(verdicts);
  return from.uniqueItems === true ? unlessBroken(whole, 'a list without repetitions may be shorter') : whole;
}

/**
 * Each object that `from` allows. A property that `from` does not declare is not written, unless
 * `additionalProperties` says that it is.
 */
export function judgeObject(from: SchemaObject, to: SchemaObject, path: string, judge: JudgeParts): Verdict {
  const written = propertiesOf(from);
  const read = propertiesOf(to);
  const required = requiredOf(from);
  if (required.some((name) => written[name] === false)) return FITS;
  const others = asNode(from.additionalProperties ?? false);
  const wantedOfOthers = asNode(to.additionalProperties ?? true);
  if (others === undefined || wantedOfOthers === undefined)
    return unknown(path, 'additionalProperties is not a schema');
  const at = (name: string) => `${path}.${name}`;
  return all([
    ...requiredOf(to)
      .filter((name) => !required.includes(name))
      .map((name) => breaks(at(name), written[name] === undefined ? 'absent' : 'optional', 'required')),
    ...Object.entries(written)
      .filter(([, node]) => node !== false)
      .map(([name, node]) =>
        judgeProperty(
          node,
          Object.hasOwn(read, name) ? read[name] : undefined,
          wantedOfOthers,
          at(name),
          judge,
        ),
      ),
    ...(others === false
      ? []
      : Object.entries(read)
          .filter(([name]) => !Object.hasOwn(written, name))
          .map(([name, node]) => judge(others, node, at(name)))),
    others === false ? FITS : judge(others, wantedOfOthers, `${path}.*`),
  ]);
}

function judgeProperty(
  written: SchemaNode,
  read: SchemaNode | undefined,
  ofOthers: SchemaNode,
  path: string,
  judge: JudgeParts,
): Verdict {
  if (read !== undefined) return judge(written, read, path);
  if (ofOthers === false) return breaks(path, wordsOf(written), 'no such property');
  return judge(written, ofOthers, path);
}
