import type { EventSchema } from '../contracts/schemas/event-schema.js';
import { validateLater } from '../contracts/validate.js';
import { problemsOf } from '../contracts/violations.js';
import { IntegrationError, messageOf, PostponeError } from '../errors.js';
import { serializePayload } from '../events/json-payload.js';
import type { StateRules } from './saga-definition.js';
import { called, deadLetter } from './saga-errors.js';

/** Bytes of JSON: 64 KiB. */
export const MOST_STATE_BYTES = 65_536;
/** How long an event waits whose saga was written by a newer release, in milliseconds. */
const POSTPONED_MS = 5_000;
const LISTED = 20;

interface Named {
  readonly saga: string;
  readonly key: string;
}

/** @throws PostponeError if the state is newer than this code. A process of the newer release goes on. */
export function requireKnown(stored: number, { version }: StateRules, { saga, key }: Named): void {
  if (stored <= version) return;
  throw new PostponeError(
    POSTPONED_MS,
    `${called(saga, key)} is stored in version ${stored}, and this process knows version ${version}`,
  );
}

/**
 * The state of an earlier version, as the code has it.
 *
 * @throws IntegrationError INTEGRATION_SAGA_STATE if an upcaster fails, or returns what the schema refuses
 */
export async function raised(state: unknown, stored: number, rules: StateRules, of: Named): Promise<unknown> {
  let current = state;
  let isRaised = false;
  for (let version = stored; version < rules.version; version++) {
    const upcaster = rules.upcast[version];
    if (upcaster === undefined) continue;
    current = resultOf(upcaster, current, version, of);
    isRaised = true;
  }
  if (isRaised && rules.schema !== undefined) await checked(current, rules.schema, of);
  return current;
}

function resultOf(
  upcaster: (state: unknown) => unknown,
  state: unknown,
  version: number,
  of: Named,
): unknown {
  let result: unknown;
  try {
    result = upcaster(state);
  } catch (cause) {
    throw invalidState(
      of,
      `the upcaster from version ${version} threw: ${messageOf(cause)}`,
      { version },
      cause,
    );
  }
  if (result !== undefined && typeof Object(result).then !== 'function') return result;
  throw invalidState(of, `the upcaster from version ${version} must return the state itself`, { version });
}

/**
 * The state as JSON text, once its schema has taken it.
 *
 * @throws IntegrationError INTEGRATION_SAGA_STATE if the schema refuses it, or it is no JSON
 * @throws NonRetryableError INTEGRATION_SAGA_LIMIT if it is too large
 */
export async function stateText(state: unknown, { schema }: StateRules, of: Named): Promise<string> {
  const value = schema === undefined ? state : await checked(state, schema, of);
  return jsonText('state', value === undefined ? null : value, of);
}

/** JSON text of a part of a saga, with the limit of its size. */
export function jsonText(what: string, value: unknown, of: Named): string {
  try {
    return serializePayload(value, { maxPayloadBytes: MOST_STATE_BYTES }, what).json;
  } catch (cause) {
    if (!(cause instanceof IntegrationError)) throw cause;
    if (cause.code !== 'INTEGRATION_PAYLOAD_TOO_LARGE') throw invalidState(of, cause.message, {}, cause);
    const { bytes } = cause.details;
    throw deadLetter(
      'INTEGRATION_SAGA_LIMIT',
      `The ${what} of ${called(of.saga, of.key)} has ${String(bytes)} bytes of JSON, and ${MOST_STATE_BYTES} is the limit: keep the data in tables of your own, and a reference to it in the state`,
      { ...of, bytes, maxBytes: MOST_STATE_BYTES },
    );
  }
}

async function checked(state: unknown, schema: EventSchema, of: Named): Promise<unknown> {
  const result = await validateLater(schema, state);
  if (result.issues === undefined) return result.value;
  const problems = problemsOf(schema, result.issues, 'state');
  const said = problems.slice(0, LISTED).map(({ path, reason }) => `${path}: ${reason}`);
  throw invalidState(of, `it does not fit its schema: ${said.join('; ')}`, { problems }, result.thrown);
}

function invalidState(
  { saga, key }: Named,
  problem: string,
  details: Record<string, unknown>,
  cause?: unknown,
): IntegrationError {
  return new IntegrationError(
    'INTEGRATION_SAGA_STATE',
    `The state of ${called(saga, key)} cannot be used: ${problem}`,
    { saga, key, ...details },
    cause === undefined ? {} : { cause },
  );
}
