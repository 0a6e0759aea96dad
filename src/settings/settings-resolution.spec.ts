import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { NumberSetting, SettingDefinition } from './setting-group.js';
import { checkValue } from './setting-value.js';
import {
  OUTBOX_SETTINGS,
  type OutboxSettings,
  SETTING_DEFINITIONS,
  SETTING_KEYS,
  SETTING_PREFIX,
  type SettingKey,
} from './settings-definitions.js';
import {
  listSettingProblems,
  reasonAgainst,
  resolveSettings,
  type SettingSource,
  type SettingSources,
} from './settings-resolution.js';

type Place = Exclude<SettingSource, 'default'>;
type Given = Partial<Record<Place, unknown>>;

const PLACES: readonly Place[] = ['database', 'environment', 'config', 'options'];
const NUMBER_KEYS = SETTING_KEYS.filter((key) => SETTING_DEFINITIONS[key].type !== 'boolean');
/** Keys without a bound that is another key, so that each is resolved independently. */
const FREE_KEYS = SETTING_KEYS.filter(
  (key) =>
    !['pollingIntervalMs', 'idlePollingIntervalMs', 'retryBaseDelayMs', 'retryMaxDelayMs'].includes(key),
);

const numbersOf = ({ min, max }: NumberSetting) => fc.integer({ min, max });
const valuesOf = (key: SettingKey): fc.Arbitrary<boolean | number> => {
  const definition: SettingDefinition = SETTING_DEFINITIONS[key];
  return definition.type === 'boolean' ? fc.boolean() : numbersOf(definition);
};
const anyKeyAndGiven = (keys: readonly SettingKey[], values: (key: SettingKey) => fc.Arbitrary<unknown>) =>
  fc.constantFrom(...keys).chain((key) => {
    const value = fc.option(values(key), { nil: undefined });
    return fc.record({
      key: fc.constant(key),
      given: fc.record({ database: value, environment: value, config: value, options: value }),
    });
  });

function sourcesOf(given: Partial<Record<SettingKey, Given>>): [Record<string, unknown>, SettingSources] {
  const stored: Record<string, unknown> = {};
  const environment: Record<string, string> = {};
  const configured = new Map<string, unknown>();
  const options: Record<string, unknown> = {};
  for (const [key, { database, environment: variable, config, options: option }] of Object.entries(given)) {
    if (database !== undefined) stored[SETTING_PREFIX + key] = database;
    if (variable !== undefined) environment[OUTBOX_SETTINGS.environmentNameOf(key)] = String(variable);
    configured.set(`integration.outbox.${key}`, config);
    if (option !== undefined) options[key] = option;
  }
  const config = { get: (path: string) => configured.get(path) };
  return [stored, { environment, config, options: options as Partial<OutboxSettings> }];
}

describe('the resolution of settings', () => {
  it('takes the value of the strongest source that has one', () => {
    fc.assert(
      fc.property(anyKeyAndGiven(FREE_KEYS, valuesOf), ({ key, given }) => {
        const resolved = resolveSettings(...sourcesOf({ [key]: given }));
        const strongest = PLACES.find((place) => given[place] !== undefined);
        expect(resolved.sources[key]).toBe(strongest ?? 'default');
        expect(resolved.values[key]).toBe(strongest ? given[strongest] : SETTING_DEFINITIONS[key].default);
        expect(resolved.problems).toEqual([]);
      }),
    );
  });

  it('passes over what is wrong, with one problem for each, and takes the next source', () => {
    const wrong = fc.constantFrom<unknown>('nonsense', -1, 1e12, 1.5, '1e3', { a: 1 });
    fc.assert(
      fc.property(
        anyKeyAndGiven(FREE_KEYS, (key) => fc.oneof(valuesOf(key), wrong)),
        ({ key, given }) => {
          const resolved = resolveSettings(...sourcesOf({ [key]: given }));
          const present = PLACES.filter((place) => given[place] !== undefined);
          const right = present.findIndex((place) => checkValue(SETTING_DEFINITIONS[key], given[place]).ok);
          const passedOver = right < 0 ? present : present.slice(0, right);
          expect(resolved.sources[key]).toBe(present[right] ?? 'default');
          expect(resolved.problems).toHaveLength(passedOver.length);
        },
      ),
    );
  });

  it('always yields values within their bounds, whatever the sources say', () => {
    const anything = (key: SettingKey) => fc.oneof(valuesOf(key), fc.jsonValue());
    const given = fc.record(
      Object.fromEntries(
        SETTING_KEYS.map((key) => [
          key,
          fc.record(
            {
              database: anything(key),
              environment: fc.oneof(valuesOf(key), fc.string()),
              config: anything(key),
              options: anything(key),
            },
            { requiredKeys: [] },
          ),
        ]),
      ),
    );
    fc.assert(
      fc.property(given, (everything) => {
        const { values } = resolveSettings(...sourcesOf(everything as Partial<Record<SettingKey, Given>>));
        for (const key of SETTING_KEYS)
          expect(checkValue(SETTING_DEFINITIONS[key], values[key])).toMatchObject({ ok: true });
        expect(values.idlePollingIntervalMs).toBeGreaterThanOrEqual(values.pollingIntervalMs);
        expect(values.retryMaxDelayMs).toBeGreaterThanOrEqual(values.retryBaseDelayMs);
      }),
    );
  });

  it('never takes back what may be set: an allowed value is in force once it is stored', () => {
    const stored = fc.record(
      Object.fromEntries(NUMBER_KEYS.map((key) => [SETTING_PREFIX + key, valuesOf(key)])),
      { requiredKeys: [] },
    );
    const change = fc.constantFrom(...NUMBER_KEYS).chain((key) => fc.tuple(fc.constant(key), valuesOf(key)));
    fc.assert(
      fc.property(stored, change, (rows, [key, value]) => {
        const before = resolveSettings(rows, { environment: {} });
        fc.pre(before.problems.length === 0 && reasonAgainst(key, value, before) === undefined);
        const after = resolveSettings({ ...rows, [SETTING_PREFIX + key]: value }, { environment: {} });
        expect(after.values[key]).toBe(value);
        expect(after.problems).toEqual([]);
      }),
    );
  });
});

