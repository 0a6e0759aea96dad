import type { Command } from './command.js';
import { doctorCommand } from './doctor.command.js';
import { migrateCommand } from './migrate.command.js';
import { settingsListCommand } from './settings-list.command.js';
import { settingsResetCommand } from './settings-reset.command.js';
import { settingsSetCommand } from './settings-set.command.js';
import { statusCommand } from './status.command.js';

/** Every command, in the order of the usage. */
export const COMMANDS: readonly Command[] = [
  migrateCommand,
  statusCommand,
  doctorCommand,
  settingsListCommand,
  settingsSetCommand,
  settingsResetCommand,
];
