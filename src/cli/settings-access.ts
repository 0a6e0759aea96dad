import { userInfo } from 'node:os';
import { verifyMigrations } from '../database/migrations/migration-runner.js';
import { linesOf, settingGroupsOf } from '../module/extension.js';
import { IntegrationSettingsService } from '../settings/integration-settings.service.js';
import type { CommandContext, CommandOption, CommandResult } from './command.js';

export const BY_OPTION: Readonly<Record<string, CommandOption>> = {
  by: { type: 'string', summary: 'who changes it, for the audit; default: cli:<user>' },
};

/**
 * Provides the settings service as the application would see it, without the values that the application's
 * code gives.
 */
export function withSettings(
  { withDatabase, environment, extensions }: CommandContext,
  work: (service: IntegrationSettingsService) => Promise<CommandResult>,
): Promise<CommandResult> {
  return withDatabase(async (db) => {
    await verifyMigrations(db, linesOf(extensions));
    const service = new IntegrationSettingsService(db, { environment }, settingGroupsOf(extensions));
    await service.load();
    return work(service);
  });
}

/** Who changes a setting: the value of `--by`, or the user of this machine. */
export function authorOf({ options }: CommandContext): string {
  return typeof options.by === 'string' && options.by !== '' ? options.by : `cli:${userName()}`;
}

/** A container may run under a user id that has no name. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid?.() ?? 'unknown');
  }
}
