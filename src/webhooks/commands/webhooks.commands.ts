import type { Command } from '../../cli/command.js';
import { webhooksEndpointsCommand } from './endpoints.command.js';
import { webhooksRefusalsCommand } from './refusals.command.js';
import { webhooksSourcesCommand } from './sources.command.js';

/** The commands of webhooks, in the order of the usage. */
export const webhooksCommands: readonly Command[] = [
  webhooksSourcesCommand,
  webhooksRefusalsCommand,
  webhooksEndpointsCommand,
];
