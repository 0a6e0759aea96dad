import type { IntegrationExtension } from '../module/extension.js';
import { auditCommands } from './audit.commands.js';
import { changesCommand } from './changes.command.js';
import type { Command } from './command.js';
import { consumerChangesCommands } from './consumer-changes.commands.js';
import { consumersCommands } from './consumers.commands.js';
import { deadLettersCommands } from './dead-letters.commands.js';
import { doctorCommand } from './doctor.command.js';
import { eventsCommands } from './events.commands.js';
import { flowCommand } from './flow.command.js';
import { heatCommand } from './heat.command.js';
import { migrateCommand } from './migrate.command.js';
import { operationsCommands } from './operations.commands.js';
import { problemsCommand } from './problems.command.js';
import { processesCommands } from './processes.commands.js';
import { replayCommand } from './replay.command.js';
import { settingsCommands } from './settings.commands.js';
import { statusCommand } from './status.command.js';

/** The engine's commands, in the order of the usage. */
const COMMANDS: readonly Command[] = [
  migrateCommand,
  statusCommand,
  problemsCommand,
  flowCommand,
  changesCommand,
  heatCommand,
  doctorCommand,
  ...settingsCommands,
  ...consumersCommands,
  ...consumerChangesCommands,
  ...deadLettersCommands,
  replayCommand,
  ...operationsCommands,
  ...eventsCommands,
  ...processesCommands,
  ...auditCommands,
];

declare module '../module/extension.js' {
  interface IntegrationExtension {
    /** Its commands. Only the command line asks for them. */
    readonly commands?: (() => Promise<readonly Command[]>) | undefined;
  }
}

/** The engine's commands, and behind them those that parts bring. */
export async function commandsWith(extensions: readonly IntegrationExtension[]): Promise<readonly Command[]> {
  const brought = await Promise.all(extensions.map(({ commands }) => commands?.() ?? []));
  return [...COMMANDS, ...brought.flat()];
}
