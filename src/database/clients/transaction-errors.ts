import { IntegrationError } from '../../errors.js';

/** The error for a COMMIT that the server answered with a rollback. */
export function swallowedError(): IntegrationError {
  return new IntegrationError(
    'INTEGRATION_TRANSACTION_ABORTED',
    'The transaction was rolled back: one of its statements had failed, and the error was caught. Let it pass, or put what may fail behind a SAVEPOINT',
  );
}

/** The error for a statement that was sent after the end of its transaction. */
export function endedError(): IntegrationError {
  return new IntegrationError(
    'INTEGRATION_CLIENT_INVALID',
    'The transaction has ended: this statement came after its function had resolved. Await every statement inside it',
  );
}
