import type { SqlClient } from '../clients/sql-client.js';
import type { EngineSession } from '../sql/engine-session.js';

/**
 * A right that a role needs on a table or sequence of the schema. docs/guide/operate/security.md has the
 * same rights as GRANT statements.
 */
export interface Right {
  readonly on: string;
  readonly privileges: readonly ('SELECT' | 'INSERT' | 'UPDATE' | 'DELETE')[];
}

/** A right that a role does not have. */
export interface MissingRight {
  readonly role: string;
  /** Null for the schema. */
  readonly name: string | null;
  readonly privilege: string;
}

/**
 * SQL that returns which of these rights the session's role lacks. An object that does not exist is not
 * reported, because other checks report migrations that have not run. A right on some columns counts, because
 * rights on columns are given on purpose. All values are returned as texts, so that every driver gives the
 * same.
 */
function missingSql(schema: string, rights: readonly Right[]): string {
  const wanted = rights.flatMap(({ on, privileges }) => privileges.map((each) => [on, each]));
  const values = wanted.map(([on, each], i) => `('${on}', '${each}', ${i + 1})`).join(', ');
  return `
    SELECT current_user::text AS role, NULL::text AS name, 'USAGE' AS privilege, 0 AS place FROM pg_catalog.pg_namespace n
    WHERE n.nspname = '${schema}' AND NOT pg_catalog.has_schema_privilege(n.oid, 'USAGE')
    UNION ALL
    SELECT current_user::text, w.name, w.privilege, w.place
    FROM (VALUES ${values}) AS w (name, privilege, place)
    JOIN pg_catalog.pg_class c ON c.relname = w.name JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace AND n.nspname = '${schema}'
    WHERE NOT CASE
      WHEN c.relkind = 'S' THEN pg_catalog.has_sequence_privilege(c.oid, w.privilege)
      WHEN w.privilege = 'DELETE' THEN pg_catalog.has_table_privilege(c.oid, w.privilege)
      ELSE pg_catalog.has_any_column_privilege(c.oid, w.privilege)
    END
    ORDER BY place`;
}

/** Asks the catalogue for the rights of a role. */
export class PrivilegesStore {
  constructor(private readonly schema: string) {}

  missingOfEngine(session: EngineSession, rights: readonly Right[]): Promise<MissingRight[]> {
    return session.query<MissingRight>(missingSql(this.schema, rights));
  }

  async missingOfClient(client: SqlClient, rights: readonly Right[]): Promise<MissingRight[]> {
    return client.$queryRawUnsafe<MissingRight[]>(missingSql(this.schema, rights));
  }
}
