import { AUTHOR_OPTIONS, authorOf } from './author.js';
import type { Command } from './command.js';
import { withSettings } from './settings-access.js';

/** Removes a stored value. */
export const settingsResetCommand: Command = {
  name: 'settings reset',
  parameters: ['key'],
  options: AUTHOR_OPTIONS,
  summary: 'remove a stored value, so that environment, options or default hold again',
  run: (context) =>
    withSettings(context, async (service) => {
      const [key = ''] = context.arguments;
      await service.reset(key, authorOf(context));
      const setting = service.view(key);
      return {
        ok: true,
        data: { setting },
        text: `${setting.key} is no longer stored; outside the application's code it is ${setting.value} (${setting.source}).`,
      };
    }),
};
