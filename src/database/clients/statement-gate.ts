import { IntegrationError } from '../../errors.js';

/** The statement by which a library rolls back. It has to pass a gate that is closed. */
const ROLLBACK = /^\s*rollback\s*;?\s*$/i;

/** The words by which a gate recognizes a statement: its text, or what else the driver takes. */
type Statement = unknown;

/**
 * The way of the statements of one transaction. It is open as long as the transaction's function runs. The
 * engine closes it when it gives the function up, and the adapter closes it when the function has ended.
 * Without it, a statement that a function sends too late would run in the session of somebody else.
 *
 *   - Closing comes first, and the library rolls back after that. So no statement can come between ROLLBACK
 *     and the return of the connection to the pool, where it would be committed by itself.
 *   - The library's own ROLLBACK passes, once. A second one could come from the function, when the connection
 *     belongs to somebody else.
 *   - Statements in flight are counted, because the driver queues a ROLLBACK behind them: whoever closes the
 *     gate waits for their end first.
 */
export class StatementGate {
  private refusal: Error | undefined;
  private rollBackPasses = false;
  private inFlight = 0;
  private waiters: (() => void)[] = [];

  get isClosed(): boolean {
    return this.refusal !== undefined;
  }

  /** Whether a statement is in flight. */
  get isBusy(): boolean {
    return this.inFlight > 0;
  }

  /** Resolves when no statement is in flight any more. */
  close(refusal: Error): Promise<void> {
    if (!this.isClosed) {
      this.refusal = refusal;
      this.rollBackPasses = true;
    }
    return this.inFlight === 0 ? Promise.resolve() : new Promise((resolve) => this.waiters.push(resolve));
  }

  /** The transaction is over, and the connection may be somebody else's. */
  end(): void {
    this.refusal ??= transactionIsOver();
    this.rollBackPasses = false;
  }

  /** The error for a statement that may not be sent. Undefined if it may. */
  refuses(statement: Statement): Error | undefined {
    if (this.refusal === undefined) return undefined;
    if (this.rollBackPasses && ROLLBACK.test(textOf(statement))) {
      this.rollBackPasses = false;
      return undefined;
    }
    return this.refusal;
  }

  /** Sends a statement and counts it until it is answered, or rejects. */
  async pass<R>(statement: Statement, send: () => PromiseLike<R>): Promise<R> {
    const refusal = this.refuses(statement);
    if (refusal !== undefined) throw refusal;
    this.sent();
    try {
      return await send();
    } finally {
      this.answered();
    }
  }

  sent(): void {
    this.inFlight++;
  }

  answered(): void {
    this.inFlight--;
    if (this.inFlight > 0 || this.waiters.length === 0) return;
    for (const resolve of this.waiters.splice(0)) resolve();
  }
}

function textOf(statement: Statement): string {
  if (typeof statement === 'string') return statement;
  if (typeof statement !== 'object' || statement === null) return '';
  const { text, sql } = statement as { text?: unknown; sql?: unknown };
  const found = text ?? sql;
  return typeof found === 'string' ? found : '';
}

function transactionIsOver(): IntegrationError {
  return new IntegrationError(
    'INTEGRATION_CLIENT_INVALID',
    'This transaction has ended, and its connection may be used by somebody else, so the statement was not sent. Wait for all statements of a transaction before it ends',
  );
}
