/**
 * Remembers the transactions whose function has ended. It is for libraries that do not tell whether a
 * transaction is open.
 */
export class EndedTransactions {
  private readonly ended = new WeakSet<object>();

  has(transaction: object): boolean {
    return this.ended.has(transaction);
  }

  /** Returns `fn` with one addition: when it has ended, its transaction is remembered as ended. */
  watching<Tx extends object, R>(fn: (tx: Tx) => Promise<R>): (tx: Tx) => Promise<R> {
    return async (tx) => {
      try {
        return await fn(tx);
      } finally {
        this.ended.add(tx);
      }
    };
  }
}
