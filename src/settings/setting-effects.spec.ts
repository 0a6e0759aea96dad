import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { effectOf } from './setting-effects.js';
import { type NumberSetting, SettingGroup } from './setting-group.js';
import { OUTBOX_SETTINGS, SETTING_DEFINITIONS, SETTING_KEYS } from './settings-definitions.js';

interface ParcelSettings {
  waitMs: number;
  keptDays: number;
  weight: number;
  hours: number;
}

/** A group that has no sentences of its own. */
const PARCELS = new SettingGroup<ParcelSettings>('parcels', {
  waitMs: { type: 'ms', default: 300_000, min: 1, max: 86_400_000 },
  keptDays: { type: 'days', default: 30, min: 1, max: 365 },
  weight: { type: 'events', default: 10, min: 1, max: 100 },
  hours: { type: 'count', unit: 'hours', default: 24, min: 0, max: 100 },
});

const NUMBERS = [
  ...SETTING_KEYS.filter((key) => SETTING_DEFINITIONS[key].type !== 'boolean').map(
    (key) => [key, OUTBOX_SETTINGS] as const,
  ),
  ...PARCELS.keys.map((key) => [key, PARCELS] as const),
];

const PAIR =
  /((?:less than )?[\d.,]*\d)(?: (\w+))?(?: [a-z ]+)? instead of (?:every )?((?:less than )?[\d.,]*\d)(?: (\w+))?/g;

/** Whether a sentence has the same value on both sides of "instead of". */
function saysTheSame(sentence: string): boolean {
  return [...sentence.matchAll(PAIR)].some(
    ([, to, unit, from, other]) => to === from && (unit === other || other === undefined),
  );
}

describe('what a change of a number means', () => {
  it.each(NUMBERS)('is told apart from what holds, also by one and at the bounds: %s', (key, group) => {
    const { default: usual, min, max } = group.definitionOf(key) as NumberSetting;
    const value = fc.oneof(
      fc.constantFrom(min, max, usual, Math.min(max, usual + 1)),
      fc.integer({ min, max }),
    );
    fc.assert(
      fc.property(value, fc.oneof(value, fc.constant(undefined)), (from, other) => {
        // Without another value it is the next one.
        const to = other ?? (from < max ? from + 1 : from - 1);
        fc.pre(from !== to);
        const there = effectOf(group, key, to, from);
        expect([there, saysTheSame(there)]).toEqual([there, false]);
        expect(there).not.toBe(effectOf(group, key, from, to));
        expect(there).not.toMatch(/\b1 (?:events|attempts|days|lost sessions)\b/);
      }),
      { numRuns: 300 },
    );
  });

  it('has a unit also where a group has no sentences of its own', () => {
    expect(effectOf(PARCELS, 'waitMs', 600_000, 300_000)).toBe('waitMs is 10 min instead of 5 min.');
    expect(effectOf(PARCELS, 'keptDays', 1, 30)).toBe('keptDays is 1 day instead of 30.');
    expect(effectOf(PARCELS, 'hours', 48, 24)).toBe('hours is 48 hours instead of 24.');
  });

  it.each([
    ['idlePollingIntervalMs', 60_000, 30_000, 'An idle process looks 60 times an hour instead of 120.'],
    [
      'idlePollingIntervalMs',
      30_001,
      30_000,
      'An idle process looks every 30,001 ms instead of every 30,000 ms.',
    ],
    ['batchSize', 1, 500, 'A page has at most 1 event instead of 500.'],
    [
      'flushIntervalMs',
      1_000,
      10,
      'What handlers have done is saved at most 1 time a second instead of 100.',
    ],
  ])('reads as a sentence: %s %d', (key, to, from, sentence) => {
    expect(effectOf(OUTBOX_SETTINGS, key, to, from)).toBe(sentence);
  });
});
