import { deleteSilentGates } from '../gate/gate.store.js';
import type { IntegrationExtension } from '../module/extension.js';
import { CONNECTOR_COUNTERS } from './connector-metrics.js';
import { CONNECTOR_RIGHTS } from './connector-rights.store.js';
import { connectorSettings } from './connector-settings.js';
import { HTTP_COUNTERS, HTTP_DURATIONS } from './http/http-metrics.js';

/** Rows that one step deletes at most, so that no transaction is long. */
const BATCH = 1_000;

/** What connectors bring. Their tables are among the engine's. */
export const connectorsExtension: IntegrationExtension = {
  name: 'connectors',
  settings: connectorSettings,
  rights: () => [CONNECTOR_RIGHTS],
  counters: [...CONNECTOR_COUNTERS, ...HTTP_COUNTERS],
  durations: HTTP_DURATIONS,
  tasks: ({ db, tasks }) => [
    {
      name: 'connectors',
      run: async (intervalMs, stopping) => {
        let more = true;
        while (more && !stopping.aborted) {
          more = await tasks.step('connectors', intervalMs, async (session) => ({
            done: !(await deleteSilentGates(session, db.tables, BATCH)),
          }));
        }
      },
    },
  ],
};
