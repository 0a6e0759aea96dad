import { jsonValueOf } from '../../events/json-values.js';

/**
 * A copy of a value as JSON will have it: dates are texts, and what is undefined is absent. What JSON cannot
 * hold stays as it is, so that publishing refuses it by its path.
 */
export function jsonForm(value: unknown, key: string | number = ''): unknown {
  const held = jsonValueOf(value, key);
  if (held instanceof Date) return Number.isNaN(held.getTime()) ? held : held.toISOString();
  if (Array.isArray(held)) return held.map((each, index) => jsonForm(each, index));
  if (typeof held !== 'object' || held === null || !isRecord(held)) return held;
  const entries = Object.entries(held).filter(([, each]) => each !== undefined);
  return Object.fromEntries(entries.map(([name, each]) => [name, jsonForm(each, name)]));
}

/** An object whose content is in its properties: no Map and no binary data. */
function isRecord(value: object): boolean {
  return Object.prototype.toString.call(value) === '[object Object]';
}
