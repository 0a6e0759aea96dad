import type { IntegrationExtension } from '../module/extension.js';
import { RELAY_COUNTERS } from './relays/relay-metrics.js';
import { sourceChecks } from './source.checks.js';
import { SOURCE_COUNTERS } from './sources/source-metrics.js';

/**
 * What relays and sources bring. Relays are consumers, so everything that there is for consumers holds for
 * them.
 */
export const relayExtension: IntegrationExtension = {
  name: 'relay',
  checks: ({ db }) => sourceChecks(db),
  counters: [...RELAY_COUNTERS, ...SOURCE_COUNTERS],
};
