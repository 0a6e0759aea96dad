import { sqlIdentifier } from '../sql/pasteable-text.js';
import type { MissingRight } from './privileges.store.js';

/** Says which rights a role lacks, and the statements that grant them. Undefined if it lacks none. */
export function wordsOfMissing(
  schemaName: string,
  whose: string,
  missing: readonly MissingRight[],
): string | undefined {
  const [first] = missing;
  if (first === undefined) return undefined;
  const grants = grantsOf(schemaName, missing, sqlIdentifier(first.role));
  const what = [...new Set(missing.map(({ name }) => name ?? `schema ${schemaName}`))].join(', ');
  return `The role ${first.role} of ${whose} lacks rights on ${what}. Run as the owner of the tables: ${grants.join('; ')}. docs/guide/operate/security.md lists what each role needs`;
}

/** The details of an error about these rights. */
export function detailsOfMissing(schemaName: string, missing: readonly MissingRight[]) {
  return {
    role: missing[0]?.role,
    missing: missing.map(({ name, privilege }) => ({ on: name ?? schemaName, privilege })),
  };
}

/** Makes one GRANT statement for each object, with all rights that are missing on it. */
function grantsOf(schemaName: string, missing: readonly MissingRight[], role: string): string[] {
  const schema = sqlIdentifier(schemaName);
  const privileges = new Map<string, string[]>();
  for (const { name, privilege } of missing) {
    const on =
      name === null
        ? `SCHEMA ${schema}`
        : `${name.endsWith('_seq') ? 'SEQUENCE ' : ''}${schema}.${sqlIdentifier(name)}`;
    privileges.set(on, [...(privileges.get(on) ?? []), privilege]);
  }
  return [...privileges].map(([on, all]) => `GRANT ${[...new Set(all)].join(', ')} ON ${on} TO ${role}`);
}
