import { userInfo } from 'node:os';
import { verifyMigrations } from '../database/migrations/migration-runner.js';
import { IntegrationSettingsService, type SettingView } from '../settings/integration-settings.service.js';
import { settingKeyOf } from '../settings/settings-definitions.js';
import type { CommandContext, CommandOption, CommandResult } from './command.js';

export const BY_OPTION: Readonly<Record<string, CommandOption>> = {
  by: { type: 'string', summary: 'who changes it, for the audit; default: cli:<user>' },
};

/** Lends the settings service as the application would see it, but for what its code gives the module. */
export function withSettings(
  { withDatabase, environment }: CommandContext,
  work: (service: IntegrationSettingsService) => Promise<CommandResult>,
): Promise<CommandResult> {
  return withDatabase(async (db) => {
    await verifyMigrations(db);
    const service = new IntegrationSettingsService(db, { environment });
    await service.load();
    return work(service);
  });
}

/** Who changes a setting: what `--by` says, else the user of this machine. */
export function authorOf({ options }: CommandContext): string {
  return typeof options.by === 'string' && options.by !== '' ? options.by : `cli:${userName()}`;
}

/** The setting as it is in force now. */
export function viewOf(service: IntegrationSettingsService, key: string): SettingView {
  const short = settingKeyOf(key);
  const view = service.getAll().find((each) => settingKeyOf(each.key) === short);
  if (view === undefined) throw new Error(`no setting ${key}`);
  return view;
}

/** A container may run under a user id without a name. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid?.() ?? 'unknown');
  }
}
