/** What was opened, closed in the opposite order. */
export class Closing {
  private readonly steps: (() => Promise<unknown>)[] = [];

  add(close: () => Promise<unknown>): void {
    this.steps.push(close);
  }

  /** Closes all of it, even where closing one thing fails; then throws the first failure. */
  async close(): Promise<void> {
    const failures: unknown[] = [];
    for (let step = this.steps.pop(); step !== undefined; step = this.steps.pop()) {
      await step().catch((error: unknown) => failures.push(error));
    }
    if (failures.length > 0) throw failures[0];
  }
}
