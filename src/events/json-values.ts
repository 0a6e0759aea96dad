import { types } from 'node:util';

/**
 * The value that JSON.stringify would use in place of `value`: the result of its `toJSON`, if it has one.
 * Dates stay. Binary data stays too, because a Buffer would become a list of numbers.
 */
export function jsonValueOf(value: unknown, key: string | number): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const { toJSON } = value as { toJSON?: unknown };
  if (typeof toJSON !== 'function' || types.isDate(value) || types.isArrayBufferView(value)) return value;
  return toJSON.call(value, String(key));
}

/**
 * Whether a value is an object literal or an object without a prototype. Such an object needs no further
 * check.
 */
export function isPlainObject(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** Whether a value is an object as JSON.parse makes it: no list, and of no class. */
export function isJsonObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && isPlainObject(value);
}

/** The reason why a value that is neither object nor array cannot become JSON, or undefined if it can. */
export function problemOfScalar(value: unknown): string | undefined {
  switch (typeof value) {
    case 'number':
      return Number.isFinite(value) ? undefined : `is ${value}, which JSON has no word for`;
    case 'bigint':
      return 'is a BigInt, which JSON cannot hold: use String(id)';
    case 'undefined':
      return 'is undefined where a value is needed: use null';
    case 'function':
      return 'is a function';
    case 'symbol':
      return 'is a symbol';
    default:
      return undefined;
  }
}

/** The reason why an object that is not plain would lose content as JSON, or undefined if it would not. */
export function problemOfInstance(value: object): string | undefined {
  if (types.isDate(value)) return Number.isNaN(value.getTime()) ? 'is an invalid Date' : undefined;
  if (types.isMap(value)) return 'is a Map, which JSON would empty: use Object.fromEntries(map)';
  if (types.isSet(value)) return 'is a Set, which JSON would empty: use [...set]';
  if (types.isPromise(value)) return 'is a Promise: await it';
  if (types.isBoxedPrimitive(value)) return problemOfScalar(value.valueOf());
  if (types.isArrayBufferView(value) || types.isAnyArrayBuffer(value)) {
    return 'is binary data: use a string, such as base64';
  }
  if (
    types.isRegExp(value) ||
    types.isNativeError(value) ||
    types.isWeakMap(value) ||
    types.isWeakSet(value)
  ) {
    return `is a ${value.constructor.name}, whose content JSON would lose`;
  }
  return isEmptiedCollection(value)
    ? `is a ${value.constructor?.name ?? 'collection'}, which JSON would empty: use Object.fromEntries(x) or [...x]`
    : undefined;
}

/**
 * Whether an object gives its content only to those who iterate over it, as `URLSearchParams` and `Headers`
 * do.
 */
function isEmptiedCollection(value: object): boolean {
  return Symbol.iterator in value && Object.keys(value).length === 0;
}
