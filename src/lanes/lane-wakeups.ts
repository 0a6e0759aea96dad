import { messageOf } from '../errors.js';
import type { WakeupStore } from '../wakeups/wakeup.store.js';
import type { EngineLogger } from '../words/engine-logger.js';

const COALESCE_MS = 50;

/**
 * Tells the owners of lanes in other processes that targets have become ready. The first time at once, and
 * then at most once every 50 milliseconds. A failure is ignored, because owners look every two seconds.
 */
export class LaneWakeups {
  private timer: NodeJS.Timeout | undefined;
  private isAsked = false;
  private sending: Promise<void> = Promise.resolve();

  constructor(
    private readonly store: WakeupStore,
    private readonly kind: string,
    private readonly logger: EngineLogger,
  ) {}

  tell(): void {
    this.isAsked = true;
    if (this.timer === undefined) this.send();
  }

  async stop(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.isAsked = false;
    await this.sending;
  }

  private send(): void {
    this.isAsked = false;
    this.sending = this.store.tellLanes(this.kind).catch((error) => {
      const words = 'owners of lanes were not woken, they look every two seconds';
      this.logger.debugOfFailure(`${words}: ${messageOf(error)}`, words);
    });
    this.timer = setTimeout(() => {
      this.timer = undefined;
      if (this.isAsked) this.send();
    }, COALESCE_MS);
    this.timer.unref();
  }
}
