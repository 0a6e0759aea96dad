import { IntegrationError } from '../errors.js';
import { invalidArgument } from '../words/argument-checks.js';
import { suggestionFor } from '../words/known-names.js';
import type { SettingGroup } from './setting-group.js';
import { OUTBOX_SETTINGS, SETTING_PREFIX } from './settings-definitions.js';

/** A setting, and where its definition is. */
export interface KnownSetting {
  readonly group: SettingGroup;
  /** The key without the prefix of the group. */
  readonly short: string;
  /** The key in full. */
  readonly key: string;
}

/** A setting, and the value that somebody gives for it. */
export interface GivenSetting extends KnownSetting {
  readonly value: unknown;
}

/** Finds settings by their keys, in full or without the prefix of the engine's own. */
export class SettingCatalog {
  constructor(readonly groups: readonly SettingGroup[]) {}

  /** The full keys of all settings. */
  get keys(): string[] {
    return this.groups.flatMap((group) => group.keys.map((each) => group.prefix + each));
  }

  lookUp(key: string): KnownSetting | undefined {
    for (const group of this.groups) {
      const short = group.keyOfStored(key);
      if (short !== undefined) return { group, short, key };
    }
    const own = OUTBOX_SETTINGS.keyOfStored(SETTING_PREFIX + key);
    return own === undefined ? undefined : { group: OUTBOX_SETTINGS, short: own, key: SETTING_PREFIX + own };
  }

  /** Throws INTEGRATION_SETTING_UNKNOWN if there is no such setting. */
  find(key: string): KnownSetting {
    const found = this.lookUp(key);
    if (found !== undefined) return found;
    const own = OUTBOX_SETTINGS.keys;
    const added = this.groups.slice(1).flatMap((group) => group.keys.map((each) => group.prefix + each));
    throw new IntegrationError(
      'INTEGRATION_SETTING_UNKNOWN',
      `${JSON.stringify(key)} is not a setting; there are: ${own.join(', ')} (prefix ${SETTING_PREFIX})${added.map((each) => `, ${each}`).join('')}${suggestionFor(key.replace(SETTING_PREFIX, ''), [...own, ...added])}`,
      { key },
    );
  }

  /** Finds every setting of a map from keys to values. */
  findAll(values: Readonly<Record<string, unknown>>): GivenSetting[] {
    const given = Object.entries(values).map(([key, value]) => ({ ...this.find(key), value }));
    const twice = given.find(({ key }, index) => given.findIndex((each) => each.key === key) < index);
    if (twice !== undefined)
      throw invalidArgument(`${twice.key} is given twice, in full and without its prefix`, {
        field: twice.key,
      });
    return given;
  }
}
