import { isMainThread } from 'node:worker_threads';
import { Logger } from '@nestjs/common';

/** After this time `main.ts` has done what it does after the boot. */
const LOOK_AFTER_MS = 2_000;

const WORDS =
  'Nothing in this process listens for SIGTERM, so the process ends at once when it is told to stop: running handlers are cut off, and its consumers stay leased to it until another process notices that it is gone. Call app.enableShutdownHooks() in main.ts, before app.listen().';

/**
 * Warns once, a moment after the boot, if the application's shutdown hooks are off. Nest does not say whether
 * they are. But somebody listens for the signal if `enableShutdownHooks()` was called or if the host closes
 * the application itself. Nothing is logged in a test run, because a test runner ends its processes as it
 * likes, nor in a worker thread, because no signal reaches it. All engines of an application share one check.
 */
export class ShutdownHooksCheck {
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly logger: Pick<Logger, 'warn'> = new Logger('IntegrationModule'),
    private readonly environment: Readonly<Record<string, string | undefined>> = process.env,
    private readonly listeners: () => number = () => process.listenerCount('SIGTERM'),
    private readonly afterMs = LOOK_AFTER_MS,
  ) {}

  start(): void {
    const { NODE_ENV, JEST_WORKER_ID, VITEST } = this.environment;
    if (this.timer !== undefined || !isMainThread || NODE_ENV === 'test' || JEST_WORKER_ID || VITEST) return;
    this.timer = setTimeout(() => {
      if (this.listeners() === 0) this.logger.warn(WORDS);
    }, this.afterMs);
    this.timer.unref();
  }

  stop(): void {
    clearTimeout(this.timer);
  }
}
