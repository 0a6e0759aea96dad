import { configPrefixOf, DEFAULT_ENGINE, variablePrefixOf } from '../words/engine-name.js';
import { problemOfUnknownName, suggestionFor } from '../words/known-names.js';
import type { SettingDefinition, SettingGroup } from './setting-group.js';
import { type Checked, checkSettingText, checkValue, type SettingValue } from './setting-value.js';
import { OUTBOX_SETTINGS, type OutboxSettings, type SettingKey } from './settings-definitions.js';

/**
 * The part of `@nestjs/config`'s ConfigService that this package uses. It is declared here because the
 * package need not be installed.
 */
export interface ConfigurationReader {
  get(path: string): unknown;
}

/** The sources of settings besides the database. */
export interface SettingSources {
  /** The default is `process.env`. */
  environment?: Readonly<Record<string, string | undefined>> | undefined;
  /**
   * It is asked for `integration.<group>.<key>` and for the names of environment variables, because it may
   * know a .env file that the process has not loaded.
   */
  config?: ConfigurationReader | undefined;
  /** The `settings` of the module's options. */
  options?: Partial<OutboxSettings> | undefined;
  /** The engine whose settings they are. The names in environment and configuration begin with its name. */
  engine?: string | undefined;
}

/** The sources, the strongest first. */
export type SettingSource = 'database' | 'environment' | 'config' | 'options' | 'default';

/**
 * The values of a group that are in force, the source of each, and the values that are ignored because they
 * are wrong.
 */
export interface ResolvedGroup {
  values: Readonly<Record<string, SettingValue>>;
  sources: Readonly<Record<string, SettingSource>>;
  /** One sentence for each value that is ignored. */
  problems: string[];
}

/** The values of the engine's own settings. */
export interface ResolvedSettings extends ResolvedGroup {
  values: Readonly<OutboxSettings> & ResolvedGroup['values'];
  sources: Readonly<Record<SettingKey, SettingSource>>;
}

interface Candidate {
  source: SettingSource;
  /** The name that the source uses for the setting, for messages. */
  name: string;
  value: unknown;
  check: (definition: SettingDefinition, value: unknown) => Checked;
}

/**
 * Resolves the engine's own settings. The problems also name the stored keys and the environment variables
 * that are not settings.
 */
export function resolveSettings(
  stored: Readonly<Record<string, unknown>>,
  sources: SettingSources,
): ResolvedSettings {
  const { problems, ...resolved } = resolveGroup(OUTBOX_SETTINGS, stored, sources);
  return {
    ...resolved,
    problems: [...unknownKeys([OUTBOX_SETTINGS], stored, sources), ...problems],
  } as ResolvedSettings;
}

/**
 * Combines the sources in this order: database row, environment, `@nestjs/config`, module options, default. A
 * value counts as absent if it is wrong, or if it is below the setting that is its lower bound. A default
 * follows its lower bound instead: whoever raises only `pollingIntervalMs` also raises the default of
 * `idlePollingIntervalMs`.
 */
export function resolveGroup(
  group: SettingGroup,
  stored: Readonly<Record<string, unknown>>,
  sources: SettingSources,
): ResolvedGroup {
  const problems: string[] = [];
  const values: Record<string, SettingValue> = {};
  const origins: Record<string, SettingSource> = {};
  for (const key of boundKeysLast(group)) {
    const definition = group.definitionOf(key);
    const floorKey = floorOf(definition);
    const floor = floorKey === undefined ? undefined : (values[floorKey] as number);
    const settle = (value: SettingValue, source: SettingSource) => {
      values[key] = value;
      origins[key] = source;
    };
    for (const candidate of candidatesFor(group, key, stored, sources)) {
      const checked = candidate.check(definition, candidate.value);
      const reason = checked.ok ? belowFloor(checked.value, floorKey, floor) : checked.reason;
      if (checked.ok && reason === undefined) {
        settle(checked.value, candidate.source);
        break;
      }
      problems.push(`${candidate.name} ${reason}: it is ignored`);
    }
    if (origins[key] === undefined) settle(defaultFor(definition, floor), 'default');
  }
  return { values: Object.freeze(values), sources: origins, problems };
}

/**
 * The reason why `value` cannot be set while the other settings have their present values, or undefined if it
 * can be set. A new value must also not invalidate another setting that has it as a bound and was set
 * explicitly.
 */
