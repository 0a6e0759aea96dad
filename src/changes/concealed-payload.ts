import { ExactNumber } from '../events/exact-number.js';
import { setOwn } from '../events/json-copy.js';
import { isJsonObject } from '../events/json-values.js';

/** A part of a payload that somebody sees otherwise, and what is shown in its place. */
class Concealed {
  constructor(
    readonly value: unknown,
    readonly shown: unknown,
  ) {}
}

type Members = Readonly<Record<string, unknown>>;

/**
 * A payload as somebody sees it who does not see all of it, and who changes it all the same. It can be
 * changed where it is seen. What is hidden stays what it is, unless something else is put in its place.
 *
 * A value is hidden if it does not stand at the same place of what is shown. Names that are not shown are not
 * in `tree`, so nobody finds out by a change whether they are there. A list of which more or fewer elements
 * are shown is hidden as a whole, because its indexes would mean other elements.
 */
export class ConcealedPayload {
  /** What is seen, with an object of a class in the place of each value that is hidden. */
  readonly tree: unknown;
  /** The texts that are shown in the place of values. */
  readonly standIns = new Set<string>();
  /** The members that are not shown, by the object of the tree that lacks them. */
  private readonly withheld = new Map<object, Map<string, unknown>>();

  constructor(payload: unknown, shown: unknown) {
    this.tree = this.conceal(payload, shown);
  }

  private conceal(value: unknown, shown: unknown): unknown {
    if (Array.isArray(value) && Array.isArray(shown) && value.length === shown.length)
      return value.map((each, index) => this.conceal(each, shown[index]));
    if (isJsonObject(value) && isJsonObject(shown)) return this.concealMembers(value, shown);
    if (isSameValue(value, shown)) return value;
    if (typeof shown === 'string' && shown !== '') this.standIns.add(shown);
    return new Concealed(value, shown);
  }

  private concealMembers(value: Members, shown: Members): object {
    const tree: Record<string, unknown> = {};
    const withheld = Object.entries(value).filter(([name]) => !Object.hasOwn(shown, name));
    if (withheld.length > 0) this.withheld.set(tree, new Map(withheld));
    // What is shown without being there can be changed as well. Nobody finds out by it that it is not there.
    for (const [name, seen] of Object.entries(shown))
      setOwn(tree, name, this.conceal(Object.hasOwn(value, name) ? value[name] : undefined, seen));
    return tree;
  }

  /** The payload that a changed tree stands for. */
  reveal(tree: unknown): unknown {
    if (tree instanceof Concealed) return tree.value;
    if (Array.isArray(tree)) return tree.map((each) => this.reveal(each));
    if (!isJsonObject(tree)) return tree;
    const whole: Record<string, unknown> = {};
    for (const [name, value] of this.withheld.get(tree) ?? []) setOwn(whole, name, value);
    for (const [name, value] of Object.entries(tree)) {
      const revealed = this.reveal(value);
      if (revealed !== undefined) setOwn(whole, name, revealed);
    }
    return whole;
  }

  /** Whether something that is hidden in a changed tree stands in what is shown of its payload. */
  isSeenIn(tree: unknown, shown: unknown): boolean {
    if (tree instanceof Concealed) return showsMore(tree.value, tree.shown, shown);
    if (Array.isArray(tree)) return tree.some((each, index) => this.isSeenIn(each, memberOf(shown, index)));
    if (!isJsonObject(tree)) return false;
    const withheld = [...(this.withheld.get(tree) ?? [])].filter(([name]) => !Object.hasOwn(tree, name));
    return (
      withheld.some(([name, value]) => showsMore(value, undefined, memberOf(shown, name))) ||
      Object.entries(tree).some(([name, each]) => this.isSeenIn(each, memberOf(shown, name)))
    );
  }
}

/** Whether a part of a value stands at its place of what is shown now, and did not stand there before. */
function showsMore(value: unknown, before: unknown, now: unknown): boolean {
  if (value === undefined) return false;
  if (!Array.isArray(value) && !isJsonObject(value))
    return isSameValue(value, now) && !isSameValue(value, before);
  return Object.entries(value).some(([name, each]) =>
    showsMore(each, memberOf(before, name), memberOf(now, name)),
  );
}

function memberOf(holder: unknown, name: string | number): unknown {
  const isThere = (Array.isArray(holder) || isJsonObject(holder)) && Object.hasOwn(holder, name);
  return isThere ? (holder as Members)[name] : undefined;
}

function isSameValue(one: unknown, other: unknown): boolean {
  if (one instanceof ExactNumber) return other instanceof ExactNumber && one.text === other.text;
  return one === other;
}
