import { escapePointer, type Field, field, wrong } from '../../rest/field.js';
import type { SettingValues } from '../../settings/settings-change.js';
import { problemOfText } from '../../words/text.js';

const MOST_VALUES = 200;
const LONGEST_KEY = 255;
const LONGEST_TEXT = 1_000;

/** Values by the keys of settings. Whether there are such settings is not known here. */
export function settingValues(about: string): Field<SettingValues> {
  const schema = {
    type: 'object',
    minProperties: 1,
    maxProperties: MOST_VALUES,
    additionalProperties: { type: ['boolean', 'number', 'string', 'null'] },
  };
  return field(about, schema, (given) => {
    if (typeof given !== 'object' || given === null || Array.isArray(given))
      return wrong('must be an object of values by their keys');
    const entries = Object.entries(given);
    if (entries.length === 0 || entries.length > MOST_VALUES)
      return wrong(`must have from 1 to ${MOST_VALUES} values`);
    const problems = entries.flatMap(([key, value]) => {
      const problem = problemOfText(key, LONGEST_KEY) ?? problemOfValue(value);
      return problem === undefined
        ? []
        : [{ pointer: key.length > LONGEST_KEY ? '' : `/${escapePointer(key)}`, message: problem }];
    });
    return problems.length > 0 ? { problems } : { value: given as SettingValues };
  });
}

function problemOfValue(value: unknown): string | undefined {
  if (typeof value === 'string') return problemOfText(value, LONGEST_TEXT);
  return typeof value === 'boolean' || typeof value === 'number' || value === null
    ? undefined
    : 'must be true, false, a number, a text or null';
}
