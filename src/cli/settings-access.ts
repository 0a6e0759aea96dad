import { verifyMigrations } from '../database/migrations/migration-runner.js';
import { linesOf, settingGroupsOf } from '../module/extension.js';
import { IntegrationSettingsService } from '../settings/integration-settings.service.js';
import type { CommandContext, CommandResult } from './command.js';

/**
 * Provides the settings service as the application would see it, without the values that the application's
 * code gives.
 */
export function withSettings(
  { withDatabase, environment, extensions }: CommandContext,
  work: (service: IntegrationSettingsService) => Promise<CommandResult>,
): Promise<CommandResult> {
  return withDatabase(async (db, admin) => {
    await verifyMigrations(db, linesOf(extensions));
    const sources = { environment, engine: db.engine };
    const service = new IntegrationSettingsService(db, sources, settingGroupsOf(extensions), admin);
    await service.load();
    return work(service);
  });
}
