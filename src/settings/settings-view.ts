import type { OutboxSettings, SettingKey } from './settings-definitions.js';

/**
 * The settings that one part reads, with the values of the moment at which it asks. The part names its
 * settings in this type, so that the compiler shows who reads which setting.
 */
export interface SettingsView<Key extends SettingKey> {
  snapshot(): Readonly<Pick<OutboxSettings, Key>>;
}
