import type { IntegrationExtension } from '../module/extension.js';
import { RELAY_COUNTERS } from './relays/relay-metrics.js';

/** What relays bring. They are consumers, so everything that there is for consumers holds for them. */
export const relayExtension: IntegrationExtension = {
  name: 'relay',
  counters: RELAY_COUNTERS,
};
