import { Backoff } from './backoff.js';

/** The pause after a failure of the infrastructure, longer with every one in a row. */
export class InfrastructurePause {
  private readonly backoff = new Backoff();
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly onBegin: (ms: number, error: unknown) => void,
    private readonly onOver: () => void,
  ) {}

  get isOn(): boolean {
    return this.timer !== undefined;
  }

  /** The consumer pauses as a whole: what failed one event for want of a connection would fail the next as well. */
  begin(error: unknown): void {
    if (this.timer !== undefined) return;
    const ms = this.backoff.failed();
    this.onBegin(ms, error);
    this.timer = setTimeout(() => {
      this.timer = undefined;
      this.onOver();
    }, ms);
  }

  /** An event had an outcome of its own: the next failure is a first one again. */
  succeeded(): void {
    this.backoff.succeeded();
  }

  close(): void {
    clearTimeout(this.timer);
  }
}
