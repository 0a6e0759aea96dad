import type { JsonSchema } from '../event-schema.js';
import type { ClassRule } from './class-tools.js';
import { DEFINED, NAMED_RULES, NOT_COMPARED, type SchemaPart } from './schema-parts.js';

type Say = (constraints: readonly unknown[]) => SchemaPart | undefined;

const TEXT = { type: 'string' };
const NUMBER = { type: 'number' };
const LIST = { type: 'array' };
const TIME = { type: 'string', format: 'date-time' };

/** Rules that JSON Schema has words for. Undefined where it has none for what the rule was given. */
const TOLD: Readonly<Record<string, Say>> = {
  isString: () => TEXT,
  isBoolean: () => ({ type: 'boolean' }),
  isInt: () => ({ type: 'integer' }),
  isNumber: ([options]) => (Object(options).maxDecimalPlaces === undefined ? NUMBER : undefined),
  isArray: () => LIST,
  isObject: () => ({ type: 'object' }),
  isNotEmptyObject: ([options]) =>
    Object(options).nullable === false ? undefined : { type: 'object', minProperties: 1 },
  // JSON makes text of it.
  isDate: () => TIME,
  min: ([least]) => withNumber(NUMBER, 'minimum', least),
  max: ([most]) => withNumber(NUMBER, 'maximum', most),
  isPositive: () => ({ ...NUMBER, exclusiveMinimum: 0 }),
  isNegative: () => ({ ...NUMBER, exclusiveMaximum: 0 }),
  isDivisibleBy: ([step]) => (Number.isInteger(step) ? withNumber(NUMBER, 'multipleOf', step) : undefined),
  minLength: ([least]) => withNumber(TEXT, 'minLength', least),
  maxLength: ([most]) => withNumber(TEXT, 'maxLength', most),
  isLength: ([least, most]) => ({
    ...TEXT,
    ...(typeof least === 'number' && { minLength: least }),
    ...(typeof most === 'number' && { maxLength: most }),
  }),
  arrayMinSize: ([least]) => withNumber(LIST, 'minItems', least),
  arrayMaxSize: ([most]) => withNumber(LIST, 'maxItems', most),
  arrayNotEmpty: () => ({ ...LIST, minItems: 1 }),
  matches: ([pattern, flags]) => ofPattern(pattern, flags),
  isEmail: ([options]) => (isNothing(options) ? { ...TEXT, format: 'email' } : undefined),
  isUuid: ([version]) =>
    version === undefined || version === 'all' ? { ...TEXT, format: 'uuid' } : undefined,
  isIp: ([version]) => (version === undefined ? undefined : { ...TEXT, format: `ipv${String(version)}` }),
  isEnum: ([entity]) => ofValues(Object.values(Object(entity))),
  isIn: ([values]) => ofValues(values),
  equals: ([value]) => ofValues([value]),
  isEmpty: () => ({ enum: ['', null] }),
  isDefined: () => ({ [DEFINED]: 'isDefined' }),
  isNotEmpty: () => ({ [DEFINED]: 'isNotEmpty' }),
};

/** Rules that are compared by their names, and what they say about the type. */
const NAMED: Readonly<Record<string, JsonSchema>> = {
  isNumber: NUMBER,
  isDivisibleBy: NUMBER,
  isNotEmptyObject: { type: 'object' },
  minDate: TIME,
  maxDate: TIME,
  arrayUnique: LIST,
  arrayContains: LIST,
  arrayNotContains: LIST,
  isLatitude: {},
  isLongitude: {},
  isLatLong: {},
  isIn: {},
  isEnum: {},
  equals: {},
  isNotIn: {},
  notEquals: {},
};

