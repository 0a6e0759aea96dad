import type { IntegrationExtension } from '../module/extension.js';
import { syncChecks } from './syncs/sync.checks.js';
import { SYNC_COUNTERS, SYNC_DURATIONS } from './syncs/sync-metrics.js';
import { deleteOutdatedSyncs } from './syncs/sync-retention.store.js';
import { SYNC_RIGHTS } from './syncs/sync-rights.store.js';
import { syncSettings } from './syncs/sync-settings.js';
import { SyncTroubleStore } from './syncs/sync-trouble.store.js';

/** Rows that one step deletes at most, so that no transaction is long. */
const BATCH = 1_000;

/** What syncs bring. Their tables are among the engine's. */
export const syncsExtension: IntegrationExtension = {
  name: 'syncs',
  settings: syncSettings,
  rights: () => [SYNC_RIGHTS],
  counters: SYNC_COUNTERS,
  durations: SYNC_DURATIONS,
  checks: ({ db }) => syncChecks(db),
  gauges: ({ db }) => [
    {
      name: 'nestjs_integration.syncs.troubled',
      description: 'Streams of syncs that fail, have stalled, or wait for deletions to be confirmed.',
      unit: '{stream}',
      read: async () =>
        (await new SyncTroubleStore(db).counts()).map(({ status, count }) => ({
          value: count,
          attributes: { 'nestjs_integration.sync.status': status },
        })),
    },
  ],
  tasks: ({ db, settings, tasks }) => [
    {
      name: 'syncs',
      run: async (intervalMs, stopping) => {
        const { retentionDays: days } = settings.snapshotOf(syncSettings);
        let more = true;
        while (more && !stopping.aborted) {
          more = await tasks.step('syncs', intervalMs, async (session) => ({
            done: !(await deleteOutdatedSyncs(session, db.tables, { days, batch: BATCH })),
          }));
        }
      },
    },
  ],
};
