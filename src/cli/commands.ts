import type { IntegrationExtension } from '../module/extension.js';
import { auditListCommand } from './audit-list.command.js';
import type { Command } from './command.js';
import { consumersDiscardCommand } from './consumers-discard.command.js';
import { consumersListCommand } from './consumers-list.command.js';
import { consumersPauseCommand, consumersResumeCommand } from './consumers-pause.command.js';
import { consumersRemoveCommand } from './consumers-remove.command.js';
import { consumersRemoveNamesCommand } from './consumers-remove-names.command.js';
import { consumersRenameCommand } from './consumers-rename.command.js';
import { consumersRepartitionCommand } from './consumers-repartition.command.js';
import { consumersShowCommand } from './consumers-show.command.js';
import { deadLettersDiscardCommand } from './dead-letters-discard.command.js';
import { deadLettersGroupsCommand } from './dead-letters-groups.command.js';
import { deadLettersListCommand } from './dead-letters-list.command.js';
import { deadLettersRedriveCommand } from './dead-letters-redrive.command.js';
import { doctorCommand } from './doctor.command.js';
import { eventsChainCommand } from './events-chain.command.js';
import { eventsListCommand } from './events-list.command.js';
import { eventsShowCommand } from './events-show.command.js';
import { migrateCommand } from './migrate.command.js';
import { operationsCancelCommand } from './operations-cancel.command.js';
import { operationsListCommand } from './operations-list.command.js';
import { operationsShowCommand } from './operations-show.command.js';
import { processesListCommand } from './processes-list.command.js';
import { replayCommand } from './replay.command.js';
import { settingsHistoryCommand } from './settings-history.command.js';
import { settingsListCommand } from './settings-list.command.js';
import { settingsResetCommand } from './settings-reset.command.js';
import { settingsRestoreCommand } from './settings-restore.command.js';
import { settingsPreviewCommand, settingsSetCommand } from './settings-set.command.js';
import { statusCommand } from './status.command.js';

/** The engine's commands, in the order of the usage. */
const COMMANDS: readonly Command[] = [
  migrateCommand,
  statusCommand,
  doctorCommand,
  settingsListCommand,
  settingsPreviewCommand,
  settingsSetCommand,
  settingsResetCommand,
  settingsHistoryCommand,
  settingsRestoreCommand,
  consumersListCommand,
  consumersShowCommand,
  consumersPauseCommand,
  consumersResumeCommand,
  consumersRepartitionCommand,
  consumersDiscardCommand,
  consumersRenameCommand,
  consumersRemoveNamesCommand,
  consumersRemoveCommand,
  deadLettersListCommand,
  deadLettersGroupsCommand,
  deadLettersRedriveCommand,
  deadLettersDiscardCommand,
  replayCommand,
  operationsListCommand,
  operationsShowCommand,
  operationsCancelCommand,
  eventsListCommand,
  eventsShowCommand,
  eventsChainCommand,
  processesListCommand,
  auditListCommand,
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
