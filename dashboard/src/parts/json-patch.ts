/** One operation of a JSON Patch (RFC 6902). */
export interface PatchOperation {
  readonly op: 'add' | 'remove' | 'replace';
  readonly path: string;
  readonly value?: unknown;
}

type Members = Readonly<Record<string, unknown>>;

/**
 * The JSON Patch that makes one JSON value of another. It names as little as it can, so that what is not
 * changed stays what it is where the patch is applied, also where it is masked here.
 */
export function patchBetween(before: unknown, after: unknown, path = ''): PatchOperation[] {
  if (Array.isArray(before) && Array.isArray(after)) return betweenLists(before, after, path);
  if (isObject(before) && isObject(after)) return betweenObjects(before, after, path);
  return before === after ? [] : [{ op: 'replace', path, value: after }];
}

function betweenObjects(before: Members, after: Members, path: string): PatchOperation[] {
  const to = (name: string) => `${path}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;
  const removed = Object.keys(before).filter((name) => !Object.hasOwn(after, name));
  return [
    ...removed.map((name): PatchOperation => ({ op: 'remove', path: to(name) })),
    ...Object.entries(after).flatMap(([name, value]) =>
      Object.hasOwn(before, name)
        ? patchBetween(before[name], value, to(name))
        : [{ op: 'add', path: to(name), value } as const],
    ),
  ];
}

/** Between elements that both lists have, as many elements as before are taken for the same, changed. */
function betweenLists(before: readonly unknown[], after: readonly unknown[], path: string): PatchOperation[] {
  const patch: PatchOperation[] = [];
  let [end, otherEnd] = [before.length, after.length];
  // From the end of the list, so that the indexes before stay what they are.
  for (const [index, other] of [...sameElements(before, after).reverse(), [-1, -1] as const]) {
    const [start, otherStart] = [index + 1, other + 1];
    if (end - start === otherEnd - otherStart)
      for (let at = start; at < end; at += 1)
        patch.push(...patchBetween(before[at], after[otherStart + at - start], `${path}/${at}`));
    else {
      for (let at = end - 1; at >= start; at -= 1) patch.push({ op: 'remove', path: `${path}/${at}` });
      for (let at = otherStart; at < otherEnd; at += 1)
        patch.push({ op: 'add', path: `${path}/${start + at - otherStart}`, value: after[at] });
    }
    [end, otherEnd] = [index, other];
  }
  // Of short values, the whole list can be shorter than what has changed in it.
  const isPlain = before.every((each) => typeof each !== 'object' || each === null);
  const whole: PatchOperation[] = [{ op: 'replace', path, value: after }];
  return isPlain && JSON.stringify(whole).length < JSON.stringify(patch).length ? whole : patch;
}

/**
 * The indexes of elements that stand in both lists in the same order: all at the beginning and at the end,
 * and in between those that each list has once, as many as do not cross.
 */
function sameElements(before: readonly unknown[], after: readonly unknown[]): [number, number][] {
  const [texts, others] = [before, after].map((list) => list.map((each) => JSON.stringify(each)));
  if (texts === undefined || others === undefined) return [];
  const least = Math.min(texts.length, others.length);
  let first = 0;
  while (first < least && texts[first] === others[first]) first += 1;
  let last = 0;
  while (last < least - first && texts.at(-1 - last) === others.at(-1 - last)) last += 1;
  const [end, otherEnd] = [texts.length - last, others.length - last];
  const there = placesOfSingle(texts.slice(first, end));
  const between = [...placesOfSingle(others.slice(first, otherEnd))].flatMap(([text, other]) => {
    const index = there.get(text);
    return index === undefined ? [] : [[first + index, first + other] as [number, number]];
  });
  const alike = (from: number, other: number, length: number) =>
    Array.from({ length }, (_, at): [number, number] => [from + at, other + at]);
  return [...alike(0, 0, first), ...longestAscending(between), ...alike(end, otherEnd, last)];
}

/** Where each text stands that the list has once. */
function placesOfSingle(texts: readonly string[]): Map<string, number> {
  const places = new Map<string, number>();
  const many = new Set<string>();
  for (const [index, text] of texts.entries()) {
    if (places.has(text)) many.add(text);
    places.set(text, index);
  }
  for (const text of many) places.delete(text);
  return places;
}

/** The longest part of the pairs, in their order, whose first numbers ascend. */
function longestAscending(pairs: readonly [number, number][]): [number, number][] {
  interface Link {
    readonly pair: [number, number];
    readonly before: Link | undefined;
  }
  // The end of the best part of each length: the one with the lowest number.
  const ends: Link[] = [];
  for (const pair of pairs) {
    let [low, high] = [0, ends.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((ends[middle]?.pair[0] ?? 0) < pair[0]) low = middle + 1;
      else high = middle;
    }
    ends[low] = { pair, before: ends[low - 1] };
  }
  const longest: [number, number][] = [];
  for (let link = ends.at(-1); link !== undefined; link = link.before) longest.push(link.pair);
  return longest.reverse();
}

function isObject(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
