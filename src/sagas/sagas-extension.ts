import type { ApplicationServices } from '../maintenance/maintenance-task.js';
import type { IntegrationExtension } from '../module/extension.js';
import { RESOLVED_OPTIONS, type ResolvedOptions } from '../module/integration.options.js';
import { sagaChecks } from './saga.checks.js';
import { SAGA_COUNTERS, SAGA_DURATIONS } from './saga-metrics.js';
import { deleteOutdatedSagas } from './saga-retention.store.js';
import { SAGA_RIGHTS } from './saga-rights.store.js';
import { sagaSettings } from './saga-settings.js';

declare module '../admin/options/admin-action.js' {
  interface AddedAdminActions {
    'sagas.read': true;
    /** Ending sagas, and sending their dead letters again. */
    'sagas.change': true;
  }
  interface AdminTarget {
    /** The name of a saga. */
    readonly saga?: string | undefined;
    /** The key of a saga. */
    readonly sagaKey?: string | undefined;
  }
}

/** Rows that one step deletes at most, so that no transaction is long. */
const BATCH = 1_000;

/**
 * What sagas bring. Each is a consumer, so everything that there is for consumers holds for them. Their
 * tables are among the engine's.
 */
export const sagasExtension: IntegrationExtension = {
  name: 'sagas',
  settings: sagaSettings,
  rights: (application) => (runsSagas(application) ? [SAGA_RIGHTS] : []),
  counters: SAGA_COUNTERS,
  durations: SAGA_DURATIONS,
  checks: ({ db, settings }) => sagaChecks(db, settings),
  admin: async () => (await import('./sagas.admin.js')).sagasAdmin,
  commands: async () => (await import('./sagas.commands.js')).sagasCommands,
  tasks: ({ db, settings, tasks }) => [
    {
      name: 'sagas',
      run: async (intervalMs, stopping) => {
        const { retentionDays: days } = settings.snapshotOf(sagaSettings);
        let more = true;
        while (more && !stopping.aborted) {
          more = await tasks.step('sagas', intervalMs, async (session) => ({
            done: !(await deleteOutdatedSagas(session, db.tables, { days, batch: BATCH })),
          }));
        }
      },
    },
  ],
};

/** A process that only publishes runs no handlers. */
function runsSagas(application: ApplicationServices): boolean {
  return application.get<ResolvedOptions>(RESOLVED_OPTIONS, { strict: false }).role !== 'publisher';
}
