/** The longest list of names that is read. */
const MOST_NAMES = 100;

/** The name of an application, as `via` lists it. */
export const APPLICATION_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;

/**
 * The names of the applications that relayed an event, the first one first. In the metadata of an event they
 * are a list, and in the attribute `via` of a CloudEvent they are separated by commas.
 */
export function viaOf(value: unknown): string[] {
  const names: unknown[] = Array.isArray(value) ? value : typeof value === 'string' ? value.split(',') : [];
  return names
    .slice(0, MOST_NAMES)
    .filter((name): name is string => typeof name === 'string' && APPLICATION_NAME.test(name));
}

/** `via` of an event that this application relays. Undefined if nobody is named. */
export function viaText(before: unknown, own: string | undefined): string | undefined {
  if (before === undefined) return own;
  const names = [...viaOf(before), ...(own === undefined ? [] : [own])];
  return names.length === 0 ? undefined : [...new Set(names)].join(',');
}
