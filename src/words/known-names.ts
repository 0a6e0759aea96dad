/** The names that are allowed, and what they are called in messages. */
export interface KnownNames {
  readonly known: readonly string[];
  /** What such a name is, with its article. The default is `an option`. */
  readonly kind?: string;
  /** Stands before names in messages (`retry.`). */
  readonly prefix?: string;
  /** What other libraries call it, with the known name: `{ url: 'connectionString' }`. */
  readonly elsewhere?: Readonly<Record<string, string>>;
}

/**
 * One sentence for each name of an object that nobody reads, with the name that was probably meant. Without
 * it a misspelt option would have no effect and nobody would notice. A name whose value is undefined is no
 * problem.
 */
export function problemsOfUnknownNames(given: object, names: KnownNames): string[] {
  const unknown = Object.keys(given).filter(
    (name) => !names.known.includes(name) && (given as Record<string, unknown>)[name] !== undefined,
  );
  return unknown.map((name) => problemOfUnknownName(name, names));
}

export function problemOfUnknownName(
  name: string,
  { known, kind = 'an option', prefix = '', elsewhere = {} }: KnownNames,
): string {
  const meant = Object.hasOwn(elsewhere, name) ? elsewhere[name] : nearestName(name, known);
  return `${prefix}${name} is not ${kind}; there are: ${known.join(', ')}${questionOf(meant)}`;
}

/** ` (did you mean timeoutMs?)`, or an empty text if no known name is similar. */
export function suggestionFor(name: string, known: readonly string[]): string {
  return questionOf(nearestName(name, known));
}

/** ` (did you mean timeoutMs?)`, or an empty text for undefined. */
export const questionOf = (meant: string | undefined): string =>
  meant === undefined ? '' : ` (did you mean ${meant}?)`;

/** A part of a name of at least this length is enough to find the whole name. */
const TELLING_LENGTH = 3;

/** The known name that is most similar to `name`, or undefined if none is. */
export function nearestName(name: string, known: readonly string[]): string | undefined {
  const given = name.toLowerCase();
  const candidates = known.map((each) => ({ each, distance: distanceTo(each.toLowerCase(), given) }));
  // The sort is stable, so the first of equal candidates wins.
  const [best] = candidates
    .filter(({ distance }) => distance !== undefined)
    .sort((a, b) => Number(a.distance) - Number(b.distance));
  return best?.each;
}

/** So many letters may be wrong in a name that is taken for another one. */
const MISSPELT_LETTERS = 2;

/**
 * The name that `name` is a misspelling of. It is stricter than `nearestName`: for lists of many names, such
 * as those of events or commands, in which one that is only similar means something else.
 */
export function misspeltOf(name: string, others: readonly string[]): string | undefined {
  const [best] = others
    .filter((each) => Math.abs(each.length - name.length) <= MISSPELT_LETTERS)
    .map((each) => ({ each, edits: editsBetween(each, name) }))
    .filter(({ edits }) => edits > 0 && edits <= Math.min(MISSPELT_LETTERS, name.length / 4))
    .sort((a, b) => a.edits - b.edits);
  return best?.each;
}

/**
 * 0 for the same letters, less than 1 for the beginning of the name, and 1 or more for other letters.
 * Undefined for a different name.
 */
function distanceTo(known: string, given: string): number | undefined {
  if (known === given) return 0;
  if (given.length >= TELLING_LENGTH && known.startsWith(given))
    return 1 - 1 / (known.length - given.length + 1);
  const edits = editsBetween(known, given);
  if (edits <= Math.ceil(Math.max(known.length, given.length) / 3)) return edits;
  if (given.length >= TELLING_LENGTH && known.includes(given)) return known.length;
  return known.length >= TELLING_LENGTH && given.includes(known) ? given.length : undefined;
}

/**
 * How many letters must be added, removed, replaced or exchanged with their neighbour to turn one text into
 * the other.
 */
function editsBetween(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = at(last, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const isExchange = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const exchanged = isExchange ? at(beforeLast, j - 2) + 1 : Number.POSITIVE_INFINITY;
      row.push(Math.min(at(last, j) + 1, at(row, j - 1) + 1, replaced, exchanged));
    }
    beforeLast = last;
    last = row;
  }
  return at(last, b.length);
}

function at(row: readonly number[], index: number): number {
  return row[index] ?? 0;
}
