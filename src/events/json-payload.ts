import { types } from 'node:util';
import { IntegrationError, messageOf } from '../errors.js';
import { MAX_JSON_DEPTH } from './event-limits.js';
import { findJsonProblem } from './json-problem.js';
import { isPlainObject, jsonValueOf, problemOfInstance } from './json-values.js';

/** A value as JSON text. */
export interface SerializedJson {
  readonly json: string;
  /**
   * The size in UTF-8 of the text that Postgres gives back (`octet_length(payload::text)`). jsonb writes a
   * space after each comma and colon. It writes numbers without an exponent: `1e308` comes back as 309
   * digits.
   */
  readonly bytes: number;
}

const NOT_STORABLE = -1;

/**
 * JSON.stringify writes NUL and lone surrogates as escapes. A `u` that follows an escaped backslash is no
 * such escape.
 */
const UNSTORABLE_ESCAPE = /(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f][0-9a-f]{2})/;

/**
 * Turns a payload into JSON text that Postgres stores and gives back equal to
 * `JSON.parse(JSON.stringify(value))`. Everything that JSON would drop, change or refuse is refused here,
 * before any SQL, because an error of the database would abort the caller's transaction. Only properties
 * whose value is undefined are left out, as JSON does.
 *
 * @param root the beginning of the path in messages
 * @throws IntegrationError INTEGRATION_PAYLOAD_INVALID with the JSON path in message and details, or
 *   INTEGRATION_PAYLOAD_TOO_LARGE above `maxPayloadBytes`
 */
export function serializePayload(
  value: unknown,
  limits: { readonly maxPayloadBytes: number },
  root = 'payload',
): SerializedJson {
  const { json, surplus } = stringify(value, root);
  const bytes = Buffer.byteLength(json) + surplus;
  if (bytes > limits.maxPayloadBytes) {
    throw new IntegrationError(
      'INTEGRATION_PAYLOAD_TOO_LARGE',
      `${root} has ${bytes} bytes of JSON, the limit is ${limits.maxPayloadBytes}: store the data elsewhere and publish a reference to it`,
      { path: root, bytes, maxBytes: limits.maxPayloadBytes },
    );
  }
  return { json, bytes };
}

function stringify(value: unknown, root: string): { json: string; surplus: number } {
  try {
    const surplus = surplusOf(jsonValueOf(value, ''), 0);
    if (surplus !== NOT_STORABLE) {
      const json = JSON.stringify(value);
      if (json !== undefined && !(json.includes('\\u') && UNSTORABLE_ESCAPE.test(json)))
        return { json, surplus };
    }
  } catch (error) {
    throw refusal(root, `cannot be serialized: ${messageOf(error)}`, error);
  }
  const { path, reason } = findJsonProblem(value, root) ?? { path: root, reason: 'cannot be serialized' };
  throw refusal(path, reason);
}

/**
 * How many more characters jsonb writes for a value than JSON.stringify does, or NOT_STORABLE. Ordinary
 * values need this one walk only, without paths or sets. Characters are checked in the finished text. A cycle
 * ends at the greatest depth.
 */
function surplusOf(value: unknown, depth: number): number {
  if (typeof value === 'string' || typeof value === 'boolean' || value === null) return 0;
  if (typeof value === 'number' && Number.isFinite(value)) return surplusDigits(value);
  if (typeof value !== 'object' || depth >= MAX_JSON_DEPTH) return NOT_STORABLE;
  if (Array.isArray(value)) return surplusOfArray(value, depth);
  if (isPlainObject(value)) return surplusOfObject(value as Record<string, unknown>, depth);
  if (problemOfInstance(value) !== undefined) return NOT_STORABLE;
  return surplusOf(types.isBoxedPrimitive(value) ? value.valueOf() : { ...value }, depth);
}

function surplusOfArray(values: readonly unknown[], depth: number): number {
  let surplus = Math.max(0, values.length - 1);
  for (let index = 0; index < values.length; index++) {
    const more = surplusOf(jsonValueOf(values[index], index), depth + 1);
    if (more === NOT_STORABLE) return NOT_STORABLE;
    surplus += more;
  }
  return surplus;
}

/**
 * The same for a plain object. V8 runs this form of loop without looking properties up. Properties that
 * somebody added to `Object.prototype` do not count.
 */
function surplusOfObject(value: Record<string, unknown>, depth: number): number {
  let surplus = 0;
  let properties = 0;
  for (const key in value) {
    const item = jsonValueOf(value[key], key);
    if (item === undefined) continue;
    const more = surplusOf(item, depth + 1);
    if (more !== NOT_STORABLE) surplus += more;
    else if (Object.hasOwn(value, key)) return NOT_STORABLE;
    properties++;
  }
  return properties === 0 ? 0 : surplus + 2 * properties - 1;
}

/** JavaScript writes an exponent from 1e21 upwards and below 1e-6. jsonb never does. */
function surplusDigits(value: number): number {
  const size = Math.abs(value);
  if (size < 1e21 && (size >= 1e-6 || size === 0)) return 0;
  const text = String(size);
  const [digits = '', exponent = ''] = text.split('e');
  const power = Number(exponent);
  const significant = digits.length - (digits.includes('.') ? 1 : 0);
  const written = power > 0 ? power + 1 : 1 - power + significant;
  return written - text.length;
}

function refusal(path: string, reason: string, cause?: unknown): IntegrationError {
  return new IntegrationError(
    'INTEGRATION_PAYLOAD_INVALID',
    `${path} ${reason}`,
    { path, reason },
    cause === undefined ? undefined : { cause },
  );
}
