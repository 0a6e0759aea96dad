import { IntegrationError, type IntegrationErrorCode, NonRetryableError } from '../errors.js';
import { problemOfText } from '../words/text.js';
import './error-codes.js';

/** As long as the column. */
export const LONGEST_KEY = 255;

/** Repeating the event cannot help, so it becomes a dead letter at once. Its cause has the code. */
export function deadLetter(
  code: IntegrationErrorCode,
  message: string,
  details: Record<string, unknown>,
): NonRetryableError {
  return new NonRetryableError(message, { cause: new IntegrationError(code, message, details) });
}

export function invalidUse(message: string, details: Record<string, unknown>): IntegrationError {
  return new IntegrationError('INTEGRATION_SAGA_INVALID', message, details);
}

/** `saga "order-fulfilment" "4711"`: a saga in messages. */
export function called(saga: string, key: string): string {
  return `saga ${JSON.stringify(saga)} ${JSON.stringify(key)}`;
}

export function unknownSaga(saga: string, key: string): IntegrationError {
  const message = `There is no ${called(saga, key)}`;
  return new IntegrationError('INTEGRATION_SAGA_UNKNOWN', message, { saga, key });
}

/** @throws IntegrationError INTEGRATION_SAGA_INVALID for a key that is empty or too long, or is no text */
export function checkKey(saga: string, key: unknown, of = ''): asserts key is string {
  const problem = problemOfText(key, LONGEST_KEY);
  if (problem !== undefined) throw invalidUse(`The key${of} of saga "${saga}" ${problem}`, { saga });
}
