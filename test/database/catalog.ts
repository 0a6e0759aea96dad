import type pg from 'pg';

/**
 * What the catalog of Postgres says of one schema, and the rows that the migrations have put into its tables, as a
 * text that people can read and compare: one line for each fact, in the order of the names. The table in which the
 * runner notes migrations is left out, because its rows differ by design. Names of the schema are written as
 * `integration`.
 */
export async function catalogOf(pool: Pick<pg.Pool, 'query'>, schema = 'integration'): Promise<string> {
  const parts: string[] = [];
  for (const [title, sql] of Object.entries(FACTS)) {
    const { rows } = await pool.query<{ fact: string }>(sql, [schema]);
    parts.push([`# ${title}`, ...rows.map(({ fact }) => fact)].join('\n'));
  }
  parts.push(['# seed rows', ...(await seedRows(pool, schema))].join('\n'));
  return `${parts.join('\n\n').replaceAll(/[ \t]+$/gm, '')}\n`.replaceAll(`${schema}.`, 'integration.');
}

const OF_SCHEMA = `c.relnamespace = $1::regnamespace AND c.relname NOT LIKE 'integration\\_migration%'`;

/** Who was granted what. Nothing stands for what Postgres gives by itself. */
const grants = (acl: string): string =>
  `coalesce(' granted ' || (SELECT string_agg(coalesce(nullif(a.grantee, 0)::regrole::text, 'PUBLIC') || ' ' || a.privilege_type
     || CASE WHEN a.is_grantable THEN ' with grant option' ELSE '' END, ', ' ORDER BY a.grantee::regrole::text, a.privilege_type)
     FROM aclexplode(${acl}) a), '')`;

/** A word that is said only where the condition holds. */
const where = (condition: string, words: string): string =>
  `CASE WHEN ${condition} THEN ' ${words}' ELSE '' END`;

