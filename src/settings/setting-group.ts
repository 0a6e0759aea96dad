interface DescribedSetting {
  /** What it does, in one or two sentences, for people who change it. */
  description?: string;
}

export interface BooleanSetting extends DescribedSetting {
  type: 'boolean';
  default: boolean;
}

/**
 * A whole number between `min` and `max`. Both bounds are allowed values. The number must not be below the
 * value of the setting `atLeast` of the same group.
 */
export interface NumberSetting extends DescribedSetting {
  type: 'ms' | 'count' | 'events' | 'days';
  /** What is counted, in words, if the type does not say it: `attempts`. */
  unit?: string;
  default: number;
  min: number;
  max: number;
  atLeast?: string;
}

/**
 * A list of durations as a text: `5s,5m,30m`. The units are ms, s, m, h and d. The list has from one to
 * `mostItems` items, and each of them is from `min` to `max` milliseconds. `durationsOf` reads it.
 */
export interface DurationsSetting extends DescribedSetting {
  type: 'durations';
  default: string;
  min: number;
  max: number;
  mostItems: number;
}

export type SettingDefinition = BooleanSetting | NumberSetting | DurationsSetting;

type DefinitionOf<T> = T extends boolean
  ? BooleanSetting
  : T extends string
    ? DurationsSetting
    : NumberSetting;

/** The definition of each setting of a group, by its short key. */
export type SettingDefinitions<T> = { readonly [K in keyof T]: DefinitionOf<T[K]> };

/**
 * Settings that belong together. The engine's own settings are the group `outbox`. A part of the package that
 * has settings makes a group of them and hands it to `IntegrationSettingsService`. The group's name gives
 * each setting its key in the database (`core.integration.outbox.batchSize`), its environment variable
 * (`INTEGRATION_OUTBOX_BATCH_SIZE`) and its place in the configuration (`integration.outbox.batchSize`).
 */
export class SettingGroup<T extends object = object> {
  /** The stored keys of the group begin with this prefix. */
  readonly prefix: string;
  readonly environmentPrefix: string;
  /** The short keys. */
  readonly keys: readonly string[];
  private readonly byKey: Readonly<Record<string, SettingDefinition>>;

  /**
   * @param options the values that the application's code gives; every other source except the defaults wins
   * over them
   */
  constructor(
    readonly name: string,
    definitions: SettingDefinitions<T>,
    readonly options: Partial<T> = {},
  ) {
    this.prefix = `core.integration.${name}.`;
    this.environmentPrefix = `INTEGRATION_${upperSnakeCase(name)}_`;
    this.byKey = definitions;
    this.keys = Object.keys(definitions);
  }

  definitionOf(key: string): SettingDefinition {
    const definition = this.byKey[key];
    if (definition === undefined) throw new Error(`${key} is not a setting of the group ${this.name}`);
    return definition;
  }

  /** The short key for a stored key of this group, or undefined if there is no such setting. */
  keyOfStored(storedKey: string): string | undefined {
    if (!storedKey.startsWith(this.prefix)) return undefined;
    const key = storedKey.slice(this.prefix.length);
    return Object.hasOwn(this.byKey, key) ? key : undefined;
  }

  /** The environment variable of a setting: `INTEGRATION_OUTBOX_POLLING_INTERVAL_MS`. */
  environmentNameOf(key: string): string {
    return this.environmentPrefix + upperSnakeCase(key);
  }

  /** The path of a setting in `@nestjs/config`. */
  configPathOf(key: string): string {
    return `integration.${this.name}.${key}`;
  }
}

function upperSnakeCase(key: string): string {
  return key
    .replaceAll('.', '_')
    .replace(/[A-Z]/g, (letter) => `_${letter}`)
    .toUpperCase();
}
