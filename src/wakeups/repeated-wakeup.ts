import type { Wakeup } from './wakeup.js';

const STEP_MS = 12;

/**
 * Repeats a wake-up every few milliseconds for a while, because commits come in a stream and not each of them
 * is announced.
 */
export class RepeatedWakeup {
  private timer: NodeJS.Timeout | undefined;
  private until = 0;
  private source: Wakeup['source'] = 'commit';
  /** Undefined if the wake-up is for events of any name. */
  private eventNames: Set<string> | undefined = new Set();

  constructor(private readonly wake: (wakeup: Wakeup) => void) {}

  /** Starts the repetition, or makes it longer, and adds these events to it. */
  goOn({ source, eventNames }: Wakeup, ms: number): void {
    const isNew = this.timer === undefined;
    this.until = Math.max(this.until, performance.now() + ms);
    this.source = source;
    if (eventNames === undefined) this.eventNames = undefined;
    else if (isNew) this.eventNames = new Set(eventNames);
    else this.alsoWakeFor(eventNames);
    this.timer ??= setInterval(() => this.step(), STEP_MS).unref();
  }

  alsoWakeFor(eventNames: readonly string[]): void {
    if (this.timer === undefined || this.eventNames === undefined) return;
    for (const name of eventNames) this.eventNames.add(name);
  }

  private step(): void {
    if (performance.now() >= this.until) {
      clearInterval(this.timer);
      this.timer = undefined;
    }
    this.wake({ source: this.source, eventNames: this.eventNames && [...this.eventNames] });
  }
}
