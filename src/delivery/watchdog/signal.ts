/** Remembers a request until somebody waits for it. Several requests in between count as one. */
export class Signal {
  private raised = false;
  private resume: (() => void) | undefined;

  get isRaised(): boolean {
    return this.raised;
  }

  raise(): void {
    this.raised = true;
    this.resume?.();
    this.resume = undefined;
  }

  /**
   * Resolves when a request was made, at once if one is remembered, and forgets it. Only one caller may wait
   * at a time.
   */
  async wait(): Promise<void> {
    if (!this.raised) await new Promise<void>((resolve) => (this.resume = resolve));
    this.raised = false;
  }
}
