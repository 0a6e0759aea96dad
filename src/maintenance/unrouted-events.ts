import { Injectable, type Logger } from '@nestjs/common';
import { EngineDatabase } from '../database/engine-database.js';
import { IntegrationSettingsService } from '../settings/integration-settings.service.js';
import { loggerOf } from '../words/engine-logger.js';
import { misspeltOf } from '../words/known-names.js';
import type { MaintenanceTask, OWN_TASKS } from './maintenance-task.js';
import { MaintenanceTaskStore } from './maintenance-task.store.js';
import { UnroutedEventStore, type UnroutedLook } from './unrouted-event.store.js';

const EVENTS_A_LOOK = 5_000;
/** A round looks at this many of the latest events since the last round at most. */
const EVENTS_A_ROUND = 50_000;
/** A publisher that makes up names could have thousands of them. */
const MOST_SAID = 20;

/** Notices event names that are published although no consumer asks for them, and warns of each name once. */
@Injectable()
export class UnroutedEvents implements MaintenanceTask {
  readonly name = 'unrouted' satisfies (typeof OWN_TASKS)[number];
  private readonly logger: Logger;

  constructor(
    private readonly tasks: MaintenanceTaskStore,
    private readonly store: UnroutedEventStore,
    private readonly db: EngineDatabase,
    private readonly settings: IntegrationSettingsService,
  ) {
    this.logger = loggerOf('UnroutedEvents', settings);
  }

  /** Resolves to the names that were not known as unrouted before. */
  async run(intervalMs: number, stopping: AbortSignal): Promise<UnroutedLook['added']> {
    const added: UnroutedLook['added'] = [];
    for (let more = true; more && !stopping.aborted; ) {
      more = await this.tasks.step(this.name, intervalMs, async (session, { nextPosition }) => {
        await this.store.forgetRouted(session, this.settings.snapshot().retentionDays);
        const head = await this.store.readHead(session);
        const from = Math.max(nextPosition, head - EVENTS_A_ROUND + 1);
        const look = await this.store.noteUnrouted(session, from, EVENTS_A_LOOK);
        added.push(...look.added);
        return look;
      });
    }
    const asked = added.length === 0 ? [] : await this.store.asked(this.db);
    for (const event of added.slice(0, MOST_SAID)) this.logger.warn(unroutedText(event, asked));
    if (added.length > MOST_SAID)
      this.logger.warn(
        `Nobody consumes ${added.length - MOST_SAID} more event names that are new. doctor lists such names.`,
      );
    return added;
  }
}

function unroutedText(
  { eventName, firstPosition }: UnroutedLook['added'][number],
  asked: readonly string[],
): string {
  const meant = misspeltOf(eventName, asked);
  const question = meant === undefined ? '' : ` Did you mean "${meant}"?`;
  return `Nobody consumes "${eventName}" (first seen at position ${firstPosition}).${question} Subscribe to it, or stop publishing it; it is deleted when its time is up.`;
}
