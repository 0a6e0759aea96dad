import { IntegrationError } from '../errors.js';
import './error-codes.js';

export function invalidSchedule(message: string, problems: readonly string[]): IntegrationError {
  return new IntegrationError('INTEGRATION_SCHEDULE_INVALID', message, { problems });
}

export function unknownSchedule(name: string): IntegrationError {
  return new IntegrationError(
    'INTEGRATION_SCHEDULE_UNKNOWN',
    `There is no schedule ${JSON.stringify(name)}`,
    {
      schedule: name,
    },
  );
}
