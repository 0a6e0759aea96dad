import { problemOfCharacters } from '../../../words/text.js';

/** The longest name of a tenant. */
export const LONGEST_TENANT = 127;

/** Whether it is a tenant: a text, also an empty one for an application without tenants. */
export function isTenantId(value: unknown): value is string {
  return (
    typeof value === 'string' &&
    [...value].length <= LONGEST_TENANT &&
    problemOfCharacters(value) === undefined
  );
}
