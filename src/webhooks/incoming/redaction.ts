/** Stands in the place of a value that is not stored. */
const REDACTED = '[redacted]';

/** A copy of a JSON value without the values at these paths. */
export function redacted(json: unknown, paths: readonly string[]): unknown {
  return paths.reduce((value, path) => without(value, path.split('.')), json);
}

function without(value: unknown, [key, ...rest]: readonly string[]): unknown {
  if (key === undefined) return REDACTED;
  if (Array.isArray(value)) return value.map((each) => without(each, [key, ...rest]));
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return value;
  return { ...value, [key]: without((value as Record<string, unknown>)[key], rest) };
}
