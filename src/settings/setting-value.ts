import { durationsOf, plainDurations } from './durations.js';
import type { DurationsSetting, SettingDefinition } from './setting-group.js';

/** A list of durations is a text. */
export type SettingValue = boolean | number | string;

/** A value that is valid, or the reason why it is not. */
export type Checked = { ok: true; value: SettingValue } | { ok: false; reason: string };

const SPOKEN: ReadonlyMap<string, boolean> = new Map([
  ['true', true],
  ['1', true],
  ['on', true],
  ['yes', true],
  ['false', false],
  ['0', false],
  ['off', false],
  ['no', false],
]);

/** Checks the type and the bounds of one setting, without the other settings. */
export function checkValue(definition: SettingDefinition, value: unknown): Checked {
  if (definition.type === 'durations') return checkDurations(definition, value);
  const reason = definition.type === 'boolean' ? notBoolean(value) : notWithin(definition, value);
  return reason === undefined ? { ok: true, value: value as SettingValue } : { ok: false, reason };
}

/** Does the same as `checkValue` for sources that have only text: the environment and the command line. */
export function checkSettingText(definition: SettingDefinition, value: unknown): Checked {
  return checkValue(definition, typeof value === 'string' ? fromText(definition, value.trim()) : value);
}

function fromText(definition: SettingDefinition, text: string): unknown {
  if (definition.type === 'durations') return text;
  if (definition.type === 'boolean') return SPOKEN.get(text.toLowerCase()) ?? text;
  return /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text;
}

function checkDurations({ min, max, mostItems }: DurationsSetting, value: unknown): Checked {
  const items = typeof value === 'string' ? durationsOf(value) : [];
  if (items.length >= 1 && items.length <= mostItems && items.every((ms) => ms >= min && ms <= max))
    return { ok: true, value: plainDurations(value as string) };
  const reason = `must be a list of one to ${mostItems} durations, such as "5s,5m,2h", each from ${min} to ${max} ms, not ${shown(value)}`;
  return { ok: false, reason };
}

function notBoolean(value: unknown): string | undefined {
  return typeof value === 'boolean' ? undefined : `must be true or false, not ${shown(value)}`;
}

function notWithin(definition: { min: number; max: number }, value: unknown): string | undefined {
  const { min, max } = definition;
  const fits = typeof value === 'number' && Number.isSafeInteger(value) && value >= min && value <= max;
  return fits ? undefined : `must be a whole number from ${min} to ${max}, not ${shown(value)}`;
}

/** A text of the value that is short enough for a message. */
function shown(value: unknown): string {
  const text =
    typeof value === 'string'
      ? JSON.stringify(value)
      : typeof value === 'object'
        ? jsonOf(value)
        : String(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

function jsonOf(value: object | null): string {
  try {
    return JSON.stringify(value);
  } catch {
    return 'an object';
  }
}
