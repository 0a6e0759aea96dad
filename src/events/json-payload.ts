import { IntegrationError, messageOf } from '../errors.js';
import { MAX_JSON_DEPTH } from './event-limits.js';
import { findJsonProblem } from './json-problem.js';
import { isPlainObject, jsonValueOf, problemOfInstance, problemOfScalar } from './json-values.js';

/** A value as JSON text, and its length in bytes of UTF-8. */
export interface SerializedJson {
  readonly json: string;
  readonly bytes: number;
}

/** JSON.stringify spells NUL and lone surrogates as escapes; an escaped backslash before `u` is not one. */
const UNSTORABLE_ESCAPE = /(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f][0-9a-f]{2})/;

/**
 * Turns a payload into JSON text that Postgres stores and gives back equal to `JSON.parse(JSON.stringify(value))`.
 * Everything that JSON would drop, change or refuse is refused here, before any SQL: an error of the database would abort the caller's
 * transaction. Only an object's property that is undefined is left out, as JSON does.
 *
 * @param root what the path in messages starts with.
 * @throws IntegrationError INTEGRATION_PAYLOAD_INVALID with the JSON path in message and details;
 *   INTEGRATION_PAYLOAD_TOO_LARGE above `maxPayloadBytes`.
 */
export function serializePayload(
  value: unknown,
  limits: { readonly maxPayloadBytes: number },
  root = 'payload',
): SerializedJson {
  const json = stringify(value, root);
  const bytes = Buffer.byteLength(json);
  if (bytes > limits.maxPayloadBytes) {
    throw new IntegrationError(
      'INTEGRATION_PAYLOAD_TOO_LARGE',
      `${root} has ${bytes} bytes of JSON, the limit is ${limits.maxPayloadBytes}: store the data elsewhere and publish a reference to it`,
      { path: root, bytes, maxBytes: limits.maxPayloadBytes },
    );
  }
  return { json, bytes };
}

function stringify(value: unknown, root: string): string {
  try {
    if (isStorable(jsonValueOf(value, ''), 0)) {
      const json = JSON.stringify(value);
      if (json !== undefined && !(json.includes('\\u') && UNSTORABLE_ESCAPE.test(json))) return json;
    }
  } catch (error) {
    throw refusal(root, `cannot be serialized: ${messageOf(error)}`, error);
  }
  const { path, reason } = findJsonProblem(value, root) ?? { path: root, reason: 'cannot be serialized' };
  throw refusal(path, reason);
}

/** The ordinary path: one walk without paths or sets. Characters are looked at in the finished text, cycles end at the depth. */
function isStorable(value: unknown, depth: number): boolean {
  if (typeof value === 'string' || typeof value === 'boolean' || value === null) return true;
  if (typeof value !== 'object') return problemOfScalar(value) === undefined;
  if (depth >= MAX_JSON_DEPTH) return false;
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++) {
      if (!isStorable(jsonValueOf(value[index], index), depth + 1)) return false;
    }
    return true;
  }
  return isPlainObject(value)
    ? isStorableObject(value as Record<string, unknown>, depth)
    : problemOfInstance(value) === undefined && isStorable({ ...value }, depth);
}

/** Of a plain object, by the one loop that V8 looks nothing up for. What somebody added to `Object.prototype` is not of it. */
function isStorableObject(value: Record<string, unknown>, depth: number): boolean {
  for (const key in value) {
    const item = jsonValueOf(value[key], key);
    if (item !== undefined && !isStorable(item, depth + 1) && Object.hasOwn(value, key)) return false;
  }
  return true;
}

function refusal(path: string, reason: string, cause?: unknown): IntegrationError {
  return new IntegrationError(
    'INTEGRATION_PAYLOAD_INVALID',
    `${path} ${reason}`,
    { path, reason },
    cause === undefined ? undefined : { cause },
  );
}
