import { authorOf, CHANGE_OPTIONS } from './author.js';
import type { Command } from './command.js';
import { saidFirst } from './dry-run.js';
import { withServices } from './services.js';
import { previewOf } from './settings-preview.js';

/** Removes a stored value. */
export const settingsResetCommand: Command = {
  name: 'settings reset',
  parameters: ['key'],
  options: CHANGE_OPTIONS,
  summary: 'remove a stored value, so that environment, options or default hold again',
  run: (context) =>
    withServices(context, async ({ settings: service }) => {
      const [key = ''] = context.arguments;
      const dry = await saidFirst(context, () => previewOf(service, key, null));
      if (dry !== undefined) return dry;
      await service.reset(key, authorOf(context));
      const setting = service.view(key);
      return {
        ok: true,
        data: { setting },
        text: `${setting.key} is no longer stored; outside the application's code it is ${setting.value} (${setting.source}).`,
      };
    }),
};
