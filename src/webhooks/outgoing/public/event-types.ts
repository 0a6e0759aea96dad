/** The beginning of the types of this package's own events. */
const OWN = 'integration.';

/** What a subscription may have in the place of one type: every public event. */
export const EVERY_TYPE = '*';

/**
 * What a destination may have asked for to get events of a type: the type itself, the prefixes of it, or all.
 * The events of this package are about the delivery itself. So they are only asked for one by one.
 */
export function namesOfType(type: string): string[] {
  if (type.startsWith(OWN)) return [type];
  const parts = type.split('.');
  const prefixes = parts.slice(1).map((_, i) => `${parts.slice(0, i + 1).join('.')}.*`);
  return [type, ...prefixes, EVERY_TYPE];
}

/** Whether a destination that asked for these names gets events of a type. */
export function asksFor(names: readonly string[], type: string): boolean {
  return namesOfType(type).some((name) => names.includes(name));
}
