import type { SettingDefinition } from '../settings/setting-group.js';
import { checkSettingText } from '../settings/setting-value.js';
import { AUTHOR_OPTIONS, authorOf } from './author.js';
import type { Command } from './command.js';
import { withSettings } from './settings-access.js';

/** Stores a value. Every process uses it within two seconds. */
export const settingsSetCommand: Command = {
  name: 'settings set',
  parameters: ['key', 'value'],
  options: AUTHOR_OPTIONS,
  summary: 'store a value; every process uses it within two seconds',
  run: (context) =>
    withSettings(context, async (service) => {
      const [key = '', text = ''] = context.arguments;
      await service.set(key, valueFrom(service.definitionOf(key), text), authorOf(context));
      const setting = service.view(key);
      return { ok: true, data: { setting }, text: `${setting.key} is now ${setting.value}.` };
    }),
};

/**
 * The value that the text stands for. A text that stands for no value is passed on, because the service says
 * what is wrong with it.
 */
function valueFrom(definition: SettingDefinition | undefined, text: string): unknown {
  const checked = definition && checkSettingText(definition, text);
  return checked?.ok ? checked.value : text;
}
