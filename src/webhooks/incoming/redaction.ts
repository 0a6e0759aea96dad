/** Stands in the place of a value that is not stored. */
export const REDACTED = '[redacted]';

/** A copy of a JSON value without the values at these paths. Of lists that are too deep nothing is left. */
export function redacted(json: unknown, paths: readonly string[]): unknown {
  try {
    return replacedAt(json, paths, () => REDACTED);
  } catch (error) {
    if (error instanceof RangeError) return REDACTED;
    throw error;
  }
}

/** The same as the bytes of its text, for JSON that is kept as bytes. */
export function redactedBytes(json: unknown, paths: readonly string[]): Buffer {
  try {
    return Buffer.from(JSON.stringify(redacted(json, paths)));
  } catch (error) {
    if (error instanceof RangeError) return Buffer.from(JSON.stringify(REDACTED));
    throw error;
  }
}

/** A copy of a JSON value with other values at these paths. Lists that are too deep throw a RangeError. */
export function replacedAt(
  json: unknown,
  paths: readonly string[],
  replace: (value: unknown) => unknown,
): unknown {
  return paths.reduce((value, path) => without(value, path.split('.'), replace), json);
}

function without(
  value: unknown,
  [key, ...rest]: readonly string[],
  replace: (value: unknown) => unknown,
): unknown {
  if (key === undefined) return replace(value);
  if (Array.isArray(value)) return value.map((each) => without(each, [key, ...rest], replace));
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return value;
  return { ...value, [key]: without((value as Record<string, unknown>)[key], rest, replace) };
}
