import type { PublishedRecord } from '../../../context/integration-context.js';
import { type EndedBy, transactionEnded } from '../../../database/sql/transaction-ends.js';
import { messageOf } from '../../../errors.js';
import type { Outcome } from '../../partition/delivery.js';

type State =
  | { readonly kind: 'running' }
  /** The outcome is decided, and no effects must be committed. */
  | { readonly kind: 'rolled-back'; readonly outcome: Outcome }
  /** One of the handler's own statements has ended the transaction. `cause` is what the handler threw. */
  | { readonly kind: 'ended'; readonly by: EndedBy; readonly cause: unknown }
  /** The function has resolved, and only the COMMIT is left. */
  | { readonly kind: 'committing' };

/**
 * What is known of one run of a handler's transaction. It is kept here because the host's client may wrap the
 * error that ends its transaction, throw another one, or swallow it. So the outcome of the attempt is read
 * here, whatever `$transaction` did. If a client runs its function again, the new run gets an object of its
 * own, and nothing of the first run counts.
 *
 * The function resolves to its run. A client that passes the run on has committed. A client that resolves to
 * something else may have swallowed the error of a COMMIT, so the database is asked.
 */
export class TransactionRun {
  /** The events that the handler has published through the transaction. */
  readonly published: PublishedRecord[] = [];
  private current: State = { kind: 'running' };

  get state(): State {
    return this.current;
  }

  /** Ends the function, so that the client rolls back. The first outcome that is decided counts. */
  rollBack(outcome: Outcome): never {
    if (this.current.kind === 'running') this.current = { kind: 'rolled-back', outcome };
    throw errorFor(outcome);
  }

  /** Ends the function if there is nothing left that could be rolled back. */
  endedItself(by: EndedBy, cause?: unknown): never {
    if (this.current.kind === 'running') this.current = { kind: 'ended', by, cause };
    throw transactionEnded(by);
  }

  committing(): void {
    this.current = { kind: 'committing' };
  }
}

/**
 * The error that is thrown to the client. It is the original error if there is one, because a client may run
 * a function again because of it.
 */
function errorFor(outcome: Outcome): Error {
  if (!('error' in outcome)) return new Error(`The handler's transaction is rolled back: ${outcome.kind}`);
  try {
    if (outcome.error instanceof Error) return outcome.error;
  } catch {
    // The error cannot be inspected. The client may try.
  }
  return new Error(messageOf(outcome.error));
}
