interface Pooler {
  readonly sign: RegExp;
  readonly name: string;
  readonly direct: string;
}

const POOLERS: readonly Pooler[] = [
  {
    sign: /^[^/?]*-pooler\./i,
    name: 'a host with "-pooler" is the pooler of Neon',
    direct: 'the same host without "-pooler"',
  },
  {
    sign: /\.pooler\.supabase\.com\b/i,
    name: 'pooler.supabase.com is the pooler of Supabase',
    direct: 'the host db.<project>.supabase.co, or the pooler in session mode (port 5432)',
  },
  {
    sign: /[?&]pgbouncer=(true|1)\b/i,
    name: 'pgbouncer=true says that it is PgBouncer',
    direct: 'the host and port of Postgres itself',
  },
];

/**
 * The hint for a URL that looks like that of a pooler. Undefined for any other URL. It is a hint and not an
 * error, because a name proves nothing. Only the answer of a server shows that it is a pooler.
 */
export function poolerHint(connectionString: string): string | undefined {
  const [, rest = ''] = connectionString.split('://', 2);
  // The user and the password are cut off: they may hold anything, and nobody may see them.
  const address = rest.slice(rest.lastIndexOf('@') + 1);
  const pooler = POOLERS.find(({ sign }) => sign.test(address));
  if (pooler === undefined) return undefined;
  return `connectionString (or DATABASE_URL) looks like the URL of a pooler: ${pooler.name}. The engine listens and keeps session settings, so it needs a direct connection: ${pooler.direct}. Your own client may go on using the pooler.`;
}
