import { Injectable, type Logger } from '@nestjs/common';
import { type CommandTarget, commandLine } from '../database/sql/pasteable-text.js';
import { ConsumerPresenceStore, type Orphan } from '../membership/consumer-presence.store.js';
import { IntegrationSettingsService } from '../settings/integration-settings.service.js';
import { loggerOf } from '../words/engine-logger.js';
import type { MaintenanceTask, OWN_TASKS } from './maintenance-task.js';
import { MaintenanceTaskStore } from './maintenance-task.store.js';

/** A process sends several heartbeats within the time of a lease. */
const LEASES_SEEN = 3;

/**
 * Records which consumers are still worked on. It reports each consumer once that nobody works on any more.
 */
@Injectable()
export class ConsumerPresence implements MaintenanceTask {
  readonly name = 'consumers' satisfies (typeof OWN_TASKS)[number];
  private readonly logger: Logger;
  private readonly reported = new Map<string, boolean>();

  constructor(
    private readonly tasks: MaintenanceTaskStore,
    private readonly store: ConsumerPresenceStore,
    private readonly settings: IntegrationSettingsService,
  ) {
    this.logger = loggerOf('IntegrationConsumers', settings);
  }

  async run(intervalMs: number): Promise<void> {
    const { processingLeaseMs, orphanAfterDays, retentionDays } = this.settings.snapshot();
    let orphans: Orphan[] | undefined;
    await this.tasks.step(this.name, intervalMs, async (session) => {
      await this.store.noteServed(session, processingLeaseMs * LEASES_SEEN);
      await this.store.forgetGoneConsumers(session);
      orphans = await this.store.orphans(session, orphanAfterDays, retentionDays);
      return { done: true };
    });
    if (orphans !== undefined) this.report(orphans, retentionDays);
  }

  private report(orphans: readonly Orphan[], retentionDays: number): void {
    const known = new Map(this.reported);
    this.reported.clear();
    for (const orphan of orphans) {
      const { consumerName, givenUp } = orphan;
      this.reported.set(consumerName, givenUp);
      if (known.get(consumerName) !== givenUp)
        this.logger.warn(orphanText(orphan, retentionDays, this.store.target));
    }
  }
}

function orphanText(
  { consumerName, servedAt, givenUp }: Orphan,
  retentionDays: number,
  target: CommandTarget,
): string {
  const since = `Consumer "${consumerName}" is orphaned: no live process has been able to work on it since ${servedAt.toISOString()}.`;
  const retention = givenUp
    ? `It holds events back no longer: those past retentionDays are deleted, whether it has seen them or not.`
    : `It keeps events from being deleted until ${new Date(servedAt.getTime() + 2 * retentionDays * DAY_MS).toISOString()}.`;
  return `${since} ${retention} Deploy its code again, or remove it: ${commandLine(target, 'consumers remove', [consumerName])}`;
}

const DAY_MS = 24 * 3_600_000;
