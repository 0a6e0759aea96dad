import { Injectable } from '@nestjs/common';
import { EngineDatabase } from '../database/engine-database.js';
import { OutboxNotifier } from '../outbox/outbox-notifier.js';
import { IntegrationSettingsService } from '../settings/integration-settings.service.js';
import { type CursorStatus, CursorStatusStore } from './cursor-status.store.js';
import type { InboxFilter } from './inbox-record.js';
import { InboxRecordStore } from './inbox-record.store.js';

/** How many dead letters one `redrive` sends, unless told. */
const REDRIVE_LIMIT = 100;

/** A consumer partition: lag in positions and in seconds, owner, paused, dead letters. */
export type ConsumerView = CursorStatus & {
  /** Nobody has worked on it for `orphanAfterDays`. */
  orphaned: boolean;
};

/** What admins do with consumers. Safe while the consumer runs, here or elsewhere. */
@Injectable()
export class ConsumerService {
  private readonly status: CursorStatusStore;

  constructor(
    db: EngineDatabase,
    private readonly rows: InboxRecordStore,
    private readonly settings: IntegrationSettingsService,
    private readonly notifier: OutboxNotifier,
  ) {
    this.status = new CursorStatusStore(db, db.schema);
  }

  /** Every registered consumer, by name and partition. */
  async list(): Promise<ConsumerView[]> {
    const { orphanAfterDays } = this.settings.snapshot();
    const before = Date.now() - orphanAfterDays * 24 * 3_600_000;
    const consumers = await this.status.list();
    return consumers.map((consumer) => ({
      ...consumer,
      orphaned:
        consumer.owner === null && (consumer.lastProgressAt?.getTime() ?? Number.POSITIVE_INFINITY) < before,
    }));
  }

  /**
   * Sends dead letters, and events that failed for good, on their way again, with all their attempts; the oldest first, at most
   * `limit` (default 100). Resolves to their number. Order is not promised for redriven events.
   */
  async redrive(filter: InboxFilter, options: { limit?: number } = {}): Promise<number> {
    const redriven = await this.rows.redrive(filter, Math.max(1, Math.trunc(options.limit ?? REDRIVE_LIMIT)));
    if (redriven > 0) this.notifier.notify();
    return redriven;
  }
}
