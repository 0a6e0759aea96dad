import type { AuditEntry, AuditFilter } from '../audit/audit.js';
import { AuditStore } from '../audit/audit.store.js';
import type { AdminDatabase } from '../database/admin-database.js';
import { ProcessStartStore } from '../membership/process-start.store.js';
import { SettingsStore } from '../settings/settings.store.js';
import { checkCount, checkNames, checkText, checkTime, invalidArgument } from '../words/argument-checks.js';
import { changeOfEntry, changeOfProcesses, changeOfSetting } from './change-sentences.js';
import type { ChangeHistory, ChangeHistoryRequest, NotedChange } from './noted-change.js';

const LISTED = 100;
const MOST_LISTED = 500;
const DEFAULT_RANGE_MS = 3_600_000;
/** Notes change nothing that could be a cause. Changes of settings come from their own history. */
const NOT_OF_THE_AUDIT = /^(?:failure-groups|settings)\./;
/** So many entries of the audit are read for each change that is asked for, because some are left out. */
const ENTRIES_A_CHANGE = 2;
const LEAST_ENTRIES = 50;

/**
 * Says what was changed in some time: processes that were started, by version, settings, and what admins did.
 * The marks in charts and the changes before a problem are from here, with the same sentences.
 */
export class ChangeHistoryService {
  private readonly audit: AuditStore;
  private readonly starts: ProcessStartStore;
  private readonly settings: SettingsStore;

  constructor(private readonly db: AdminDatabase) {
    this.audit = new AuditStore(db);
    this.starts = new ProcessStartStore(db);
    this.settings = new SettingsStore(db, db.schema);
  }

  /**
   * Returns what was changed behind `from` and up to `to`, the latest first. What failed or was not allowed
   * has changed nothing.
   *
   * @throws IntegrationError INTEGRATION_ADMIN_INVALID for an invalid request
   */
  async list(request: ChangeHistoryRequest = {}): Promise<ChangeHistory> {
    const { from, to, consumerName, limit } = checked(request);
    const filter: AuditFilter = { outcome: 'done', since: from, until: to };
    const most = Math.max(LEAST_ENTRIES, ENTRIES_A_CHANGE * (limit + 1));
    const [{ entries }, started, changed] = await Promise.all([
      this.audit.list(filter, undefined, most),
      this.starts.between(from, to, limit + 1),
      this.settings.changedBetween(this.db, from, to),
    ]);
    const all = [
      ...started.map(changeOfProcesses),
      ...changed.map(changeOfSetting),
      ...entries.filter(isCause).map(changeOfEntry),
    ]
      .filter((change) => consumerName === undefined || concerns(change, consumerName))
      .sort((a, b) => b.at.getTime() - a.at.getTime());
    return { from, to, changes: all.slice(0, limit), more: all.length > limit || entries.length === most };
  }
}

function isCause({ action }: AuditEntry): boolean {
  return !NOT_OF_THE_AUDIT.test(action);
}

function concerns({ kind, target }: NotedChange, consumerName: string): boolean {
  return kind !== 'consumer' || target === `consumer/${consumerName}`;
}

function checked(request: ChangeHistoryRequest) {
  checkNames('a field of a request', request, ['from', 'to', 'consumerName', 'limit']);
  const { consumerName, limit = LISTED } = request;
  checkTime('from', request.from);
  checkTime('to', request.to);
  checkText('consumerName', consumerName, 127);
  checkCount('limit', limit, MOST_LISTED);
  const to = request.to ?? new Date();
  const from = request.from ?? new Date(to.getTime() - DEFAULT_RANGE_MS);
  if (from.getTime() >= to.getTime()) throw invalidArgument('from must be before to', { field: 'from' });
  return { from, to, consumerName, limit };
}
