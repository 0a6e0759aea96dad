import { IntegrationError, type IntegrationErrorCode, messageOf } from '../errors.js';
import { storableText } from '../words/text.js';
import './error-codes.js';
import type { CallError } from './external-call.js';

/** As long as the columns. */
export const LONGEST_GROUP = 127;
export const LONGEST_TENANT = 127;
export const LONGEST_EXTERNAL_ID = 255;
export const LONGEST_KEY = 255;
export const LONGEST_SOURCE = 127;
export const LONGEST_SUBJECT_TYPE = 127;
export const LONGEST_SUBJECT_ID = 255;
/** Of a message that is kept with a call. */
const LONGEST_MESSAGE = 2_000;

export function invalidCall(message: string, details: Record<string, unknown> = {}): IntegrationError {
  return new IntegrationError('INTEGRATION_CALL_INVALID', message, details);
}

/** It says the same where the call is another tenant's. */
export function unknownCall(id: string): IntegrationError {
  return new IntegrationError('INTEGRATION_CALL_UNKNOWN', `There is no call ${id}`, { callId: id });
}

export function wrongState(message: string, details: Record<string, unknown>): IntegrationError {
  return new IntegrationError('INTEGRATION_CALL_STATE', message, details);
}

export function unknownType(type: string, known: readonly string[]): IntegrationError {
  const there = known.length === 0 ? 'it has none' : `it has ${known.join(', ')}`;
  return new IntegrationError(
    'INTEGRATION_CALL_TYPE_UNKNOWN',
    `This process has no type of calls ${JSON.stringify(type)}: ${there}. Add the class with @ExternalCallType to the providers of a module`,
    { type, known },
  );
}

/** An error as it is kept with a call that has failed. */
export function callError(
  code: IntegrationErrorCode,
  message: string,
  details?: Record<string, unknown>,
): CallError {
  return { code, message: shortened(message), ...(details === undefined ? {} : { details }) };
}

/** What somebody threw, as it is kept with a call. */
export function thrownError(error: unknown): CallError {
  const { code, name } = Object(error) as { code?: unknown; name?: unknown };
  const said = [code, name].find((each) => typeof each === 'string' && each !== '' && each.length <= 127);
  return { code: (said as string | undefined) ?? 'Error', message: shortened(messageOf(error)) };
}

/** Text that the database can store. */
export function shortened(text: string): string {
  return storableText(text, LONGEST_MESSAGE);
}
