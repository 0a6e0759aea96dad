import type { IntegrationSettingsService } from '../settings/integration-settings.service.js';
import { invalidArgument } from '../words/argument-checks.js';
import { authorOf, CHANGE_OPTIONS } from './author.js';
import type { Command } from './command.js';
import { saidFirst, type Would } from './dry-run.js';
import { countOf } from './options.js';
import { withServices } from './services.js';
import { previewOf } from './settings-preview.js';

/** Returns to the state after a change of the history. */
export const settingsRestoreCommand: Command = {
  name: 'settings restore',
  parameters: ['change'],
  options: CHANGE_OPTIONS,
  summary: 'give a setting the value that it had after a change; settings history shows the numbers',
  run: (context) => {
    const change = countOf(context.arguments[0] ?? '', '<change>');
    return withServices(context, async ({ settings }) => {
      const dry = await saidFirst(context, () => preview(settings, change));
      if (dry !== undefined) return dry;
      const setting = await settings.restore(change, authorOf(context));
      return {
        ok: true,
        data: { setting },
        text: `${setting.key} is ${setting.value} again (${setting.source}).`,
      };
    });
  },
};

async function preview(settings: IntegrationSettingsService, change: number): Promise<Would> {
  const { entries } = await settings.history({ limit: 1, after: change + 1 });
  const entry = entries.find(({ id }) => id === change);
  if (entry === undefined) throw invalidArgument(`There is no change ${change} of a setting`, { change });
  return previewOf(settings, entry.key, entry.to);
}
