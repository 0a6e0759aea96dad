import { IntegrationError } from '../../errors.js';
import type { Attempt } from '../partition/attempt.js';
import type { Outcome } from '../partition/delivery.js';
import type { AttemptTransaction } from './handler-transaction.js';
import type { TransactionRun } from './transaction-run.js';

/*
 * A handler whose attempt is past its deadline, or was given up, may run for ever: it may wait for a second
 * connection of a pool whose connections are all held by such handlers. So its transaction ends without it.
 *
 *   1. What the handler still sends is refused. From here on, only the engine and the client send.
 *   2. The statement in flight is waited for. It has an end: the transaction has set a statement_timeout.
 *   3. The function of the transaction rejects. The client rolls back and returns the connection.
 *
 * It is never reported as failed what is committed, and never committed what is reported as failed:
 *
 *   - The function rejects in step 3, and a client sends COMMIT only after its function has resolved.
 *   - If the handler has ended before step 1, `run` may be on its way to COMMIT. It looks whether the attempt
 *     was given up after its last statement, and then rejects. Nothing happens between this look and the
 *     state `committing`, because both are in one turn of the event loop.
 *   - In the state `committing` nothing is done here. The COMMIT may succeed although the deadline has
 *     settled the attempt. Then the event's row in the inbox, or the cursor, says so, and the next attempt
 *     begins by looking there (docs/decisions/0018).
 *   - A statement that step 1 lets pass was sent before. The server runs it before ROLLBACK.
 */

/** Ends the transaction of an attempt that was given up. */
export function giveUp(
  transaction: AttemptTransaction,
  attempt: Attempt,
  run: TransactionRun,
  reason: Error,
): void {
  if (run.state.kind !== 'running') return;
  transaction.abandon(lateStatement(attempt, reason)).then(
    () => run.giveUp(),
    () => run.giveUp(),
  );
}

/** The outcome of an attempt that was given up. It counts only if nobody has settled the attempt. */
export function givenUp(attempt: Attempt): Outcome {
  return { kind: 'infrastructure', error: attempt.reason ?? attempt.timeoutError() };
}

function lateStatement(attempt: Attempt, reason: Error): IntegrationError {
  const { subscription, log } = attempt.delivery;
  const { place, consumerName } = subscription;
  return new IntegrationError(
    'INTEGRATION_TRANSACTION_ABORTED',
    `The transaction of ${place}, of consumer "${consumerName}", was rolled back, because its attempt was given up before the handler had ended. So this statement was not sent. Heed context.signal, and wait for no connection of the same pool in a transactional handler`,
    { consumerName, eventName: log.eventName, outboxEventId: log.id },
    { cause: reason },
  );
}
