import * as pg from 'pg';
import { IntegrationError, messageOf } from '../../errors.js';

/**
 * The parameters of a URL that node-postgres reads and that the engine does not decide itself. All others are
 * dropped. The parameters of Prisma (`schema`, `connection_limit`, `pgbouncer` …) mean nothing here. And
 * node-postgres would let any parameter of the URL override the setting of the engine with the same name.
 */
const KEPT_PARAMETERS = new Set([
  'host',
  'port',
  'user',
  'password',
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
 * Checks a Postgres URL (`postgres://` or `postgresql://`) and returns it without the parameters that are
 * meant for others. Throws INTEGRATION_OPTIONS_INVALID with the reason. Neither the message nor the details
 * contain any part of the URL that could be a credential.
 */
export function validateConnectionString(connectionString: string): string {
  const text = connectionString.trim();
  if (text === '') throw invalid('is empty');
  if (/^(["']).*\1$/s.test(text)) throw invalid('stands in quotes: remove them where the variable is set');
  if (/^prisma(\+postgres)?:/i.test(text)) throw invalid(PRISMA_PROTOCOL);
  if (!/^postgres(ql)?:\/\//i.test(text)) throw invalid('must start with postgres:// or postgresql://');
  if (text.includes('#')) throw invalid(`has a #, which ends a URL. ${ENCODE}`);
  // A / or ? in the password ends the host for the parser. The parser would take the rest for the name of the
  // database, and messages would show it.
  if (/^[^/]*\/\/[^/?]*(\/[^?]*@|(\/[^?]*)?\?[^=]*@)/.test(text))
    throw invalid(`has an @ behind the host. ${ENCODE}`);
  if (hasSeveralHosts(text)) throw invalid(SEVERAL_HOSTS);
  const usable = withoutForeignParameters(text);
  let client: pg.Client;
  try {
    client = new pg.Client({ connectionString: usable });
  } catch (cause) {
    throw invalid(`cannot be read (${messageOf(cause)}). ${ENCODE}`);
  }
  // A host that the URL leaves out comes from PGHOST.
  if (namesSeveralHosts(client.host)) throw invalid(SEVERAL_HOSTS);
  return usable;
}

/** libpq tries one host after the other, and node-postgres takes them for one name. */
export const SEVERAL_HOSTS =
  'names several hosts, which libpq knows and node-postgres does not. Name one host: the primary, or a name that ' +
  'always leads to it, such as the DNS name of the cluster or a proxy in front of it';

/** A path of a socket may have a comma in it. */
export function namesSeveralHosts(host: string): boolean {
  return host.includes(',') && (!host.startsWith('/') || host.includes(',/'));
}

/** The URL parser does not accept some URLs with several hosts, so the text is asked. */
function hasSeveralHosts(text: string): boolean {
  const [address = '', query = ''] = text.split(/\?(.*)/s);
  const [, authority = ''] = /^[^/]*\/\/([^/]*)/.exec(address) ?? [];
  const parameters = new URLSearchParams(query);
  return (
    authority.slice(authority.lastIndexOf('@') + 1).includes(',') ||
    parameters.getAll('host').some(namesSeveralHosts) ||
    parameters.getAll('port').some((port) => port.includes(','))
  );
}

const PRISMA_PROTOCOL =
  'is a prisma:// or prisma+postgres:// URL, which names a proxy that speaks Prisma only. The engine talks to Postgres itself: ' +
  "give the direct postgres:// URL of the same database as connectionString; the host's client may go on using the proxy";
const ENCODE =
  'Special characters in user and password must be percent-encoded: # is %23, ? is %3F, / is %2F, % is %25';

/**
 * This works on the text, because the URL parser does not accept a URL with a socket folder
 * (`postgres://me@/db?host=/run`).
 */
function withoutForeignParameters(text: string): string {
  const [address = '', query = ''] = text.split(/\?(.*)/s);
  const parameters = new URLSearchParams(query);
  for (const name of [...parameters.keys()]) {
    if (!KEPT_PARAMETERS.has(name)) parameters.delete(name);
  }
  return parameters.size === 0 ? address : `${address}?${parameters}`;
}

function invalid(reason: string): IntegrationError {
  return new IntegrationError('INTEGRATION_OPTIONS_INVALID', `connectionString (or DATABASE_URL) ${reason}`);
}
