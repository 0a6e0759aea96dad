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
import { contractsCheckCommand } from './contracts-check.command.js';
import { contractsExportCommand } from './contracts-export.command.js';
import { contractsListCommand } from './contracts-list.command.js';
import { contractsShowCommand } from './contracts-show.command.js';
import { deadLettersDiscardCommand } from './dead-letters-discard.command.js';
import { deadLettersGroupsCommand } from './dead-letters-groups.command.js';
import { deadLettersListCommand } from './dead-letters-list.command.js';
import { deadLettersRedriveCommand } from './dead-letters-redrive.command.js';
import { doctorCommand } from './doctor.command.js';
import { eventsChainCommand } from './events-chain.command.js';
import { eventsListCommand } from './events-list.command.js';
import { eventsShowCommand } from './events-show.command.js';
import { keysListCommand, keysResealCommand, keysRotateCommand } from './keys.command.js';
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
import { webhooksEndpointsCommand } from './webhooks-endpoints.command.js';
import { webhooksSourcesCommand } from './webhooks-sources.command.js';

/** Every command, in the order of the usage. */
export const COMMANDS: readonly Command[] = [
  migrateCommand,
  statusCommand,
  doctorCommand,
  webhooksSourcesCommand,
  webhooksEndpointsCommand,
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
  contractsListCommand,
  contractsShowCommand,
  contractsCheckCommand,
  contractsExportCommand,
  processesListCommand,
  auditListCommand,
  keysListCommand,
  keysRotateCommand,
  keysResealCommand,
];
