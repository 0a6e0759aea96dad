import { AsyncLocalStorage } from 'node:async_hooks';

/** Tells of a call of an admin whether it may have changed something, also if it failed in the end. */
export class SentCommits {
  private readonly calls = new AsyncLocalStorage<{ sent: number }>();

  /**
   * Runs `act`. Resolves to its result, and to whether a COMMIT was sent meanwhile that the server has not
   * refused.
   */
  async during<R>(act: () => Promise<R>): Promise<{ result: R; mayHaveCommitted: boolean }> {
    const call = { sent: 0 };
    const result = await this.calls.run(call, act);
    return { result, mayHaveCommitted: call.sent > 0 };
  }

  /** Is called before a COMMIT is sent. Call what it returns if the transaction was rolled back. */
  note(): () => void {
    const call = this.calls.getStore();
    if (call === undefined) return () => {};
    call.sent++;
    return () => {
      call.sent--;
    };
  }
}
