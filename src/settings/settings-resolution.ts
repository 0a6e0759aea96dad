import { problemOfUnknownName, suggestionFor } from '../events/known-names.js';
import { type Checked, checkSettingText, checkValue } from './setting-value.js';
import {
  ENVIRONMENT_PREFIX,
  environmentNameOf,
  type OutboxSettings,
  SETTING_DEFINITIONS,
  SETTING_KEYS,
  SETTING_PREFIX,
  type SettingDefinition,
  type SettingKey,
  settingKeyOf,
} from './settings-definitions.js';

/** The part of `@nestjs/config`'s ConfigService that is used, so that the package need not be installed. */
export interface ConfigurationReader {
  get(path: string): unknown;
}

/** Where settings come from beside the database. */
export interface SettingSources {
  /** Default `process.env`. */
  environment?: Readonly<Record<string, string | undefined>> | undefined;
  /**
   * Asked for `integration.outbox.<key>` and for the environment's names (it may know a .env file that the
   * process does not).
   */
  config?: ConfigurationReader | undefined;
  /** The `settings` of the module's options. */
  options?: Partial<OutboxSettings> | undefined;
}

/** Strongest first. */
export type SettingSource = 'database' | 'environment' | 'config' | 'options' | 'default';

/** The settings in force, where each comes from, and what was passed over for being wrong. */
export interface ResolvedSettings {
  values: Readonly<OutboxSettings>;
  sources: Readonly<Record<SettingKey, SettingSource>>;
  /** One sentence for each value that was passed over. */
  problems: string[];
}

interface Candidate {
  source: SettingSource;
  /** How the source names it, for messages. */
  name: string;
  value: unknown;
  check: <K extends SettingKey>(key: K, value: unknown) => Checked<OutboxSettings[K]>;
}

/**
 * Puts the sources together: database row, then environment, then `@nestjs/config`, then module options, then
 * default. A value that is wrong by itself, or below the setting that it must not be below, counts as absent.
 * A default gives way to the other setting instead: raising `pollingIntervalMs` alone raises the default of
 * `idlePollingIntervalMs` with it.
 */
export function resolveSettings(
  stored: Readonly<Record<string, unknown>>,
  sources: SettingSources,
): ResolvedSettings {
  const problems = [...unknownKeys(stored, sources)];
  const values: Partial<Record<SettingKey, boolean | number>> = {};
  const origins: Partial<Record<SettingKey, SettingSource>> = {};
  for (const key of BOUND_KEYS_LAST) {
    const floorKey = floorOf(key);
    const floor = floorKey === undefined ? undefined : (values[floorKey] as number);
    const settle = (value: boolean | number, source: SettingSource) => {
      values[key] = value;
      origins[key] = source;
    };
    for (const candidate of candidatesFor(key, stored, sources)) {
      const checked = candidate.check(key, candidate.value);
      const reason = checked.ok ? belowFloor(checked.value, floorKey, floor) : checked.reason;
      if (checked.ok && reason === undefined) {
        settle(checked.value, candidate.source);
        break;
      }
      problems.push(`${candidate.name} ${reason}: it is ignored`);
    }
    if (origins[key] === undefined) settle(defaultFor(key, floor), 'default');
  }
  return {
    values: Object.freeze(values as unknown as OutboxSettings),
    sources: origins as Record<SettingKey, SettingSource>,
    problems,
  };
}

/**
 * Why `value` cannot be set, given what is in force; undefined if it can. A setting that somebody gave a
 * value stays valid: neither may it come to lie below its bound.
 */
export function reasonAgainst(
  key: SettingKey,
  value: unknown,
  current: ResolvedSettings,
): string | undefined {
  const checked = checkValue(key, value);
  if (!checked.ok) return checked.reason;
  const floorKey = floorOf(key);
  const floor = floorKey === undefined ? undefined : Number(current.values[floorKey]);
  const below = belowFloor(checked.value, floorKey, floor);
  if (below !== undefined) return below;
  const above = SETTING_KEYS.find(
    (other) =>
      floorOf(other) === key && current.sources[other] !== 'default' && current.values[other] < checked.value,
  );
  return above && `must not be above ${above} (${current.values[above]}), not ${checked.value}`;
}

