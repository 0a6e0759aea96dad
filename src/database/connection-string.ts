import { IntegrationError } from '../errors.js';

/**
 * What node-postgres reads from the query part of a URL and the engine does not decide itself. Everything else is
 * dropped: Prisma's own parameters (`schema`, `connection_limit`, `pgbouncer` …) mean nothing here, and node-postgres would
 * let any name in the URL override the engine's configuration of the same name.
 */
const KEPT_PARAMETERS = new Set([
  'host',
  'port',
  'user',
  'password',
  'dbname',
  'ssl',
  'sslmode',
  'sslcert',
  'sslkey',
  'sslrootcert',
  'sslnegotiation',
  'uselibpqcompat',
  'options',
  'client_encoding',
]);

/**
 * Checks a Postgres URL (`postgres://` or `postgresql://`) and returns it without the parameters that are meant for others.
 * Throws INTEGRATION_OPTIONS_INVALID with the reason; neither the message nor the details hold any part of the URL that
 * could be a credential.
 */
export function validateConnectionString(connectionString: string): string {
  const text = connectionString.trim();
  if (text === '') throw invalid('is empty');
  if (/^(["']).*\1$/s.test(text)) throw invalid('stands in quotes: remove them where the variable is set');
  if (/^prisma(\+postgres)?:/i.test(text)) throw invalid(PRISMA_PROTOCOL);
  const url = parse(text);
  const unknown = [...url.searchParams.keys()].filter((name) => !KEPT_PARAMETERS.has(name));
  if (unknown.length === 0) return text;
  for (const name of unknown) url.searchParams.delete(name);
  return url.toString();
}

const PRISMA_PROTOCOL =
  'is a prisma:// or prisma+postgres:// URL, which names a proxy that speaks Prisma only. The engine talks to Postgres itself: ' +
  'give the direct postgres:// URL of the same database as connectionString. The host’s client may go on using the proxy';

function parse(text: string): URL {
  if (!URL.canParse(text)) {
    throw invalid(
      'cannot be read as a URL: special characters in user and password must be percent-encoded (# is %23)',
    );
  }
  const url = new URL(text);
  if (url.protocol !== 'postgres:' && url.protocol !== 'postgresql:') {
    throw invalid('must start with postgres:// or postgresql://');
  }
  try {
    for (const part of [url.username, url.password, url.pathname]) decodeURIComponent(part);
  } catch {
    throw invalid('has a % that is no percent-encoding: write it as %25');
  }
  return url;
}

function invalid(reason: string): IntegrationError {
  return new IntegrationError('INTEGRATION_OPTIONS_INVALID', `connectionString (or DATABASE_URL) ${reason}.`);
}
