import { StatementGate } from '../database/clients/statement-gate.js';

/** The gates of the transactions that one adapter has begun. */
export class Gates {
  private readonly gates = new WeakMap<object, StatementGate>();

  /**
   * Runs a transaction behind a gate. `guard` makes the statements of the library's transaction pass the
   * gate, and returns what the function is to get.
   */
  async run<Tx extends object, R>(
    begin: (run: (tx: Tx) => Promise<R>, gate: StatementGate) => Promise<R>,
    guard: (tx: Tx, gate: StatementGate) => Tx,
    fn: (tx: Tx) => Promise<R>,
  ): Promise<R> {
    const gate = new StatementGate();
    try {
      return await begin((tx) => {
        const guarded = guard(tx, gate);
        this.gates.set(guarded, gate);
        return fn(guarded);
      }, gate);
    } finally {
      gate.end();
    }
  }

  /** @throws the error for a statement of a transaction whose gate is closed */
  requireOpen(transaction: object): void {
    const refusal = this.gates.get(transaction)?.refuses(undefined);
    if (refusal !== undefined) throw refusal;
  }

  /** Whether a statement of the transaction is in flight. Undefined if it is none of ours. */
  isBusy(transaction: object): boolean | undefined {
    return this.gates.get(transaction)?.isBusy;
  }

  isClosed(transaction: object): boolean {
    return this.gates.get(transaction)?.isClosed === true;
  }

  /** Resolves when no statement of the transaction is in flight any more. */
  async close(transaction: object, refusal: Error): Promise<void> {
    await this.gates.get(transaction)?.close(refusal);
  }
}