/**
 * What is wrong with the module's `settings` option, one sentence each; for the check at boot, where nothing
 * is passed over.
 */
export function listSettingProblems(options: Readonly<Record<string, unknown>>): string[] {
  const unknown = Object.keys(options).filter((key) => !Object.hasOwn(SETTING_DEFINITIONS, key));
  const { problems } = resolveSettings({}, { environment: {}, options });
  return [
    ...unknown.map((key) =>
      problemOfUnknownName(key, { known: SETTING_KEYS, kind: 'a setting', prefix: 'settings.' }),
    ),
    ...problems.map((problem) => problem.replace(/: it is ignored$/, '')),
  ];
}

/** Settings that others are bounds of come first, so that these are known when those are checked. */
const BOUND_KEYS_LAST = [...SETTING_KEYS].sort(
  (a, b) => Number(floorOf(a) !== undefined) - Number(floorOf(b) !== undefined),
);

function floorOf(key: SettingKey): SettingKey | undefined {
  const definition: SettingDefinition = SETTING_DEFINITIONS[key];
  return definition.type === 'boolean' ? undefined : definition.atLeast;
}

function belowFloor(
  value: boolean | number,
  floorKey: SettingKey | undefined,
  floor: number | undefined,
): string | undefined {
  if (floor === undefined || Number(value) >= floor) return undefined;
  return `must not be below ${floorKey} (${floor}), not ${value}`;
}

function defaultFor(key: SettingKey, floor: number | undefined): boolean | number {
  const { default: value } = SETTING_DEFINITIONS[key];
  return typeof value === 'boolean' ? value : Math.max(value, floor ?? value);
}

function candidatesFor(
  key: SettingKey,
  stored: Readonly<Record<string, unknown>>,
  { environment = process.env, config, options }: SettingSources,
): Candidate[] {
  const environmentName = environmentNameOf(key);
  const path = `integration.outbox.${key}`;
  const all: Candidate[] = [
    {
      source: 'database',
      name: `stored setting ${SETTING_PREFIX}${key}`,
      value: stored[SETTING_PREFIX + key],
      check: checkValue,
    },
    {
      source: 'environment',
      name: `environment variable ${environmentName}`,
      value: given(environment[environmentName]) ?? given(config?.get(environmentName)),
      check: checkSettingText,
    },
    {
      source: 'config',
      name: `configuration ${path}`,
      value: given(config?.get(path)),
      check: checkSettingText,
    },
    { source: 'options', name: `settings.${key}`, value: options?.[key], check: checkValue },
  ];
  return all.filter((candidate) => candidate.value !== undefined);
}

/** An empty variable is one that nobody filled in. */
function given(value: unknown): unknown {
  return value === null || (typeof value === 'string' && value.trim() === '') ? undefined : value;
}

function unknownKeys(
  stored: Readonly<Record<string, unknown>>,
  { environment = process.env }: SettingSources,
): string[] {
  const names = new Set(SETTING_KEYS.map(environmentNameOf));
  return [
    ...Object.keys(stored)
      .filter((key) => !key.startsWith(SETTING_PREFIX) || settingKeyOf(key) === undefined)
      .map((key) => `stored setting ${key} is not known${keyMeantBy(key)}: it is ignored`),
    ...Object.keys(environment)
      .filter((name) => name.startsWith(ENVIRONMENT_PREFIX) && !names.has(name))
      .map(
        (name) =>
          `environment variable ${name} is no setting${suggestionFor(name, [...names])}: it is ignored`,
      ),
  ];
}

function keyMeantBy(key: string): string {
  const known = SETTING_KEYS.map((each) => SETTING_PREFIX + each);
  return settingKeyOf(key) === undefined
    ? suggestionFor(key, known)
    : ` (the key is ${SETTING_PREFIX}${key})`;
}
