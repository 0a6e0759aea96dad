import type { IntegrationExtension } from '../module/extension.js';

declare module '../admin/options/admin-action.js' {
  interface AddedAdminActions {
    'contracts.read': true;
  }
}

/**
 * What contracts bring: views of those that are registered, and commands. Their table is among the engine's.
 */
export const contractsExtension: IntegrationExtension = {
  name: 'contracts',
  admin: async () => (await import('./contracts.admin.js')).contractsAdmin,
  commands: async () => (await import('./commands/contracts.commands.js')).contractsCommands,
};
