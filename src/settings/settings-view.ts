import type { OutboxSettings, SettingKey } from './settings-definitions.js';

/**
 * The settings that one part reads, as they are in force at the moment when it asks. The part names its
 * settings in this type, so that the compiler shows who reads what.
 */
export interface SettingsView<Key extends SettingKey> {
  snapshot(): Readonly<Pick<OutboxSettings, Key>>;
}
