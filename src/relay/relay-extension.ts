import type { IntegrationExtension } from '../module/extension.js';
import { relayChecks } from './relay.checks.js';
import { RELAY_PART } from './relays/part-name.js';
import { RELAY_COUNTERS } from './relays/relay-metrics.js';
import { sourceChecks } from './source.checks.js';
import { SOURCE_COUNTERS } from './sources/source-metrics.js';

declare module '../admin/options/admin-action.js' {
  interface AddedAdminActions {
    'relays.read': true;
  }
}

/**
 * What relays and sources bring. Relays are consumers, so everything that there is for consumers holds for
 * them. What is said of both here are figures that only the part can count.
 */
export const relayExtension: IntegrationExtension = {
  name: RELAY_PART,
  checks: ({ db }) => [...relayChecks(db), ...sourceChecks(db)],
  counters: [...RELAY_COUNTERS, ...SOURCE_COUNTERS],
  admin: async () => (await import('./admin/relays.admin.js')).relaysAdmin,
  commands: async () => (await import('./commands/relays.commands.js')).relaysCommands,
};
