import { randomUUID } from 'node:crypto';
import { inspect } from 'node:util';
import { ExactNumber, parseExactly } from '../../events/exact-number.js';
import type { AdminCallOptions, AdminHttpRequest } from '../options/admin-options.js';
import { maskedPayload, type PayloadOfEvent } from './masked-payload.js';

/** Stands where a hidden value stood. */
export const HIDDEN = '[hidden]';
/** Stands for a line that cannot be searched for all hidden values in a reasonable time. */
export const TOO_MANY_HIDDEN =
  '[This line is not shown, because the mask hides too many values of the payload]';
const MOST_VALUES = 1_000;
/** A shorter value is found where it stands alone only: `7` is not taken out of `1734`. */
const SHORTEST_WITHIN = 4;
/**
 * A value of two to six words is a name, an address, or a number in groups. A line may have one of its words
 * alone, as in "ending in 1111". A longer text has words that stand in other texts as well.
 */
const MOST_WORDS = 6;
const SHORTEST_WORD = 3;
/** So much of a hidden value, at the end of a line that was cut, is taken for its beginning. */
const SHORTEST_BEGINNING = 3;
/** A line that was cut when it was stored ends with it. */
const CUT = '…';
const ALONE = ['(?<![\\p{L}\\p{N}])', '(?![\\p{L}\\p{N}])'] as const;
/** The names of properties that code gives. Others, such as an address that is a key, are values. */
const GIVEN_BY_CODE = /^[A-Za-z_$][\w$]*$/;

/**
 * Returns what takes out of a text each value that `mask` takes out of the payload. A value counts as taken
 * out if it does not stand at the same place of what `mask` returns. So a mask that builds something new
 * hides too much of a text rather than too little. Without `mask` nothing is taken out.
 *
 * @throws MaskFailure, or what `mask` throws to refuse
 */
export async function hidingValues(
  found: PayloadOfEvent,
  mask: AdminCallOptions['mask'],
  request: AdminHttpRequest,
): Promise<(text: string) => string> {
  if (mask === undefined) return (text) => text;
  const seen = await maskedPayload(found, mask, request);
  const mark = `${randomUUID()}:`;
  const values = valuesTakenOut(parseExactly(found.payload, mark), parseExactly(seen, mark));
  if (values.size > MOST_VALUES) return () => TOO_MANY_HIDDEN;
  const forms = formsOf(values);
  const words = [...new Set([...values].flatMap(wordsOf))];
  return (text) => withoutForms(text, forms, words);
}

function valuesTakenOut(payload: unknown, seen: unknown): Set<string> {
  const values = new Set<string>();
  // Not by recursion, because a payload may be nested deeper than the stack reaches.
  const open: [unknown, unknown][] = [[payload, seen]];
  for (let pair = open.pop(); pair !== undefined; pair = open.pop()) {
    const [whole, shown] = pair;
    if (isHolder(whole)) {
      const left = isHolder(shown) && Array.isArray(shown) === Array.isArray(whole) ? shown : {};
      for (const [key, value] of Object.entries(whole)) {
        const isThere = Object.hasOwn(left, key);
        if (!isThere && !Array.isArray(whole) && !GIVEN_BY_CODE.test(key)) values.add(key);
        open.push([value, isThere ? left[key] : undefined]);
      }
    } else if (whole !== null && textOf(whole) !== textOf(shown)) values.add(textOf(whole));
  }
  return values;
}

function isHolder(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !(value instanceof ExactNumber);
}

function textOf(value: unknown): string {
  return isHolder(value) ? '' : String(value);
}

/**
 * The ways in which a line may write the values, the longest first: a longer one may hold a shorter one.
 */
function formsOf(values: ReadonlySet<string>): string[] {
  const forms = new Set<string>();
  for (const value of values) {
    const inJson = JSON.stringify(value).slice(1, -1);
    const inUrl = encodeURIComponent(value.toWellFormed());
    const inspected = inspect(value, { compact: true, breakLength: Number.POSITIVE_INFINITY }).slice(1, -1);
    for (const form of [value, value.trim(), inJson, inUrl, inspected])
      if (form.trim() !== '') forms.add(form);
  }
  return [...forms].sort((one, other) => other.length - one.length);
}

/** The words of a short value. */
function wordsOf(value: string): string[] {
  const words = value.match(/[\p{L}\p{N}]+/gu) ?? [];
  if (words.length < 2 || words.length > MOST_WORDS) return [];
  return words.filter((word) => word.length >= SHORTEST_WORD);
}

/** Whole values come first, so that one of several words is replaced once. */
function withoutForms(text: string, forms: readonly string[], words: readonly string[]): string {
  const whole = text.endsWith(CUT) ? withoutBeginning(text.slice(0, -CUT.length), forms) : text;
  const lower = whole.toLowerCase();
  const isThere = (form: string) => lower.includes(form.toLowerCase());
  const found = [
    ...forms.filter(isThere).map((form) => patternOf(form, form.length < SHORTEST_WITHIN)),
    ...words.filter(isThere).map((word) => patternOf(word, true)),
  ];
  if (found.length === 0) return whole;
  return whole.replace(new RegExp(found.join('|'), 'giu'), HIDDEN);
}

function patternOf(form: string, isAlone: boolean): string {
  const literal = form.replace(/[\\^$.*+?()[\]{}|/-]/g, (character) =>
    character === '-' ? '\\x2d' : `\\${character}`,
  );
  return isAlone ? ALONE[0] + literal + ALONE[1] : literal;
}

/** The line was cut, maybe within a hidden value. What is left of the value at the end goes as well. */
function withoutBeginning(text: string, forms: readonly string[]): string {
  // A few letters are longer in lower case. Then the places would not fit, and letters are taken as they
  // are.
  const fits = text.toLowerCase().length === text.length;
  const plain = (some: string) => (fits ? some.toLowerCase() : some);
  const lower = plain(text);
  let end = text.length;
  for (const form of forms) {
    const lowerForm = plain(form);
    const from = Math.max(0, lower.length - lowerForm.length + 1);
    for (let at = from; at <= lower.length - SHORTEST_BEGINNING && at < end; at++)
      if (lower[at] === lowerForm[0] && lowerForm.startsWith(lower.slice(at))) end = at;
  }
  return end === text.length ? text + CUT : text.slice(0, end) + HIDDEN + CUT;
}
