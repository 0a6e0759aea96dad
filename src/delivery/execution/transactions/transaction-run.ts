import type { PublishedRecord } from '../../../context/integration-context.js';
import { type EndedBy, transactionEnded } from '../../../database/sql/transaction-ends.js';
import { messageOf } from '../../../errors.js';
import type { Outcome } from '../../partition/delivery.js';

type State =
  | { readonly kind: 'running' }
  /** Its outcome is decided, and none of its effects are to be there. */
  | { readonly kind: 'rolled-back'; readonly outcome: Outcome }
  /** One of the handler's own statements has ended it. `cause` is what the handler threw. */
  | { readonly kind: 'ended'; readonly by: EndedBy; readonly cause: unknown }
  /** The function has resolved: only the COMMIT is left. */
  | { readonly kind: 'committing' };

/**
 * What is known of one run of a handler's transaction, kept beside the transaction. The host's client may
 * wrap the error that ends its transaction, throw another one, or swallow it: what the attempt comes to is
 * read here, whatever `$transaction` did. A client that runs its function again gets a new one of these, so
 * that nothing of a run that was rolled back counts for the next.
 *
 * The function resolves to its run. A client that hands the run on has committed; one that resolves to
 * something else may have swallowed the error of a COMMIT, and the database is asked.
 */
export class TransactionRun {
  /** What the handler has published through the transaction. */
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

  /** The same where there is nothing left that could be rolled back. */
  endedItself(by: EndedBy, cause?: unknown): never {
    if (this.current.kind === 'running') this.current = { kind: 'ended', by, cause };
    throw transactionEnded(by);
  }

  committing(): void {
    this.current = { kind: 'committing' };
  }
}

/**
 * What the client is told: the error itself where there is one, since a client may run a function again
 * because of it.
 */
function errorFor(outcome: Outcome): Error {
  if (!('error' in outcome)) return new Error(`The handler's transaction is rolled back: ${outcome.kind}`);
  try {
    if (outcome.error instanceof Error) return outcome.error;
  } catch {
    // It cannot be looked at, and the client may try to.
  }
  return new Error(messageOf(outcome.error));
}