const FACTS: Readonly<Record<string, string>> = {
  schema: `
    SELECT nspname || ${grants('nspacl')} AS fact FROM pg_namespace WHERE oid = $1::regnamespace`,
  'tables and views': `
    SELECT CASE c.relkind WHEN 'r' THEN 'table ' WHEN 'v' THEN 'view ' ELSE c.relkind::text || ' ' END || c.relname
      || ${where(`c.relpersistence <> 'p'`, 'not permanent')}
      || coalesce(' inherits ' || (SELECT string_agg(inhparent::regclass::text, ', ' ORDER BY inhseqno) FROM pg_inherits WHERE inhrelid = c.oid), '')
      || coalesce(' with ' || array_to_string(c.reloptions, ', '), '')
      || coalesce(' toast with ' || array_to_string(t.reloptions, ', '), '')
      || ${where('c.relrowsecurity', 'row security')} || ${where('c.relforcerowsecurity', 'forced row security')}
      || ${where(`c.relkind = 'r' AND c.relreplident <> 'd'`, `another replica identity`)}
      || ${where('c.reltablespace <> 0', 'in another tablespace')}
      || coalesce(' by ' || nullif(m.amname, 'heap'), '')
      || ${grants('c.relacl')} || coalesce(': ' || obj_description(c.oid, 'pg_class'), '') AS fact
    FROM pg_class c LEFT JOIN pg_class t ON t.oid = c.reltoastrelid LEFT JOIN pg_am m ON m.oid = c.relam
    WHERE ${OF_SCHEMA} AND c.relkind NOT IN ('i', 'I', 'S', 'c', 't') ORDER BY c.relname COLLATE "C"`,
  'columns, in their order': `
    SELECT c.relname || '.' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod)
      || ${where('a.attnotnull', 'not null')}
      || coalesce(CASE WHEN a.attgenerated <> '' THEN ' generated ' ELSE ' default ' END || pg_get_expr(d.adbin, d.adrelid), '')
      || CASE a.attidentity WHEN 'a' THEN ' identity always' WHEN 'd' THEN ' identity by default' ELSE '' END
      || ${where('a.attstorage <> t.typstorage', `another storage`)}
      || ${where(`a.attcompression <> ''`, 'another compression')}
      || ${where('a.attcollation <> t.typcollation', `another collation`)}
      || coalesce(' statistics ' || nullif(a.attstattarget, -1)::text, '')
      || coalesce(' with ' || array_to_string(a.attoptions, ', '), '')
      || ${where('a.attinhcount > 0', 'inherited')} || ${where('a.attinhcount > 0 AND a.attislocal', 'and its own')}
      || ${grants('a.attacl')} || coalesce(': ' || col_description(c.oid, a.attnum), '') AS fact
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid JOIN pg_type t ON t.oid = a.atttypid
      LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
    WHERE ${OF_SCHEMA} AND c.relkind IN ('r', 'v', 'p', 'm', 'f') AND a.attnum > 0 AND NOT a.attisdropped
    ORDER BY c.relname COLLATE "C", a.attnum`,
  constraints: `
    SELECT c.relname || '.' || k.conname || ' ' || pg_get_constraintdef(k.oid)
      || ${where('NOT k.convalidated', 'not validated')} || ${where("k.connoinherit AND k.contype = 'c'", 'not inherited')} AS fact
    FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
    WHERE ${OF_SCHEMA} AND k.contype <> 'n' ORDER BY c.relname COLLATE "C", k.conname COLLATE "C"`,
  indexes: `
    SELECT pg_get_indexdef(i.indexrelid) || ${where('NOT i.indisvalid', 'not valid')} || ${where('i.indisclustered', 'clustered')}
      || ${where('i.indisreplident', 'replica identity')} AS fact
    FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_class x ON x.oid = i.indexrelid
    WHERE ${OF_SCHEMA} ORDER BY c.relname COLLATE "C", x.relname COLLATE "C"`,
  sequences: `
    SELECT c.relname || ' ' || format_type(s.seqtypid, NULL) || ' from ' || s.seqstart || ' by ' || s.seqincrement || ' between '
      || s.seqmin || ' and ' || s.seqmax || ' cache ' || s.seqcache || ${where('s.seqcycle', 'cycle')}
      || coalesce(' of ' || (SELECT d.refobjid::regclass || '.' || a.attname FROM pg_depend d JOIN pg_attribute a
           ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid WHERE d.objid = c.oid AND d.deptype IN ('a', 'i')), '')
      || ${grants('c.relacl')} AS fact
    FROM pg_sequence s JOIN pg_class c ON c.oid = s.seqrelid WHERE ${OF_SCHEMA} ORDER BY c.relname COLLATE "C"`,
  triggers: `
    SELECT pg_get_triggerdef(t.oid) || ${where(`t.tgenabled <> 'O'`, `not as usual enabled`)} AS fact
    FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
    WHERE ${OF_SCHEMA} AND NOT t.tgisinternal ORDER BY c.relname COLLATE "C", t.tgname COLLATE "C"`,
  'rules and policies': `
    SELECT pg_get_ruledef(r.oid) AS fact FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class
      WHERE ${OF_SCHEMA} AND r.rulename <> '_RETURN'
    UNION ALL
    SELECT c.relname || '.' || p.polname || ' ' || p.polcmd::text || coalesce(' ' || pg_get_expr(p.polqual, c.oid), '')
      FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid WHERE ${OF_SCHEMA} ORDER BY 1`,
  views: `
    SELECT c.relname || E':\\n' || pg_get_viewdef(c.oid) AS fact FROM pg_class c
    WHERE ${OF_SCHEMA} AND c.relkind IN ('v', 'm') ORDER BY c.relname COLLATE "C"`,
  'functions and procedures': `
    SELECT pg_get_functiondef(p.oid) || ${grants('p.proacl')} AS fact FROM pg_proc p
    WHERE p.pronamespace = $1::regnamespace AND p.prokind IN ('f', 'p') ORDER BY p.proname COLLATE "C", p.oid::regprocedure::text`,
  'other types, statistics, aggregates and operators': `
    SELECT 'type ' || t.typname AS fact FROM pg_type t LEFT JOIN pg_class c ON c.oid = t.typrelid
      WHERE t.typnamespace = $1::regnamespace AND t.typelem = 0 AND coalesce(c.relkind, 'c') = 'c'
    UNION ALL SELECT 'statistics ' || stxname::text FROM pg_statistic_ext WHERE stxnamespace = $1::regnamespace
    UNION ALL SELECT 'aggregate ' || oid::regprocedure FROM pg_proc WHERE pronamespace = $1::regnamespace AND prokind NOT IN ('f', 'p')
    UNION ALL SELECT 'operator ' || oid::regoperator FROM pg_operator WHERE oprnamespace = $1::regnamespace ORDER BY 1`,
};

async function seedRows(pool: Pick<pg.Pool, 'query'>, schema: string): Promise<string[]> {
  const { rows: tables } = await pool.query<{ name: string; table: string }>(
    `SELECT c.relname AS name, c.oid::regclass::text AS table FROM pg_class c
     WHERE ${OF_SCHEMA} AND c.relkind = 'r' ORDER BY c.relname COLLATE "C"`,
    [schema],
  );
  const facts: string[] = [];
  for (const { name, table } of tables) {
    const { rows } = await pool.query<{ row: string }>(
      `SELECT to_jsonb(t)::text AS row FROM ONLY ${table} t ORDER BY 1`,
    );
    facts.push(...rows.map(({ row }) => `${name} ${row}`));
  }
  return facts;
}
