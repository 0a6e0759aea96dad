import { IntegrationError } from '../errors.js';
import type { IntegrationSettingsService } from '../settings/integration-settings.service.js';
import type { SettingDefinition } from '../settings/setting-group.js';
import { checkSettingText } from '../settings/setting-value.js';
import type { Would } from './dry-run.js';

/**
 * Says what a change of one setting would put in force. A change that would be refused is refused here as
 * well. Null stands for a removed value.
 */
export async function previewOf(
  settings: IntegrationSettingsService,
  key: string,
  value: unknown,
): Promise<Would> {
  const full = settings.view(key).key;
  // The service judges values of any type.
  const { problems, effects } = await settings.preview({ [key]: value as number | boolean | null });
  const [problem] = problems;
  if (problem !== undefined)
    throw new IntegrationError('INTEGRATION_SETTING_INVALID', `Setting ${problem.key} ${problem.reason}`, {
      problems,
    });
  const lines = effects.map(({ key: changed, from, to, effect }) => `${changed}: ${from} → ${to}. ${effect}`);
  return {
    what:
      lines.length > 0
        ? lines.join('\n')
        : `${full} would not change: ${settings.view(key).value} is in force.`,
    data: { effects },
  };
}

/**
 * The value that the text stands for. A text that stands for no value is passed on, because the service says
 * what is wrong with it.
 */
export function valueFrom(definition: SettingDefinition | undefined, text: string): unknown {
  const checked = definition && checkSettingText(definition, text);
  return checked?.ok ? checked.value : text;
}
