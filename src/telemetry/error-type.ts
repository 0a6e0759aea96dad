/**
 * The value of `error.type`: the code of an error that has a short one, otherwise the name of its class. It
 * never holds a message, because the values must be few.
 */
export function errorTypeOf(error: unknown): string {
  try {
    if (typeof error !== 'object' || error === null) return typeof error;
    const { code, name } = error as { code?: unknown; name?: unknown };
    if (isShort(code)) return code;
    if (isShort(name) && name !== 'Error') return name;
    const made = (error as { constructor?: { name?: unknown } }).constructor?.name;
    return isShort(made) ? made : 'Error';
  } catch {
    return 'Error';
  }
}

/** Codes and names of classes hold letters, digits and few signs. Any other text may be a message. */
function isShort(value: unknown): value is string {
  return typeof value === 'string' && /^[A-Za-z][\w.$-]{0,63}$|^[0-9A-Z]{5}$/.test(value);
}
