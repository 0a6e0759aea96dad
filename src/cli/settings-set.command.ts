import type { SettingDefinition } from '../settings/setting-group.js';
import { checkSettingText } from '../settings/setting-value.js';
import type { Command } from './command.js';
import { authorOf, BY_OPTION, withSettings } from './settings-access.js';

/** Stores a value; every process uses it within two seconds. */
export const settingsSetCommand: Command = {
  name: 'settings set',
  parameters: ['key', 'value'],
  options: BY_OPTION,
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
 * The value that the text stands for; text that stands for none is left to the service, which says what is
 * wrong.
 */
function valueFrom(definition: SettingDefinition | undefined, text: string): unknown {
  const checked = definition && checkSettingText(definition, text);
  return checked?.ok ? checked.value : text;
}
