import type { TestDatabase } from './test-database.js';

/** What stands in each table of the schema: the number of rows, and a sum over them. */
export async function tableContents({ pool }: TestDatabase): Promise<Readonly<Record<string, string>>> {
  const { rows } = await pool.query<{ name: string }>(
    `SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) AS name FROM pg_tables WHERE schemaname = 'integration' ORDER BY 1`,
  );
  const contents: Record<string, string> = {};
  for (const { name } of rows) {
    const { rows: sums } = await pool.query<{ sum: string }>(
      `SELECT count(*) || ' ' || coalesce(md5(string_agg(t::text, '|' ORDER BY t::text)), '') AS sum FROM ${name} t`,
    );
    contents[name] = sums[0]?.sum ?? '';
  }
  return contents;
}
