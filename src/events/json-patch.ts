import { suggestionFor } from '../words/known-names.js';
import { MAX_JSON_DEPTH } from './event-limits.js';
import { ExactNumber } from './exact-number.js';
import { setOwn } from './json-copy.js';
import { indexOf, namesOfPointer } from './json-pointer.js';
import { isJsonObject } from './json-values.js';

export const PATCH_OPERATIONS = ['add', 'remove', 'replace', 'move', 'copy', 'test'] as const;

/**
 * One operation of a JSON Patch (RFC 6902). `path` and `from` are JSON pointers (RFC 6901). Of `value`, which
 * may be any JSON, `add`, `replace` and `test` need one. `move` and `copy` need `from`.
 */
export interface JsonPatchOperation {
  readonly op: (typeof PATCH_OPERATIONS)[number];
  readonly path: string;
  readonly value?: unknown;
  readonly from?: string | undefined;
}

/** An operation that does not apply. `pointer` leads to its wrong part in the patch: `/3/path`. */
export class PatchProblem extends Error {
  override readonly name = 'PatchProblem';

  constructor(
    readonly pointer: string,
    message: string,
  ) {
    super(message);
  }
}

type Field = 'path' | 'from';

/** An object or a list, and the name of a member in it, which need not be there. */
interface Place {
  readonly holder: Readonly<Record<string, unknown>> | unknown[];
  readonly name: string;
}

/**
 * Applies a JSON Patch to what JSON.parse made, and returns the new document. The operations run in their
 * order, and the given document is changed. Objects of classes, such as `ExactNumber`, count as values
 * without members. A member with the name `__proto__` is a member as any other one.
 *
 * @param most how much copies and moves may take in all, in characters of names and texts and in numbers of
 *   values. Without it, a short patch could make a huge document
 * @throws PatchProblem for the first operation that does not apply
 */
export function applyJsonPatch(document: unknown, patch: unknown, most: number): unknown {
  if (!Array.isArray(patch))
    throw new PatchProblem(
      '',
      'must be a list of operations: [{ "op": "replace", "path": "/total", "value": 7 }]',
    );
  const patching = new Patching(document, most);
  for (const [index, operation] of patch.entries()) patching.apply(operation, `/${index}`);
  return patching.document;
}

class Patching {
  /** A JSON pointer to the operation that is applied. */
  private at = '';

  constructor(
    public document: unknown,
    private left: number,
  ) {}

  apply(given: unknown, at: string): void {
    this.at = at;
    if (!isJsonObject(given)) throw this.problem('', 'must be an operation, which is an object');
    const path = this.namesOf(given, 'path');
    switch (given.op) {
      case 'add':
        this.add(path, this.valueOf(given));
        break;
      case 'remove':
        this.remove(path, 'path');
        break;
      case 'replace':
        this.replace(path, this.valueOf(given));
        break;
      case 'move':
        this.move(path, this.namesOf(given, 'from'));
        break;
      case 'copy':
        this.add(path, copied(this.taken(this.namesOf(given, 'from'))));
        break;
      case 'test':
        this.test(path, this.valueOf(given));
        break;
      default:
        throw this.problem('/op', unknownOperation(given.op));
    }
  }

  private add(path: readonly string[], value: unknown): void {
    this.checkDepth(path, value);
    const place = this.placeOf(path, 'path');
    if (place === undefined) this.document = value;
    else if (!Array.isArray(place.holder)) setOwn(place.holder, place.name, value);
    else {
      const { length } = place.holder;
      const index = place.name === '-' ? length : indexOf(place.name, length + 1);
      if (index === undefined)
        throw this.problem('/path', `ends in no index from 0 to ${length}: use "-" to add to the end`);
      place.holder.splice(index, 0, value);
    }
  }

  private remove(path: readonly string[], field: Field): void {
    this.find(path, field);
    const place = this.placeOf(path, field);
    if (place === undefined)
      throw this.problem(`/${field}`, 'is the whole document, which cannot be removed: replace it');
    if (Array.isArray(place.holder)) place.holder.splice(Number(place.name), 1);
    else Reflect.deleteProperty(place.holder, place.name);
  }

  private replace(path: readonly string[], value: unknown): void {
    this.checkDepth(path, value);
    this.find(path, 'path');
    const place = this.placeOf(path, 'path');
    if (place === undefined) this.document = value;
    else if (Array.isArray(place.holder)) place.holder[Number(place.name)] = value;
    else setOwn(place.holder, place.name, value);
  }

  private move(path: readonly string[], from: readonly string[]): void {
    const value = this.taken(from);
    const isWithin = from.every((name, index) => name === path[index]);
    if (isWithin && from.length === path.length) return;
    if (isWithin) throw this.problem('/path', 'is within what is moved: move it elsewhere');
    this.remove(from, 'from');
    this.add(path, value);
  }

