import { IntegrationError } from '../../errors.js';

export const DEFAULT_SCHEMA = 'integration';

const IDENTIFIER = /^[a-z_][a-z0-9_]{0,47}$/;

/**
 * Checks the name of the Postgres schema that holds the tables. It may have lower-case letters, digits and
 * underscores, at most 48 characters (names of channels are made from it), and no `pg_` prefix. The name
 * becomes part of SQL text, so nothing else is accepted.
 */
export function validateSchemaName(name: string): string {
  if (IDENTIFIER.test(name) && !name.startsWith('pg_')) return name;
  throw new IntegrationError(
    'INTEGRATION_OPTIONS_INVALID',
    `schema ${JSON.stringify(name)} is not a valid name: use lower-case letters, digits and underscores, at most 48, not starting with a digit or pg_`,
    { schema: name },
  );
}