export function reasonAgainst(
  key: string,
  value: unknown,
  current: ResolvedGroup,
  group: SettingGroup = OUTBOX_SETTINGS,
): string | undefined {
  const definition = group.definitionOf(key);
  const checked = checkValue(definition, value);
  if (!checked.ok) return checked.reason;
  const floorKey = floorOf(definition);
  const floor = floorKey === undefined ? undefined : Number(current.values[floorKey]);
  const below = belowFloor(checked.value, floorKey, floor);
  if (below !== undefined) return below;
  const above = group.keys.find(
    (other) =>
      floorOf(group.definitionOf(other)) === key &&
      current.sources[other] !== 'default' &&
      Number(current.values[other]) < Number(checked.value),
  );
  return above && `must not be above ${above} (${current.values[above]}), not ${checked.value}`;
}

/**
 * The problems of the module's `settings` option, one sentence each. The check at boot uses them, because it
 * ignores no wrong value.
 */
export function listSettingProblems(options: Readonly<Record<string, unknown>>): string[] {
  const known = OUTBOX_SETTINGS.keys;
  const unknown = Object.keys(options).filter((key) => !known.includes(key));
  const { problems } = resolveSettings({}, { environment: {}, options });
  return [
    ...unknown.map((key) => problemOfUnknownName(key, { known, kind: 'a setting', prefix: 'settings.' })),
    ...problems.map((problem) => problem.replace(/: it is ignored$/, '')),
  ];
}

/**
 * Puts the settings that are bounds of others first, because their values must be known when the others are
 * checked.
 */
function boundKeysLast(group: SettingGroup): string[] {
  const isBound = (key: string) => Number(floorOf(group.definitionOf(key)) !== undefined);
  return [...group.keys].sort((a, b) => isBound(a) - isBound(b));
}

function floorOf(definition: SettingDefinition): string | undefined {
  return 'atLeast' in definition ? definition.atLeast : undefined;
}

function belowFloor(
  value: SettingValue,
  floorKey: string | undefined,
  floor: number | undefined,
): string | undefined {
  if (floor === undefined || Number(value) >= floor) return undefined;
  return `must not be below ${floorKey} (${floor}), not ${value}`;
}

function defaultFor({ default: value }: SettingDefinition, floor: number | undefined): SettingValue {
  return typeof value === 'number' ? Math.max(value, floor ?? value) : value;
}

function candidatesFor(
  group: SettingGroup,
  key: string,
  stored: Readonly<Record<string, unknown>>,
  { environment = process.env, config, options, engine = DEFAULT_ENGINE }: SettingSources,
): Candidate[] {
  const environmentName = variablePrefixOf(engine) + group.environmentNameOf(key);
  const path = configPrefixOf(engine) + group.configPathOf(key);
  const [name, given] =
    group === OUTBOX_SETTINGS
      ? [`settings.${key}`, options]
      : [`settings.${key} of ${group.name}`, group.options];
  const all: Candidate[] = [
    {
      source: 'database',
      name: `stored setting ${group.prefix}${key}`,
      value: stored[group.prefix + key],
      check: checkValue,
    },
    {
      source: 'environment',
      name: `environment variable ${environmentName}`,
      value: filled(environment[environmentName]) ?? filled(config?.get(environmentName)),
      check: checkSettingText,
    },
    {
      source: 'config',
      name: `configuration ${path}`,
      value: filled(config?.get(path)),
      check: checkSettingText,
    },
    {
      source: 'options',
      name,
      value: (given as Record<string, unknown> | undefined)?.[key],
      check: checkValue,
    },
  ];
  return all.filter((candidate) => candidate.value !== undefined);
}

/** An empty variable counts as absent. */
function filled(value: unknown): unknown {
  return value === null || (typeof value === 'string' && value.trim() === '') ? undefined : value;
}

/** One sentence for each stored key and each environment variable that is not a setting of these groups. */
export function unknownKeys(
  groups: readonly SettingGroup[],
  stored: Readonly<Record<string, unknown>>,
  { environment = process.env, engine = DEFAULT_ENGINE }: SettingSources,
): string[] {
  const prefix = variablePrefixOf(engine);
  const names = groups.flatMap((group) => group.keys.map((key) => prefix + group.environmentNameOf(key)));
  const keys = groups.flatMap((group) => group.keys.map((key) => group.prefix + key));
  return [
    ...Object.keys(stored)
      .filter((key) => !keys.includes(key))
      .map((key) => `stored setting ${key} is not known${keyMeantBy(key, keys)}: it is ignored`),
    ...Object.keys(environment)
      .filter((name) => groups.some(({ environmentPrefix }) => name.startsWith(prefix + environmentPrefix)))
      .filter((name) => !names.includes(name))
      .map(
        (name) => `environment variable ${name} is not a setting${suggestionFor(name, names)}: it is ignored`,
      ),
  ];
}

function keyMeantBy(key: string, known: readonly string[]): string {
  const inFull = OUTBOX_SETTINGS.prefix + key;
  return known.includes(inFull) ? ` (the key is ${inFull})` : suggestionFor(key, known);
}
