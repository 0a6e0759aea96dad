import { Injectable, type Logger } from '@nestjs/common';
import { IntegrationSettingsService } from '../settings/integration-settings.service.js';
import { loggerOf } from '../words/engine-logger.js';
import type { MaintenanceTask, OWN_TASKS } from './maintenance-task.js';
import { MaintenanceTaskStore } from './maintenance-task.store.js';
import { RetentionStore } from './retention.store.js';

const EVENTS_A_BATCH = 1_000;

/** The result of a round. */
export interface RetentionResult {
  events: number;
  inboxRows: number;
}

/**
 * Deletes events older than `retentionDays` that nobody needs any more. A round continues where the last one
 * ended. Once a day a round starts at the beginning of the log again, because some events were still needed
 * before and others were committed late.
 */
@Injectable()
export class Retention implements MaintenanceTask {
  readonly name = 'retention' satisfies (typeof OWN_TASKS)[number];
  private readonly logger: Logger;

  constructor(
    private readonly tasks: MaintenanceTaskStore,
    private readonly store: RetentionStore,
    private readonly settings: IntegrationSettingsService,
  ) {
    this.logger = loggerOf('Retention', settings);
  }

  /**
   * Runs one round in batches. The pause after a batch is as long as the batch took, so that the database
   * gets a rest.
   */
  async run(intervalMs: number, stopping: AbortSignal): Promise<RetentionResult> {
    const total: RetentionResult = { events: 0, inboxRows: 0 };
    for (let more = true; more && !stopping.aborted; ) {
      const startedAt = performance.now();
      more = await this.tasks.step(this.name, intervalMs, async (session, { nextPosition, begins }) => {
        const { retentionDays } = this.settings.snapshot();
        const batch = { from: begins ? 1 : nextPosition, limit: EVENTS_A_BATCH, retentionDays };
        const result = await this.store.deleteBatch(session, batch);
        total.events += result.events;
        total.inboxRows += result.inboxRows;
        return { done: result.done, nextPosition: result.nextPosition, begun: begins };
      });
      if (more) await pause(performance.now() - startedAt, stopping);
    }
    if (total.events > 0) {
      this.logger.debug(
        `Deleted ${total.events} events that are past retentionDays and nobody needs any more`,
      );
    }
    return total;
  }
}

function pause(ms: number, stopping: AbortSignal): Promise<void> {
  if (stopping.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const finish = () => {
      clearTimeout(timer);
      stopping.removeEventListener('abort', finish);
      resolve();
    };
    const timer = setTimeout(finish, ms);
    stopping.addEventListener('abort', finish);
  });
}
