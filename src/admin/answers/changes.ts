import { CHANGE_KINDS } from '../../history/noted-change.js';
import { FLAG, list, named, object, oneOf, orNull, TEXT, TIME } from '../../rest/schema.js';

/** The type of the service says what each field means. */
export const NotedChange = object({ at: TIME, kind: oneOf(CHANGE_KINDS), says: TEXT, target: orNull(TEXT) });

export const ChangeHistory = named(
  'ChangeHistory',
  object({ from: TIME, to: TIME, changes: list(NotedChange), more: FLAG }),
);
