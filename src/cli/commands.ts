import type { Command } from './command.js';
import { consumersDiscardCommand, deadLettersDiscardCommand } from './consumers-discard.command.js';
import { consumersListCommand } from './consumers-list.command.js';
import { consumersPauseCommand, consumersResumeCommand } from './consumers-pause.command.js';
import { consumersRemoveCommand, consumersRemoveNamesCommand } from './consumers-remove.command.js';
import { consumersRenameCommand } from './consumers-rename.command.js';
import { consumersRepartitionCommand } from './consumers-repartition.command.js';
import { deadLettersListCommand } from './dead-letters-list.command.js';
import { deadLettersRedriveCommand } from './dead-letters-redrive.command.js';
import { doctorCommand } from './doctor.command.js';
import { migrateCommand } from './migrate.command.js';
import { replayCommand } from './replay.command.js';
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
  consumersListCommand,
  consumersPauseCommand,
  consumersResumeCommand,
  consumersRepartitionCommand,
  consumersDiscardCommand,
  consumersRenameCommand,
  consumersRemoveNamesCommand,
  consumersRemoveCommand,
  deadLettersListCommand,
  deadLettersRedriveCommand,
  deadLettersDiscardCommand,
  replayCommand,
];
