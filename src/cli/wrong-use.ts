import { IntegrationError, type IntegrationErrorCode, messageOf } from '../errors.js';
import { UsageError } from './command.js';

const WRONG_USE: ReadonlySet<string> = new Set<IntegrationErrorCode>([
  'INTEGRATION_ADMIN_INVALID',
  'INTEGRATION_OPTIONS_INVALID',
  'INTEGRATION_SETTING_INVALID',
  'INTEGRATION_SETTING_UNKNOWN',
]);

/** Whether the error is about the command line, or about arguments that only a service can judge. */
export function isWrongUse(error: unknown): boolean {
  return error instanceof UsageError || (error instanceof IntegrationError && WRONG_USE.has(error.code));
}

/** The error as `--json` prints it. */
export function describeError(error: unknown): Record<string, unknown> {
  const message = messageOf(error);
  return error instanceof IntegrationError
    ? { code: error.code, message, details: error.details }
    : { message };
}
