import type { ApplicationServices } from '../maintenance/maintenance-task.js';
import type { IntegrationExtension } from '../module/extension.js';
import { RESOLVED_OPTIONS, type ResolvedOptions } from '../module/integration.options.js';
import { callChecks } from './call.checks.js';
import { CALL_COUNTERS, CALL_DURATIONS } from './call-metrics.js';
import { deleteOutdatedCalls } from './call-retention.store.js';
import { CALL_RIGHTS } from './call-rights.store.js';
import { callSettings } from './call-settings.js';

declare module '../admin/options/admin-action.js' {
  interface AddedAdminActions {
    'calls.read': true;
    /** Asking for calls, repeating and cancelling them. */
    'calls.change': true;
  }
  interface AdminTarget {
    /** The id of a call to another system (a uuid). */
    readonly externalCall?: string | undefined;
  }
}

/** Rows that one step deletes at most, so that no transaction is long. */
const BATCH = 1_000;

/** What calls bring. Their tables are among the engine's. */
export const callsExtension: IntegrationExtension = {
  name: 'calls',
  settings: callSettings,
  rights: (application) => (runsCalls(application) ? [CALL_RIGHTS] : []),
  counters: CALL_COUNTERS,
  durations: CALL_DURATIONS,
  checks: ({ db }) => callChecks(db),
  admin: async () => (await import('./calls.admin.js')).callsAdmin,
  commands: async () => (await import('./calls.commands.js')).callsCommands,
  tasks: ({ db, settings, tasks }) => [
    {
      name: 'calls',
      run: async (intervalMs, stopping) => {
        const { retentionDays: days } = settings.snapshotOf(callSettings);
        let more = true;
        while (more && !stopping.aborted) {
          more = await tasks.step('calls', intervalMs, async (session) => ({
            done: !(await deleteOutdatedCalls(session, db.tables, { days, batch: BATCH })),
          }));
        }
      },
    },
  ],
};

/** A process that only publishes runs no calls. */
function runsCalls(application: ApplicationServices): boolean {
  return application.get<ResolvedOptions>(RESOLVED_OPTIONS, { strict: false }).role !== 'publisher';
}
