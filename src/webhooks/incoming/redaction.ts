/** Stands in the place of a value that is not stored. */
const REDACTED = '[redacted]';

/** A copy of a JSON value without the values at these paths. Of lists that are too deep nothing is left. */
export function redacted(json: unknown, paths: readonly string[]): unknown {
  try {
    return paths.reduce((value, path) => without(value, path.split('.')), json);
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

function without(value: unknown, [key, ...rest]: readonly string[]): unknown {
  if (key === undefined) return REDACTED;
  if (Array.isArray(value)) return value.map((each) => without(each, [key, ...rest]));
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return value;
  return { ...value, [key]: without((value as Record<string, unknown>)[key], rest) };
}
