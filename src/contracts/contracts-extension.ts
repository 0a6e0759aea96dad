import type { IntegrationExtension } from '../module/extension.js';

/** The commands of contracts. Their table is among the engine's. */
export const contractsExtension: IntegrationExtension = {
  name: 'contracts',
  commands: async () => (await import('./commands/contracts.commands.js')).contractsCommands,
};
