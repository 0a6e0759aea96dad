import { variablePrefixOf } from '../words/engine-name.js';
import type { SettingDefinition, SettingGroup } from './setting-group.js';
import type { ResolvedGroup, SettingSource } from './settings-resolution.js';

/** A setting in its group, with the value that is in force. */
export interface SettingFacts {
  /** A list of durations is a text. */
  value: boolean | number | string;
  default: boolean | number | string;
  source: SettingSource;
  /** `ms` and `days` are units. `events` and `count` are plain numbers. */
  type: SettingDefinition['type'];
  /** What it does, in one or two sentences. */
  description: string;
  /**
   * The unit of a number: `milliseconds`, `days`, `events`. Null for a switch, and for a list of durations.
   */
  unit: string | null;
  /** The bounds of a number, or of each duration in milliseconds. Both are allowed values. */
  min?: number;
  max?: number;
  /** The name of its environment variable. */
  environmentName: string;
}

const UNITS = { ms: 'milliseconds', days: 'days', events: 'events', count: 'times' } as const;

export function factsOf(
  group: SettingGroup,
  key: string,
  { values, sources }: ResolvedGroup,
  engine: string,
): SettingFacts {
  const definition = group.definitionOf(key);
  return {
    value: values[key] ?? definition.default,
    default: definition.default,
    source: sources[key] ?? 'default',
    type: definition.type,
    description: definition.description ?? '',
    unit: unitOf(definition),
    ...(definition.type === 'boolean' ? {} : { min: definition.min, max: definition.max }),
    environmentName: variablePrefixOf(engine) + group.environmentNameOf(key),
  };
}

function unitOf(definition: SettingDefinition): string | null {
  if (definition.type === 'boolean' || definition.type === 'durations') return null;
  return definition.unit ?? UNITS[definition.type];
}
