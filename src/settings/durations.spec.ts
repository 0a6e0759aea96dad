import { describe, expect, it } from '@jest/globals';
import { durationsOf } from './durations.js';
import { SettingGroup } from './setting-group.js';
import { checkValue } from './setting-value.js';
import { reasonAgainst, resolveGroup } from './settings-resolution.js';

const GROUP = new SettingGroup<{ schedule: string }>('parcels', {
  schedule: { type: 'durations', default: '5s,5m,30m', min: 1_000, max: 86_400_000, mostItems: 4 },
});
const KEY = 'core.integration.parcels.schedule';

const resolve = (stored: Record<string, unknown>, environment: Record<string, string> = {}) =>
  resolveGroup(GROUP, stored, { environment });

describe('a setting that is a list of durations', () => {
  it('is read in milliseconds, in every unit', () => {
    expect(durationsOf('250ms, 5s,5m,2h,1d')).toEqual([250, 5_000, 300_000, 7_200_000, 86_400_000]);
  });

  it('comes from the table, the environment, or the default, in this order', () => {
    expect(resolve({}).values).toEqual({ schedule: '5s,5m,30m' });
    const environment = { INTEGRATION_PARCELS_SCHEDULE: ' 1s, 2s ' };
    expect(resolve({}, environment)).toMatchObject({
      values: { schedule: '1s,2s' },
      sources: { schedule: 'environment' },
    });
    expect(resolve({ [KEY]: '3s' }, environment).values).toEqual({ schedule: '3s' });
  });

  it.each([
    '',
    '5',
    '5 s',
    '-5s',
    '1.5s',
    '5s,',
    '5s;6s',
    '999ms',
    '2d',
    '1s,1s,1s,1s,1s',
    '99999999999s',
    5_000,
    ['5s'],
    null,
  ])('refuses %j, and says what it has to be', (value) => {
    const reason =
      'must be a list of one to 4 durations, such as "5s,5m,2h", each from 1000 to 86400000 ms, not ';
    expect(checkValue(GROUP.definitionOf('schedule'), value)).toEqual({
      ok: false,
      reason: expect.stringContaining(reason),
    });
    expect(reasonAgainst('schedule', value, resolve({}), GROUP)).toContain(reason);
  });

  it('passes over a stored value that is wrong', () => {
    const { values, problems } = resolve({ [KEY]: '5 parsecs' });
    expect(values).toEqual({ schedule: '5s,5m,30m' });
    expect(problems).toEqual([
      expect.stringMatching(/^stored setting core.integration.parcels.schedule must/),
    ]);
  });
});
