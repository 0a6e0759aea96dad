import type { EngineDatabase } from '../database/engine-database.js';
import type { EngineSession } from '../database/sql/engine-session.js';
import { deleteSilentGates } from '../gate/gate.store.js';
import type { IntegrationExtension } from '../module/extension.js';
import { CONNECTOR_COUNTERS } from './connector-metrics.js';
import { CONNECTOR_RIGHTS } from './connector-rights.store.js';
import { connectorSettings } from './connector-settings.js';
import { type IdleToken, idleTokens } from './credentials/idle-token.store.js';
import { HTTP_COUNTERS, HTTP_DURATIONS } from './http/http-metrics.js';
import { deleteOverAuthorizations } from './oauth/authorization-retention.js';

/** Rows that one step deletes at most, so that no transaction is long. */
const BATCH = 1_000;

/** Refresh tokens that one round renews at most. */
const IDLE_AT_ONCE = 1_000;

/** Whether there may be more. */
async function deleteOutdated(session: EngineSession, db: EngineDatabase): Promise<boolean> {
  const gates = await deleteSilentGates(session, db.tables, BATCH);
  return (await deleteOverAuthorizations(session, db, BATCH)) || gates;
}

/** What connectors bring. Their tables are among the engine's. */
export const connectorsExtension: IntegrationExtension = {
  name: 'connectors',
  settings: connectorSettings,
  rights: () => [CONNECTOR_RIGHTS],
  counters: [...CONNECTOR_COUNTERS, ...HTTP_COUNTERS],
  durations: HTTP_DURATIONS,
  tasks: ({ db, tasks, settings, application }) => [
    {
      name: 'connectors',
      run: async (intervalMs, stopping) => {
        let more = true;
        while (more && !stopping.aborted) {
          more = await tasks.step('connectors', intervalMs, async (session) => ({
            done: !(await deleteOutdated(session, db)),
          }));
        }
      },
    },
    {
      name: 'connection-health',
      run: async (intervalMs, stopping) => {
        if (application === undefined) return;
        const { ConnectorsStart } = await import('./connectors-start.js');
        const start = application.get(ConnectorsStart, { strict: false });
        let more = true;
        while (more && !stopping.aborted)
          more = await tasks.step('connection-health', intervalMs, async (session) => ({
            done: !(await start.giveHealthTimes(session)),
          }));
      },
    },
    {
      name: 'connection-tokens',
      // One process looks, and the requests are made when the lock of the look is given back.
      run: async (intervalMs, stopping) => {
        const { refreshIdleHours } = settings.snapshotOf(connectorSettings);
        let idle: readonly IdleToken[] = [];
        await tasks.step('connection-tokens', intervalMs, async () => {
          idle = await idleTokens(db, refreshIdleHours, IDLE_AT_ONCE);
          return { done: true };
        });
        if (application === undefined || idle.length === 0) return;
        // The command line lists the extension, and renews nothing.
        const { ConnectorsEngine } = await import('./connectors-engine.js');
        const { renewIdleTokens } = await import('./credentials/idle-renewal.js');
        const { credentials } = application.get(ConnectorsEngine, { strict: false }).parts;
        await renewIdleTokens(idle, credentials, stopping);
      },
    },
  ],
};
