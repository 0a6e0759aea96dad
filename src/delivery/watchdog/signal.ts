/** Remembers that something is wanted until somebody waits for it; many requests in between are one. */
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

  /** Resolves once raised, at once if it was; lowers it. One waiter at a time. */
  async wait(): Promise<void> {
    if (!this.raised) await new Promise<void>((resolve) => (this.resume = resolve));
    this.raised = false;
  }
}
