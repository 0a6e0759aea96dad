import { IntegrationError, type IntegrationErrorCode } from '../../../errors.js';

/** The codes whose message a tenant may read, with the status of the answer. */
const STATUSES: { readonly [Code in IntegrationErrorCode]?: number } = {
  INTEGRATION_ADMIN_INVALID: 400,
  INTEGRATION_WEBHOOK_URL_REFUSED: 400,
  INTEGRATION_WEBHOOK_EVENT_NOT_PUBLIC: 400,
  INTEGRATION_WEBHOOK_DESTINATION_UNKNOWN: 404,
  INTEGRATION_OPERATION_UNKNOWN: 404,
  INTEGRATION_OPERATION_REFUSED: 409,
  INTEGRATION_ADMIN_BUSY: 503,
  INTEGRATION_ADMIN_TIMEOUT: 503,
};

export function statusOf(code: IntegrationErrorCode): number | undefined {
  return STATUSES[code];
}

/**
 * The same error in words for a tenant. Some messages tell developers and admins what to change in a contract
 * or a setting, and that of an operation has counts of the log.
 */
export function inTenantWords(error: unknown): unknown {
  const message = error instanceof IntegrationError ? messageFor(error) : undefined;
  if (!(error instanceof IntegrationError) || message === undefined) return error;
  return new IntegrationError(error.code, message, error.details, { cause: error });
}

function messageFor({ code, details }: IntegrationError): string | undefined {
  switch (code) {
    case 'INTEGRATION_ADMIN_INVALID':
      return typeof details.most === 'number'
        ? `There are ${details.most} destinations already, and no more are allowed: remove one`
        : undefined;
    case 'INTEGRATION_WEBHOOK_EVENT_NOT_PUBLIC':
      return `There is no type of events ${quoted(details.eventType)}${meant(details.nearest)}. GET event-types lists all`;
    case 'INTEGRATION_OPERATION_REFUSED':
      return 'The state of the operation, or a plan that is old or outgrown, does not allow this. Read its state, and plan another one to do the same again';
    case 'INTEGRATION_ADMIN_BUSY':
    case 'INTEGRATION_ADMIN_TIMEOUT':
      return 'This cannot be answered now, or took too long. Try again later';
    default:
      return undefined;
  }
}

function quoted(value: unknown): string {
  return JSON.stringify(String(value).slice(0, 255));
}

function meant(nearest: unknown): string {
  return typeof nearest === 'string' ? ` (did you mean ${nearest}?)` : '';
}