/** Rules of class-validator for texts, apart from those that JSON Schema has words for. */
const OF_TEXT: ReadonlySet<string> = new Set(
  `contains notContains matches min max minLength maxLength isAlpha isAlphanumeric isAscii isBase32 isBase58
  isBase64 isBIC isBooleanString isBtcAddress isByteLength isCreditCard isCurrency isDataURI isDateString
  isDecimal isEAN isEmail isEthereumAddress IsFirebasePushId isFqdn isFullWidth isHalfWidth isHash isHexadecimal
  isHexColor isHSL isIBAN isIdentityCard isIp isIsbn isIsin isISO31661Alpha2 isISO31661Alpha3 isISO31661Numeric
  isISO4217CurrencyCode isISO6391 isIso8601 isISRC isISSN isJson isJwt isLocale isLowercase isMacAddress
  isMagnetURI isMilitaryTime isMimeType isMobilePhone isMongoId isMultibyte isNumberString isOctal
  isPassportNumber isPhoneNumber isPort isPostalCode isRFC3339 isRgbColor isSemVer isStrongPassword
  isSurrogatePair isTaxId isTimeZone isUppercase isUrl isUuid isVariableWidth`.split(/\s+/),
);

/** Rules that allow a property to be absent. */
const ALLOW_ABSENCE: ReadonlySet<string> = new Set(['isEmpty', 'isNotIn', 'notEquals']);

/** What a rule says about a value. A rule of the application is known by its name only. */
export function partOf(rule: ClassRule, nameOfCustom: string): SchemaPart {
  const { name, constraints = [] } = rule;
  if (name === undefined || rule.validateIf !== undefined) return { [NOT_COMPARED]: [name ?? nameOfCustom] };
  const told = Object.hasOwn(TOLD, name) ? TOLD[name]?.(constraints) : undefined;
  if (told !== undefined) return told;
  const type = OF_TEXT.has(name) ? TEXT : NAMED[name];
  const text = textOf(name, constraints);
  return type === undefined || text === undefined
    ? { ...type, [NOT_COMPARED]: [name] }
    : { ...type, [NAMED_RULES]: [text] };
}

/** Whether a rule refuses a property that is absent. Of a rule of the application that is not known. */
export function demandsValue(rule: ClassRule): boolean {
  const { name = '', constraints = [], validateIf } = rule;
  if (validateIf !== undefined || ALLOW_ABSENCE.has(name)) return false;
  if (name === 'equals') return constraints[0] !== undefined;
  if (name === 'isIn') return !(Array.isArray(constraints[0]) && constraints[0].includes(undefined));
  return Object.hasOwn(TOLD, name) || Object.hasOwn(NAMED, name) || OF_TEXT.has(name);
}

function withNumber(part: JsonSchema, keyword: string, value: unknown): SchemaPart | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? { ...part, [keyword]: value } : undefined;
}

function ofPattern(pattern: unknown, flags: unknown): SchemaPart | undefined {
  const isPlain = flags === undefined || flags === '';
  if (typeof pattern === 'string' && isPlain) return { ...TEXT, pattern };
  return pattern instanceof RegExp && isPlain && /^u?$/.test(pattern.flags)
    ? { ...TEXT, pattern: pattern.source }
    : undefined;
}

/** Undefined for values that are not values of JSON. */
function ofValues(values: unknown): SchemaPart | undefined {
  const isPlain = (value: unknown) =>
    value === null || typeof value === 'string' || typeof value === 'boolean' || Number.isFinite(value);
  return Array.isArray(values) && values.every(isPlain) ? { enum: [...new Set(values)] } : undefined;
}

function isNothing(options: unknown): boolean {
  return options === undefined || Object.keys(Object(options)).length === 0;
}

/** A rule with what it was given, such as `isIBAN` or `contains("a")`. Undefined if that is a function. */
function textOf(name: string, constraints: readonly unknown[]): string | undefined {
  let isFunction = false;
  const texts = constraints.map((each) =>
    JSON.stringify(each, (_key, value: unknown) => {
      isFunction ||= typeof value === 'function';
      return value instanceof RegExp ? String(value) : value;
    }),
  );
  if (isFunction) return undefined;
  while (texts.at(-1) === undefined && texts.length > 0) texts.pop();
  return texts.length === 0 ? name : `${name}(${texts.join(', ')})`;
}
