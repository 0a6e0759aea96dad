import { problemsOfUnknownNames } from '../../words/known-names.js';
import { problemOfName, problemOfText } from '../../words/text.js';
import type { SourceOptions } from './source-definition.js';

/** The name is a part of a lease, of events and of deduplication keys. */
const LONGEST_NAME = 100;
const MOST_MESSAGES = 5_000;

/** The compiler reports an error here if an option is missing. */
const NAMES: { readonly [K in keyof Required<SourceOptions>]: true } = { name: true, batch: true, map: true };

/** What is wrong with the options of a source, one sentence each. `own` are the options of its kind. */
export function problemsOfSource(given: SourceOptions, own: readonly string[]): string[] {
  const { name, batch, map } = given;
  const problem =
    name === undefined ? 'is missing' : (problemOfText(name, LONGEST_NAME) ?? problemOfName(name));
  return [
    ...problemsOfUnknownNames(given, { known: [...Object.keys(NAMES), ...own] }),
    ...(problem === undefined ? [] : [`name ${problem}`]),
    ...(batch === undefined || (Number.isSafeInteger(batch) && batch >= 1 && batch <= MOST_MESSAGES)
      ? []
      : [`batch must be a whole number from 1 to ${MOST_MESSAGES}`]),
    ...(map === undefined || typeof map === 'function' ? [] : ['map must be a function']),
  ];
}
