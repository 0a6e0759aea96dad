import { checkSettingText } from '../settings/setting-value.js';
import { settingKeyOf } from '../settings/settings-definitions.js';
import type { Command } from './command.js';
import { authorOf, BY_OPTION, viewOf, withSettings } from './settings-access.js';

/** Stores a value; every process uses it within two seconds. */
export const settingsSetCommand: Command = {
  name: 'settings set',
  parameters: ['key', 'value'],
  options: BY_OPTION,
  summary: 'store a value; every process uses it within two seconds',
  run: (context) =>
    withSettings(context, async (service) => {
      const [key = '', text = ''] = context.arguments;
      await service.set(key, valueFrom(key, text), authorOf(context));
      const setting = viewOf(service, key);
      return { ok: true, data: { setting }, text: `${setting.key} is now ${setting.value}.` };
    }),
};

/**
 * The value that the text stands for; text that stands for none is left to the service, which says what is
 * wrong.
 */
function valueFrom(key: string, text: string): unknown {
  const known = settingKeyOf(key);
  const checked = known && checkSettingText(known, text);
  return checked?.ok ? checked.value : text;
}
