import type { PublishedRecord } from '../../context/integration-context.js';
import { type EndedBy, transactionEnded } from '../../database/sql/transaction-ends.js';
import { IntegrationError, messageOf } from '../../errors.js';
import type { Outcome } from '../partition/delivery.js';

type State =
  | { readonly kind: 'running' }
  /** The outcome is decided, and the effects must not be committed. */
  | { readonly kind: 'rolled-back'; readonly outcome: Outcome }
  /** One of the handler's own statements has ended the transaction. `cause` is what the handler threw. */
  | { readonly kind: 'ended'; readonly by: EndedBy; readonly cause: unknown }
  /** The function has resolved, and only the COMMIT is left. */
  | { readonly kind: 'committing' };

/**
 * What is known about one run of a handler's transaction. This object stands beside the transaction, because
 * the host's client may wrap the error that ends its transaction, throw another error, or swallow the error.
 * The outcome of the attempt is read here, whatever `$transaction` did. If a client runs its function again,
 * that run gets a new object, and nothing of the run that was rolled back counts for it.
 *
 * The function resolves to its run. If `$transaction` resolves to the run, the client has committed. If it
 * resolves to something else, the client may have swallowed the error of a COMMIT, and the database is asked.
 */
export class TransactionRun {
  /** The events that the handler has published through the transaction. */
  readonly published: PublishedRecord[] = [];
  private current: State = { kind: 'running' };
  private leaveHandler: () => void = nothing;

  get state(): State {
    return this.current;
  }

  /**
   * Ends the function with an error, so that the client rolls back. The first outcome that is decided counts.
   */
  rollBack(outcome: Outcome): never {
    if (this.current.kind === 'running') this.current = { kind: 'rolled-back', outcome };
    throw errorFor(outcome);
  }

  /**
   * Ends the function with an error after the handler has ended the transaction, because nothing can be
   * rolled back then.
   */
  endedItself(by: EndedBy, cause?: unknown): never {
    if (this.current.kind === 'running') this.current = { kind: 'ended', by, cause };
    throw transactionEnded(by);
  }

  /**
   * Settles as the handler does, or resolves when the handler is given up. Whatever the handler comes to
   * after that is ignored.
   */
  untilGivenUp(handler: Promise<void>): Promise<void> {
    return new Promise((resolve, reject) => {
      this.leaveHandler = resolve;
      handler.then(resolve, reject);
    });
  }

  /** The handler may still run, but the transaction does not wait for it any more. */
  giveUp(): void {
    this.leaveHandler();
  }

  committing(): void {
    this.current = { kind: 'committing' };
  }
}

const nothing = () => {};

/**
 * The error for the client. It is the original error if there is one, because a client may look at that error
 * to decide whether it runs the function again.
 */
function errorFor(outcome: Outcome): Error {
  if (!('error' in outcome)) return new Error(`The handler's transaction is rolled back: ${outcome.kind}`);
  try {
    if (outcome.error instanceof Error) return outcome.error;
  } catch {
    // Reading the value throws, and the client may read it. So the client gets a new error.
  }
  return new Error(messageOf(outcome.error));
}

/** The error for a client that resolved although the transaction is not committed. */
export function notCommitted(run: TransactionRun | undefined): IntegrationError {
  const how =
    run === undefined
      ? 'resolved without having called its function'
      : run.state.kind === 'running'
        ? 'resolved before its function had ended'
        : 'resolved, but its transaction was not committed';
  return new IntegrationError(
    'INTEGRATION_CLIENT_INVALID',
    `The $transaction of the host's client ${how}. It must call its function, wait for its end, commit, and resolve to what the function returned; it must reject where the function or the COMMIT fails`,
  );
}
