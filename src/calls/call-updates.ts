import type { EventSchema } from '../contracts/schemas/event-schema.js';
import { validateLater } from '../contracts/validate.js';
import { problemsOf } from '../contracts/violations.js';
import { IntegrationError } from '../errors.js';
import { serializePayload } from '../events/json-payload.js';
import { problemsOfUnknownNames } from '../words/known-names.js';
import { problemOfText } from '../words/text.js';
import { callError, invalidCall, LONGEST_EXTERNAL_ID, shortened } from './call-errors.js';
import type { CallError } from './external-call.js';
import type { Heard } from './heard.js';

/** Bytes of JSON: 1 MiB, because a request and a result are parts of events, with some room for the rest. */
const MOST_BYTES = 1_000_000;
const LISTED = 20;
const PHASES = ['processing', 'completed', 'failed'];
const NAMES = ['externalId', 'phase', 'result', 'error'];

type Given = Readonly<Record<string, unknown>>;

/**
 * What somebody says of a call, checked.
 *
 * @param of `the answer of TtsCalls.start`
 * @throws IntegrationError INTEGRATION_CALL_INVALID for what is no update, or a result that does not fit
 */
export async function heardFrom(
  update: unknown,
  result: EventSchema | undefined,
  of: string,
): Promise<Heard> {
  return withFittingResult(saidFrom(update, of), result, of);
}

/**
 * The same without a look at the result, because the type of the call is not known yet.
 *
 * @throws IntegrationError INTEGRATION_CALL_INVALID for what is no update
 */
export function saidFrom(update: unknown, of: string): Heard {
  const given = Object(update) as Given;
  const problems = problemsOfUpdate(update, given);
  if (problems.length > 0)
    throw invalidCall(`${of} is no update of a call: ${problems.join('; ')}`, { problems });
  const { phase, externalId, result } = given;
  const named = externalId === undefined ? {} : { externalId: externalId as string };
  if (phase === 'failed') return { ...named, phase, error: errorFrom(given.error, of) };
  return phase === 'completed' ? { ...named, phase, result } : { ...named, phase: 'processing' };
}

/**
 * @throws IntegrationError INTEGRATION_CALL_INVALID for a result that does not fit
 */
export async function withFittingResult(
  said: Heard,
  result: EventSchema | undefined,
  of: string,
): Promise<Heard> {
  if (said.phase !== 'completed') return said;
  return { ...said, result: await fitting(said.result, result, 'result', of) };
}

/**
 * A request or a result as it is stored.
 *
 * @throws IntegrationError INTEGRATION_CALL_INVALID if the schema refuses it, or it is no JSON or too large
 */
export async function fitting(
  value: unknown,
  schema: EventSchema | undefined,
  what: 'request' | 'result',
  of: string,
): Promise<unknown> {
  const stored = schema === undefined ? (value ?? null) : await checked(value, schema, what, of);
  return JSON.parse(jsonOf(stored, what, of)) as unknown;
}

async function checked(value: unknown, schema: EventSchema, what: string, of: string): Promise<unknown> {
  const answer = await validateLater(schema, value);
  if (answer.issues === undefined) return answer.value ?? null;
  const problems = problemsOf(schema, answer.issues, what);
  const said = problems.slice(0, LISTED).map(({ path, reason }) => `${path}: ${reason}`);
  throw new IntegrationError(
    'INTEGRATION_CALL_INVALID',
    `The ${what} of ${of} does not fit its schema: ${said.join('; ')}`,
    { problems },
    answer.thrown === undefined ? {} : { cause: answer.thrown },
  );
}

function jsonOf(value: unknown, what: string, of: string): string {
  try {
    return serializePayload(value, { maxPayloadBytes: MOST_BYTES }, what).json;
  } catch (cause) {
    if (!(cause instanceof IntegrationError)) throw cause;
    const { message, details } = cause;
    throw new IntegrationError('INTEGRATION_CALL_INVALID', `${of}: ${message}`, { ...details }, { cause });
  }
}

function problemsOfUpdate(update: unknown, given: Given): string[] {
  if (typeof update !== 'object' || update === null) return ['it is no object with a phase'];
  const { phase, externalId } = given;
  const problem = externalId === undefined ? undefined : problemOfText(externalId, LONGEST_EXTERNAL_ID);
  return [
    ...problemsOfUnknownNames(given, { known: NAMES, kind: 'a field of an update' }),
    ...(PHASES.includes(phase as string) ? [] : [`phase must be one of ${PHASES.join(', ')}`]),
    ...(problem === undefined ? [] : [`externalId ${problem}`]),
    ...(phase !== 'failed' || typeof Object(given.error).message === 'string'
      ? []
      : ['error must have a code and a message']),
  ];
}

function errorFrom(given: unknown, of: string): CallError {
  const { code, message, details } = Object(given) as Partial<CallError>;
  const error = { code: shortened(String(code ?? 'failed')), message: shortened(String(message)) };
  return details === undefined
    ? error
    : ({ ...error, details: JSON.parse(jsonOf(details, 'error.details', of)) } as CallError);
}

/** A result that does not fit ends its call, because asking again would bring the same one. */
export function unfitting(error: unknown): Heard {
  if (!(error instanceof IntegrationError)) throw error;
  return { phase: 'failed', error: callError('INTEGRATION_CALL_INVALID', error.message) };
}
