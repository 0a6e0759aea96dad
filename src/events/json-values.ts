import { types } from 'node:util';

/**
 * What JSON.stringify would look at in the place of `value`: what its `toJSON` returns, if it has one. Dates
 * stay, and binary data, which a Buffer would spell as numbers.
 */
export function jsonValueOf(value: unknown, key: string | number): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const { toJSON } = value as { toJSON?: unknown };
  if (typeof toJSON !== 'function' || types.isDate(value) || types.isArrayBufferView(value)) return value;
  return toJSON.call(value, String(key));
}

/** An object literal, or one without a prototype: nothing about it needs a closer look. */
export function isPlainObject(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** Why a value that is neither object nor array cannot become JSON; undefined if it can. */
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

/** Why an object that is not plain cannot become JSON without losing what it holds; undefined if it can. */
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
 * `URLSearchParams`, `Headers` and their like: what they hold they give to whoever iterates over them, and to
 * nobody else.
 */
function isEmptiedCollection(value: object): boolean {
  return Symbol.iterator in value && Object.keys(value).length === 0;
}
