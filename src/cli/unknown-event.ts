import { IntegrationError } from '../errors.js';

/** An error for an event that the log does not have. */
export function unknownEvent(id: string): IntegrationError {
  return new IntegrationError(
    'INTEGRATION_INBOX_UNKNOWN',
    `The log does not have event ${id}: it never had it, or does not keep it any more`,
    {
      id,
    },
  );
}