  private test(path: readonly string[], value: unknown): void {
    if (!isSameJson(this.find(path, 'path'), value))
      throw this.problem('/value', 'is not what stands there: make the patch for what stands there now');
  }

  /** The value that a copy or a move takes. All of them together are limited. */
  private taken(from: readonly string[]): unknown {
    const value = this.find(from, 'from');
    this.left -= sizeOf(value);
    if (this.left < 0)
      throw this.problem('/from', 'takes more than copies and moves may take in all: use fewer of them');
    return value;
  }

  /** The value at a place. */
  private find(path: readonly string[], field: Field): unknown {
    let value = this.document;
    for (const [depth, name] of path.entries()) {
      const member = memberOf(value, name);
      if (member === undefined) throw this.nothingAt(path, depth, field);
      value = member.value;
    }
    return value;
  }

  /** The place that a path leads to. Undefined for the whole document. */
  private placeOf(path: readonly string[], field: Field): Place | undefined {
    const name = path.at(-1);
    if (name === undefined) return undefined;
    const holder = this.find(path.slice(0, -1), field);
    if (isJsonObject(holder) || Array.isArray(holder)) return { holder, name };
    throw this.problem(`/${field}`, 'leads into a value that is no object and no list, so it has no members');
  }

  private checkDepth(path: readonly string[], value: unknown): void {
    if (isDeeperThan(value, MAX_JSON_DEPTH - path.length))
      throw this.problem('', `makes a document that is nested deeper than ${MAX_JSON_DEPTH} levels`);
  }

  private namesOf(given: Readonly<Record<string, unknown>>, field: Field): string[] {
    const names = namesOfPointer(given[field]);
    if (names !== undefined) return names;
    throw this.problem(
      `/${field}`,
      'must be a JSON pointer: /lines/0/price, with ~1 for a slash and ~0 for a tilde in a name',
    );
  }

  private valueOf(given: Readonly<Record<string, unknown>>): unknown {
    if (!Object.hasOwn(given, 'value')) throw this.problem('/value', 'is missing: null is a value as well');
    return copied(given.value);
  }

  private nothingAt(path: readonly string[], depth: number, field: Field): PatchProblem {
    const whole = depth === path.length - 1 ? 'there is nothing there' : `its part ${depth + 1} is not there`;
    return this.problem(`/${field}`, `leads to nothing, because ${whole}: take the paths from the document`);
  }

  private problem(pointer: string, message: string): PatchProblem {
    return new PatchProblem(this.at + pointer, message);
  }
}

/** Whether objects and lists are nested in each other on more levels than this. A value alone has none. */
export function isDeeperThan(value: unknown, levels: number): boolean {
  if (!isHolder(value)) return false;
  return levels <= 0 || Object.values(value).some((each) => isDeeperThan(each, levels - 1));
}

function memberOf(value: unknown, name: string): { readonly value: unknown } | undefined {
  if (Array.isArray(value)) {
    const index = indexOf(name, value.length);
    return index === undefined ? undefined : { value: value[index] };
  }
  return isJsonObject(value) && Object.hasOwn(value, name) ? { value: value[name] } : undefined;
}

function isHolder(value: unknown): value is Record<string, unknown> | unknown[] {
  return Array.isArray(value) || isJsonObject(value);
}

/** Objects of classes are not copied. */
function copied(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(copied);
  if (!isJsonObject(value)) return value;
  const copy: Record<string, unknown> = {};
  for (const [name, each] of Object.entries(value)) setOwn(copy, name, copied(each));
  return copy;
}

function sizeOf(value: unknown): number {
  if (typeof value === 'string') return value.length + 1;
  if (!isHolder(value)) return 1;
  let size = 1;
  for (const [name, each] of Object.entries(value)) size += name.length + sizeOf(each);
  return size;
}

/** Numbers are the same by their value, and objects whatever the order of their members. */
function isSameJson(one: unknown, other: unknown): boolean {
  if (one instanceof ExactNumber)
    return other instanceof ExactNumber ? one.text === other.text : one.toNumber() === other;
  if (!isHolder(one) || !isHolder(other)) return one === other;
  const [names, others] = [Object.keys(one), Object.keys(other)];
  if (Array.isArray(one) !== Array.isArray(other) || names.length !== others.length) return false;
  return names.every((name) => {
    const member = memberOf(other, name);
    return member !== undefined && isSameJson(memberOf(one, name)?.value, member.value);
  });
}

function unknownOperation(op: unknown): string {
  const suggestion = typeof op === 'string' ? suggestionFor(op.slice(0, 20), PATCH_OPERATIONS) : '';
  return `must be one of ${PATCH_OPERATIONS.join(', ')}${suggestion}`;
}
