import { Injectable } from '@nestjs/common';
import { AdminDatabase } from '../database/admin-database.js';
import { checkNames, checkPosition, checkText, checkTime, pageSizeOf } from '../words/argument-checks.js';
import type { AuditFilter, AuditPage, AuditPageRequest } from './audit.js';
import { AuditStore } from './audit.store.js';
import { authorOf, type ChangeAuthor } from './change-author.js';

const FILTERS = ['actor', 'action', 'target', 'outcome', 'since', 'until'] as const;

/** Reads who changed what, when and why. The services write it in the transaction of each change. */
@Injectable()
export class AuditService {
  private readonly store: AuditStore;

  constructor(private readonly db: AdminDatabase) {
    this.store = new AuditStore(db);
  }

  /**
   * Returns a page of entries, the latest first. Pages lose no entry and repeat none, also where entries have
   * the same time. With several of actor, action, target and outcome, a page looks at 100,000 entries of one
   * of them at most, so it may be empty although there is a next one.
   *
   * @throws IntegrationError INTEGRATION_ADMIN_INVALID for an invalid filter or page
   */
  async list(filter: AuditFilter = {}, page: AuditPageRequest = {}): Promise<AuditPage> {
    checkNames('a field of a filter', filter, FILTERS);
    checkNames('an option of a page', page, ['limit', 'after']);
    for (const field of ['actor', 'action', 'target', 'outcome'] as const) checkText(field, filter[field]);
    checkTime('since', filter.since);
    checkTime('until', filter.until);
    checkPosition('after', page.after);
    const limit = pageSizeOf(page.limit);
    const { entries, lookedTo } = await this.store.list(filter, page.after, limit);
    const last = entries.length < limit ? lookedTo : entries.at(-1);
    return { entries, next: last?.id ?? null, scannedTo: lookedTo?.at ?? null };
  }

  /**
   * Notes that somebody asked for a change and was not allowed to make it. It is for whoever decides that,
   * such as a controller. `unnoted` says how many denials of the same kind were not noted since the last one
   * that was; the row has it in `after`.
   */
  async denied(
    action: string,
    target: string,
    author: ChangeAuthor,
    { unnoted = 0 }: { readonly unnoted?: number | undefined } = {},
  ): Promise<void> {
    checkText('action', action, 63);
    checkText('target', target);
    const by = authorOf(author);
    await this.db.transaction((session) =>
      this.store.add(session, by, {
        action,
        target,
        outcome: 'denied',
        ...(unnoted > 0 ? { after: { unnoted } } : {}),
      }),
    );
  }
}
