import type { IntegrationExtension } from '../module/extension.js';
import { CONNECTOR_COUNTERS } from './connector-metrics.js';
import { CONNECTOR_RIGHTS } from './connector-rights.store.js';
import { connectorSettings } from './connector-settings.js';

/** What connectors bring. Their tables are among the engine's. */
export const connectorsExtension: IntegrationExtension = {
  name: 'connectors',
  settings: connectorSettings,
  rights: () => [CONNECTOR_RIGHTS],
  counters: CONNECTOR_COUNTERS,
};
