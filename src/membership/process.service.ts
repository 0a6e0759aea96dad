import { Inject, Injectable } from '@nestjs/common';
import { AdminDatabase } from '../database/admin-database.js';
import { IntegrationSettingsService } from '../settings/integration-settings.service.js';
import type { SettingsView } from '../settings/settings-view.js';
import { checkChoice, checkNames, checkText, checkUuid, pageSizeOf } from '../words/argument-checks.js';
import { pageOf } from '../words/page-of.js';
import { type AttemptOfProcess, type ProcessView, ProcessViewStore } from './process-view.store.js';

export interface ProcessPageRequest {
  /** Number of processes: 50 by default, at most 1,000. */
  limit?: number | undefined;
  /** The `next` of the page before. */
  after?: string | undefined;
  /**
   * A text that the host, or the name of a consumer with handlers there, contains; large or small letters.
   */
  text?: string | undefined;
  /** Only those that were seen within the time of a lease, or only those that were not. */
  alive?: boolean | undefined;
}

export interface ProcessPage {
  /** By their ids. */
  processes: ProcessView[];
  /** Give it as `after` for the next page. Null on the last page. */
  next: string | null;
}

/**
 * Reads which processes there are: their version, what they own, the settings in force there, and what runs
 * now. Each process writes it down when it renews its leases: every third of `processingLeaseMs`, or as soon
 * as a setting has changed. What runs is written within two seconds of a change as well.
 */
@Injectable()
export class ProcessService {
  private readonly store: ProcessViewStore;

  constructor(
    db: AdminDatabase,
    @Inject(IntegrationSettingsService) private readonly settings: SettingsView<'processingLeaseMs'>,
  ) {
    this.store = new ProcessViewStore(db);
  }

  /**
   * Returns a page of the processes that have signed in and neither signed out nor been forgotten. A process
   * that has died is listed as not `alive` for a while.
   *
   * @throws IntegrationError INTEGRATION_ADMIN_INVALID for an invalid page
   */
  async list(page: ProcessPageRequest = {}): Promise<ProcessPage> {
    checkNames('an option of a page', page, ['limit', 'after', 'text', 'alive']);
    checkUuid('after', page.after);
    checkText('text', page.text);
    if (page.alive !== undefined) checkChoice('alive', page.alive, [true, false]);
    const limit = pageSizeOf(page.limit);
    const { processingLeaseMs } = this.settings.snapshot();
    const found = await this.store.list(processingLeaseMs, page, limit + 1);
    const { rows: processes, next } = pageOf(found, limit, ({ id }) => id);
    return { processes, next };
  }

  /**
   * Returns what runs of one consumer for more than two seconds, the longest first. A process names at most
   * a hundred attempts.
   *
   * @throws IntegrationError INTEGRATION_ADMIN_INVALID for an invalid name
   */
  async running(consumerName: string): Promise<AttemptOfProcess[]> {
    checkText('consumerName', consumerName, 127);
    return this.store.running(consumerName, this.settings.snapshot().processingLeaseMs);
  }
}
