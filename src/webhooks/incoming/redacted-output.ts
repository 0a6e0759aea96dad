import type { EventSchema } from '../../contracts/schemas/event-schema.js';
import { jsonForm } from '../../contracts/schemas/json-form.js';
import { validateLater } from '../../contracts/validate.js';
import { serializePayload } from '../../events/json-payload.js';
import { REDACTED, redacted, replacedAt } from './redaction.js';

/** A shorter text stands in too many others by chance. */
const SHORTEST_FOUND = 3;

/**
 * The output of a schema without the values at these paths of its input, wherever the schema has put them.
 *
 * The schema is asked again about the body without these values. What it makes of that holds nothing of them.
 * But a schema may refuse it, because a text is not a number and no address of a mail. Then it is asked about
 * a body with values of the same form in their place: where the two outputs differ, a value of the sender
 * shows. If the schema refuses that as well (a checksum, a word out of a list), texts that hold one of the
 * values are taken out of the output. The genuine body was found valid before, and stays so.
 */
export async function redactedOutput(
  schema: EventSchema,
  json: unknown,
  output: unknown,
  paths: readonly string[],
): Promise<unknown> {
  try {
    const values = valuesAt(json, paths);
    if (values.length === 0) return output;
    const blank = await storableOutput(schema, redacted(json, paths));
    if (blank !== undefined) return blank.value;
    const other = await storableOutput(schema, replacedAt(json, paths, alike));
    if (other === undefined) return withoutValues(jsonForm(output), values);
    const unlike = values.filter((value) => Object.is(alike(value), value));
    return withoutValues(agreed(jsonForm(output), jsonForm(other.value)), unlike);
  } catch (error) {
    if (error instanceof RangeError) return REDACTED;
    throw error;
  }
}

async function storableOutput(
  schema: EventSchema,
  json: unknown,
): Promise<{ readonly value: unknown } | undefined> {
  const verdict = await validateLater(schema, json);
  if (verdict.issues !== undefined) return undefined;
  try {
    serializePayload(verdict.value, { maxPayloadBytes: Number.POSITIVE_INFINITY });
  } catch {
    return undefined;
  }
  return { value: verdict.value };
}

/** The texts, numbers and truth values at these paths. */
function valuesAt(json: unknown, paths: readonly string[]): unknown[] {
  const values: unknown[] = [];
  replacedAt(json, paths, (value) =>
    mapped(value, (leaf) => {
      values.push(leaf);
      return leaf;
    }),
  );
  return values;
}

/** A value of the same form, of which no letter and no digit is the same. */
function alike(value: unknown): unknown {
  return mapped(value, (leaf) => {
    if (typeof leaf === 'boolean') return !leaf;
    if (typeof leaf === 'string') return alikeText(leaf);
    if (typeof leaf !== 'number') return leaf;
    const number = Number(alikeText(String(leaf)));
    return Number.isFinite(number) ? number : leaf + 1;
  });
}

/** Other letters and digits that are good in hex as well: those of a uuid must stay good. */
const OTHERS: Readonly<Record<string, string>> = { a: 'b', A: 'B', '1': '2', '8': '9', '9': '8' };

function alikeText(text: string): string {
  return text.replace(/[\p{L}\p{N}]/gu, (each) => {
    const other = Object.hasOwn(OTHERS, each) ? OTHERS[each] : undefined;
    if (other !== undefined) return other;
    if (/\p{N}/u.test(each)) return '1';
    return /\p{Lu}/u.test(each) ? 'A' : 'a';
  });
}

/** What two outputs have in common, with a mark where they differ. */
function agreed(a: unknown, b: unknown): unknown {
  if (Array.isArray(a) && Array.isArray(b) && a.length === b.length)
    return a.map((each, index) => agreed(each, b[index]));
  if (!isRecord(a) || !isRecord(b)) return Object.is(a, b) ? a : REDACTED;
  const common = Object.keys(a).filter((key) => Object.hasOwn(b, key));
  return Object.fromEntries(common.map((key) => [key, agreed(a[key], b[key])]));
}

function withoutValues(output: unknown, values: readonly unknown[]): unknown {
  const texts = values
    .filter((value) => typeof value !== 'boolean')
    .map((value) => String(value).toLowerCase());
  return mapped(output, (leaf) => {
    if (typeof leaf === 'boolean') return leaf;
    const text = String(leaf).toLowerCase();
    const shows = texts.some(
      (each) => text === each || (each.length >= SHORTEST_FOUND && text.includes(each)),
    );
    return shows ? REDACTED : leaf;
  });
}

/** A copy of a JSON value with other texts, numbers and truth values. */
function mapped(value: unknown, change: (leaf: unknown) => unknown): unknown {
  if (value === null || value === undefined) return value;
  if (Array.isArray(value)) return value.map((each) => mapped(each, change));
  if (!isRecord(value)) return change(value);
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, mapped(each, change)]));
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return Object.prototype.toString.call(value) === '[object Object]';
}
