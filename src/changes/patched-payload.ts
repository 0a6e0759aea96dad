import { randomUUID } from 'node:crypto';
import type { IntegrationError } from '../errors.js';
import { MAX_JSON_DEPTH } from '../events/event-limits.js';
import { ExactNumber, parseExactly, stringifyExactly } from '../events/exact-number.js';
import { setOwn } from '../events/json-copy.js';
import { applyJsonPatch, isDeeperThan, PatchProblem } from '../events/json-patch.js';
import { memberPath } from '../events/json-problem.js';
import { isJsonObject } from '../events/json-values.js';
import { invalidArgument } from '../words/argument-checks.js';
import { ConcealedPayload } from './concealed-payload.js';

/** How many times the largest payload the copies and moves of a patch may take in all. */
const MOST_TAKEN = 4;

interface Patching {
  /** The payload as JSON text, with every digit. */
  readonly payload: string;
  readonly patch: unknown;
  readonly maxPayloadBytes: number;
  /** Returns what the author sees of a payload. Without it, the author sees all of it. */
  readonly mask?: ((payload: string) => Promise<string>) | undefined;
}

/**
 * The payload that a JSON Patch makes of another one.
 *
 * What `mask` hides stays as it is, and can be replaced. With `mask`, a patch has no operation that reads:
 * `test` could guess what is hidden, and `copy` and `move` could bring it to a place where it is shown. For
 * the same reason, the new payload must not show more of it than the old one.
 *
 * @throws IntegrationError INTEGRATION_ADMIN_INVALID for a patch that does not apply, whose `pointer` leads
 *   to the wrong part of the patch, and where a number of the payload would lose digits
 */
export async function patchedPayload({ payload, patch, maxPayloadBytes, mask }: Patching): Promise<unknown> {
  const mark = `${randomUUID()}:`;
  const most = MOST_TAKEN * maxPayloadBytes;
  const before = parseExactly(payload, mark);
  if (isDeeperThan(before, MAX_JSON_DEPTH))
    throw invalidArgument(
      `The payload of the event is nested deeper than ${MAX_JSON_DEPTH} levels, so no patch is applied to it`,
      { field: 'patch' },
    );
  if (mask === undefined) return inNumbersOfJavaScript(applied(before, patch, most), 'payload');
  const concealed = new ConcealedPayload(before, parseExactly(await mask(payload), mark));
  checkBlind(patch, concealed.standIns);
  const tree = applied(concealed.tree, patch, most);
  const after = concealed.reveal(tree);
  if (concealed.isSeenIn(tree, parseExactly(await mask(stringifyExactly(after, mark)), mark)))
    throw invalidArgument(
      'The new event would show what is hidden from you now, because the patch changes what the mask goes by. Leave that as it is, or let somebody correct the event who sees the whole payload',
      { field: 'patch' },
    );
  return inNumbersOfJavaScript(after, undefined);
}

function applied(document: unknown, patch: unknown, most: number): unknown {
  try {
    return applyJsonPatch(document, patch, most);
  } catch (error) {
    throw error instanceof PatchProblem ? wrongPatch(error) : error;
  }
}

function wrongPatch({ pointer, message }: PatchProblem): IntegrationError {
  return invalidArgument(`patch${pointer} ${message}`, { field: 'patch', pointer });
}

const READING: readonly unknown[] = ['test', 'copy', 'move'];

/** Refuses what only somebody may do who sees the whole payload. */
function checkBlind(patch: unknown, standIns: ReadonlySet<string>): void {
  for (const [index, operation] of Array.isArray(patch) ? patch.entries() : []) {
    const { op, value } = Object(operation) as { readonly op?: unknown; readonly value?: unknown };
    if (READING.includes(op))
      throw wrongPatch(
        new PatchProblem(
          `/${index}/op`,
          `must be add, remove or replace where payloads are masked: ${op} would tell what the mask hides`,
        ),
      );
    if (holdsOneOf(standIns, value))
      throw wrongPatch(
        new PatchProblem(
          `/${index}/value`,
          'has a text that the mask shows in the place of another one: write the value itself, or leave it out',
        ),
      );
  }
}

function holdsOneOf(texts: ReadonlySet<string>, value: unknown): boolean {
  if (typeof value === 'string') return texts.has(value);
  if (!Array.isArray(value) && !isJsonObject(value)) return false;
  return Object.values(value).some((each) => holdsOneOf(texts, each));
}

/**
 * The value with numbers in the place of `ExactNumber`.
 *
 * @param path how messages name its place. Undefined where nobody must learn of it
 */
function inNumbersOfJavaScript(value: unknown, path: string | undefined): unknown {
  if (value instanceof ExactNumber) {
    const number = value.toNumber();
    if (number !== undefined) return number;
    throw invalidArgument(
      `${path ?? 'A part of the payload'} is a number with more digits than JavaScript has, so the new event would have another one: replace it, by a text for example`,
      { field: 'patch' },
    );
  }
  const inside = (name: string | number) => (path === undefined ? undefined : memberPath(path, name));
  if (Array.isArray(value)) return value.map((each, index) => inNumbersOfJavaScript(each, inside(index)));
  if (!isJsonObject(value)) return value;
  const copy: Record<string, unknown> = {};
  for (const [name, each] of Object.entries(value))
    setOwn(copy, name, inNumbersOfJavaScript(each, inside(name)));
  return copy;
}
