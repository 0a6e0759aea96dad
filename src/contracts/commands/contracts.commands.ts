import type { Command } from '../../cli/command.js';
import { contractsCheckCommand } from './contracts-check.command.js';
import { contractsExportCommand } from './contracts-export.command.js';
import { contractsListCommand } from './contracts-list.command.js';
import { contractsShowCommand } from './contracts-show.command.js';

/** The commands of contracts, in the order of the usage. */
export const contractsCommands: readonly Command[] = [
  contractsListCommand,
  contractsShowCommand,
  contractsCheckCommand,
  contractsExportCommand,
];
