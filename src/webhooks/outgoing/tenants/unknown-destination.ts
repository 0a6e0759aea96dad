import { IntegrationError } from '../../../errors.js';

/** The error for what the tenant does not have. What another tenant has looks the same. */
export function unknownDestination(given: unknown): IntegrationError {
  const id = String(given).slice(0, 100);
  return new IntegrationError(
    'INTEGRATION_WEBHOOK_DESTINATION_UNKNOWN',
    `This tenant has no destination, and no delivery, ${JSON.stringify(id)}`,
    { id },
  );
}
