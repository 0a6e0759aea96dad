import { Injectable } from '@nestjs/common';
import type { Subscription } from 'rxjs';
import { messageOf } from '../errors.js';
import { OutboxLogStore } from '../log/outbox-log.store.js';
import { IntegrationSettingsService } from '../settings/integration-settings.service.js';
import { OutboxNotifier } from '../wakeups/outbox-notifier.js';
import type { Wakeup } from '../wakeups/wakeup.js';
import { type EngineLogger, loggerOf } from '../words/engine-logger.js';
import { ConsumerWorkers } from './consumer-workers.js';

/** What the coordinator is doing. Intervals are in milliseconds. */
export interface PollingState {
  /**
   * `busy`: the last look found something. `quiet`: it found nothing, and the intervals grow. `stopped`:
   * nothing is read.
   */
  readonly mode: 'busy' | 'quiet' | 'stopped';
  /** The time until the next look, if no wake-up comes before. */
  readonly intervalMs: number;
  readonly lastWakeup: { readonly at: Date; readonly source: Wakeup['source'] | 'poll' } | undefined;
}

/**
 * Decides when the log is read. Polling is always on and always enough. One look at the log's head serves all
 * consumers of the process. The looks follow each other every `pollingIntervalMs` while there is something to
 * do. Otherwise the intervals grow up to `idlePollingIntervalMs`. A wake-up only makes the next read happen
 * earlier.
 */
@Injectable()
export class OutboxPollingCoordinator {
  private readonly logger: EngineLogger;
  private wakeups: Subscription | undefined;
  private timer: NodeJS.Timeout | undefined;
  private intervalMs = 0;
  private mode: PollingState['mode'] = 'stopped';
  private lastWakeup: PollingState['lastWakeup'];

  constructor(
    private readonly notifier: OutboxNotifier,
    private readonly workers: ConsumerWorkers,
    private readonly log: OutboxLogStore,
    private readonly settings: IntegrationSettingsService,
  ) {
    this.logger = loggerOf('OutboxPollingCoordinator', settings);
  }

  get state(): PollingState {
    return { mode: this.mode, intervalMs: this.intervalMs, lastWakeup: this.lastWakeup };
  }

  start(): void {
    if (this.mode !== 'stopped') return;
    this.mode = 'busy';
    this.intervalMs = this.settings.snapshot().pollingIntervalMs;
    this.wakeups = this.notifier.wakeups$.subscribe((wakeup) => this.woken(wakeup));
    this.schedule();
  }

  stop(): void {
    this.mode = 'stopped';
    this.wakeups?.unsubscribe();
    clearTimeout(this.timer);
  }

  private woken(wakeup: Wakeup): void {
    this.lastWakeup = { at: new Date(), source: wakeup.source };
    this.workers.wake(wakeup.eventNames);
    if (wakeup.concernsInbox === true) this.workers.wakeRetries();
    if (this.mode === 'quiet') {
      this.mode = 'busy';
      this.intervalMs = this.settings.snapshot().pollingIntervalMs;
      this.schedule();
    }
  }

  private async poll(): Promise<void> {
    let found = false;
    try {
      const workers = this.workers.active;
      const head = workers.length === 0 ? 0 : await this.log.readHead();
      for (const worker of workers) {
        if (!worker.wants(head)) continue;
        found = true;
        worker.wake();
      }
    } catch (error) {
      this.logger.warnOfFailure(`A poll failed, the next one follows: ${messageOf(error)}`);
    }
    if (this.mode === 'stopped') return;
    const { pollingIntervalMs, idlePollingIntervalMs } = this.settings.snapshot();
    this.mode = found ? 'busy' : 'quiet';
    this.intervalMs = found
      ? pollingIntervalMs
      : Math.min(Math.max(this.intervalMs, pollingIntervalMs) * 2, idlePollingIntervalMs);
    if (found) this.lastWakeup = { at: new Date(), source: 'poll' };
    this.schedule();
  }

  private schedule(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.poll(), this.intervalMs);
  }
}
