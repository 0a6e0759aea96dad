import { authorOf, CHANGE_OPTIONS } from './author.js';
import type { Command } from './command.js';
import { saidFirst, wouldDo } from './dry-run.js';
import { withServices } from './services.js';
import { previewOf, valueFrom } from './settings-preview.js';

/** Stores a value. Every process uses it within two seconds. */
export const settingsSetCommand: Command = {
  name: 'settings set',
  parameters: ['key', 'value'],
  options: CHANGE_OPTIONS,
  summary: 'store a value; every process uses it within two seconds',
  run: (context) =>
    withServices(context, async ({ settings: service }) => {
      const [key = '', text = ''] = context.arguments;
      const value = valueFrom(service.definitionOf(key), text);
      const dry = await saidFirst(context, () => previewOf(service, key, value));
      if (dry !== undefined) return dry;
      await service.set(key, value, authorOf(context));
      const setting = service.view(key);
      return { ok: true, data: { setting }, text: `${setting.key} is now ${setting.value}.` };
    }),
};

/** Says what a value would do. It is `settings set --dry-run`. */
export const settingsPreviewCommand: Command = {
  name: 'settings preview',
  parameters: ['key', 'value'],
  summary: 'say in words what a value would do, and store nothing',
  run: (context) =>
    withServices(context, async ({ settings }) => {
      const [key = '', text = ''] = context.arguments;
      const { what, data } = await previewOf(settings, key, valueFrom(settings.definitionOf(key), text));
      return wouldDo(what, data);
    }),
};