describe('the sources', () => {
  it('reads numbers and switches from the environment as they are commonly written', () => {
    const read = (environment: Record<string, string>) => resolveSettings({}, { environment }).values;
    expect(read({ INTEGRATION_OUTBOX_POLLING_INTERVAL_MS: ' 250 ' }).pollingIntervalMs).toBe(250);
    for (const off of ['false', 'FALSE', '0', 'off', 'no']) {
      expect(read({ INTEGRATION_OUTBOX_PROCESSOR_ENABLED: off })['processor.enabled']).toBe(false);
    }
    expect(read({ INTEGRATION_OUTBOX_BATCH_SIZE: '' }).batchSize).toBe(500);
  });

  it('finds the environment names through a ConfigService that knows more than the process', () => {
    const config = { get: (path: string) => (path === 'INTEGRATION_OUTBOX_BATCH_SIZE' ? '7' : undefined) };
    const resolved = resolveSettings({}, { environment: {}, config });
    expect([resolved.values.batchSize, resolved.sources.batchSize]).toEqual([7, 'environment']);
  });

  it('says which stored keys and which environment names it does not know', () => {
    const { problems } = resolveSettings(
      { batchSize: 7, 'core.integration.outbox.batchsize': 7 },
      { environment: { INTEGRATION_OUTBOX_BATCHSIZE: '7' } },
    );
    expect(problems).toEqual([
      'stored setting batchSize is not known (the key is core.integration.outbox.batchSize): it is ignored',
      'stored setting core.integration.outbox.batchsize is not known (did you mean core.integration.outbox.batchSize?): it is ignored',
      'environment variable INTEGRATION_OUTBOX_BATCHSIZE is not a setting (did you mean INTEGRATION_OUTBOX_BATCH_SIZE?): it is ignored',
    ]);
  });

  it('reads nothing but numbers from a stored number: text is not converted', () => {
    const { values, problems } = resolveSettings(
      { 'core.integration.outbox.batchSize': '7' },
      { environment: {} },
    );
    expect(values.batchSize).toBe(500);
    expect(problems).toEqual([
      'stored setting core.integration.outbox.batchSize must be a whole number from 1 to 5000, not "7": it is ignored',
    ]);
  });
});

describe('bounds across settings', () => {
  it('lets a default give way: a long polling interval alone raises the idle one', () => {
    const { values, sources, problems } = resolveSettings(
      {},
      { environment: {}, options: { pollingIntervalMs: 60_000 } },
    );
    expect([values.idlePollingIntervalMs, sources.idlePollingIntervalMs, problems]).toEqual([
      60_000,
      'default',
      [],
    ]);
  });

  it('passes over a value below its bound', () => {
    const { values, problems } = resolveSettings(
      { 'core.integration.outbox.retryMaxDelayMs': 500 },
      { environment: {}, options: { retryBaseDelayMs: 2_000, retryMaxDelayMs: 9_000 } },
    );
    expect(values.retryMaxDelayMs).toBe(9_000);
    expect(problems).toEqual([
      'stored setting core.integration.outbox.retryMaxDelayMs must not be below retryBaseDelayMs (2000), not 500: it is ignored',
    ]);
  });

  it('refuses a change that would push another setting, given by somebody, below its bound', () => {
    const current = resolveSettings({}, { environment: {}, options: { idlePollingIntervalMs: 10_000 } });
    expect(reasonAgainst('pollingIntervalMs', 10_001, current)).toBe(
      'must not be above idlePollingIntervalMs (10000), not 10001',
    );
    expect(reasonAgainst('pollingIntervalMs', 10_000, current)).toBeUndefined();
    expect(reasonAgainst('idlePollingIntervalMs', 4_999, current)).toBe(
      'must not be below pollingIntervalMs (5000), not 4999',
    );
  });
});

describe('the check of module options', () => {
  it('lists every problem', () => {
    expect(
      listSettingProblems({
        batchSize: 0,
        maxAttempt: 5,
        pollingIntervalMs: 9_000,
        idlePollingIntervalMs: 8_000,
      }),
    ).toEqual([
      `settings.maxAttempt is not a setting; there are: ${SETTING_KEYS.join(', ')} (did you mean maxAttempts?)`,
      'settings.batchSize must be a whole number from 1 to 5000, not 0',
      'settings.idlePollingIntervalMs must not be below pollingIntervalMs (9000), not 8000',
    ]);
  });

  it('finds nothing wrong with the defaults', () => {
    const defaults = SETTING_KEYS.map((key) => [key, SETTING_DEFINITIONS[key].default] as const);
    expect(listSettingProblems(Object.fromEntries(defaults))).toEqual([]);
  });
});
