import { duration } from '../parts/number.ts';

/** Null removes the stored value. */
export type SettingValue = boolean | number | null;

/** A key as the documents write it. */
export function shortKey(key: string): string {
  return key.replace(/^core\.integration\.outbox\./, '');
}

export function shownValue(value: unknown, unit: string | null): string {
  if (typeof value === 'boolean') return value ? 'on' : 'off';
  if (value === null || value === undefined) return 'none';
  if (typeof value !== 'number') return `${String(value)}${unit === null ? '' : ` ${unit}`}`;
  const number = `${value.toLocaleString('en')}${unit === null ? '' : ` ${unit}`}`;
  return unit === 'milliseconds' && value >= 1_000 ? `${number} (${duration(value / 1_000)})` : number;
}
