import type { Duplex } from 'node:stream';
import type { ConnectionOptions as TlsOptions } from 'node:tls';
import { IntegrationError, messageOf } from '../../errors.js';
import { UnusableConnection } from '../wire/unusable-connection.js';
import { namesSeveralHosts, SEVERAL_HOSTS } from './connection-string.js';

/**
 * The connection of the engine to Postgres, in parts. It is meant for passwords that change while the
 * application runs (RDS IAM), and for connectors that open the connection themselves (Cloud SQL). It must be
 * a direct connection, as with `connectionString`.
 */
export interface EngineConnectionOptions {
  /** May be left out only if `stream` opens the connection. */
  host?: string | undefined;
  /** Default 5432. */
  port?: number | undefined;
  user: string;
  database: string;
  /** A function is called again for every new connection. */
  password?: string | (() => string | Promise<string>) | undefined;
  /** In the form of node-postgres: `true`, or options of `node:tls`. */
  ssl?: boolean | TlsOptions | undefined;
  /**
   * Opens the socket of one connection, in place of host and port. Connectors such as that of Google Cloud
   * SQL provide this function.
   */
  stream?: (() => Duplex) | undefined;
  /** Command-line options of the session, such as `-c search_path=app`. */
  options?: string | undefined;
}

type Kind = 'text' | 'port' | 'password' | 'ssl' | 'function';

const FIELDS: { readonly [K in keyof Required<EngineConnectionOptions>]: Kind } = {
  host: 'text',
  port: 'port',
  user: 'text',
  database: 'text',
  password: 'password',
  ssl: 'ssl',
  stream: 'function',
  options: 'text',
};

const RULES: Readonly<Record<Kind, readonly [holds: (value: unknown) => boolean, rule: string]>> = {
  text: [(value) => typeof value === 'string' && value.trim() !== '', 'must be a text that is not empty'],
  port: [
    (value) => Number.isInteger(value) && (value as number) > 0 && (value as number) < 65_536,
    'must be a whole number from 1 to 65535',
  ],
  password: [
    (value) => typeof value === 'string' || typeof value === 'function',
    'must be a text, or a function that gives one',
  ],
  ssl: [
    (value) => typeof value === 'boolean' || (typeof value === 'object' && value !== null),
    'must be true, false, or options of node:tls',
  ],
  function: [(value) => typeof value === 'function', 'must be a function that opens a socket'],
};

/** The problems of the given options. The texts contain none of the values. */
export function problemsOfConnection(value: unknown): string[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return [`connection must be an object: { ${Object.keys(FIELDS).join(', ')} }`];
  const given = value as Readonly<Record<string, unknown>>;
  const missing = [given.stream === undefined ? 'host' : [], 'user', 'database']
    .flat()
    .filter((name) => given[name] === undefined);
  return [
    ...missing.map((name) => `connection.${name} is missing`),
    ...Object.keys(given).flatMap((name) => problemOfField(name, given[name])),
  ];
}

function problemOfField(name: string, value: unknown): string[] {
  if (!Object.hasOwn(FIELDS, name))
    return [`connection.${name} is not an option; there are: ${Object.keys(FIELDS).join(', ')}`];
  if (value === undefined) return [];
  if (name === 'host' && typeof value === 'string' && namesSeveralHosts(value))
    return [`connection.host ${SEVERAL_HOSTS}`];
  const [holds, rule] = RULES[FIELDS[name as keyof EngineConnectionOptions]];
  return holds(value) ? [] : [`connection.${name} ${rule}`];
}

/** The options in the form of node-postgres, which calls a password function before it opens a connection. */
export function driverConfigOf({ password, ...given }: EngineConnectionOptions): Record<string, unknown> {
  const config: Record<string, unknown> =
    given.host === undefined ? { ...given, host: 'connection.stream' } : { ...given };
  if (password !== undefined) config.password = typeof password === 'string' ? password : () => ask(password);
  return config;
}

async function ask(password: () => string | Promise<string>): Promise<string> {
  let answer: unknown;
  try {
    answer = await password();
  } catch (cause) {
    // The error is one of a lost connection, because no connection can be opened now. The next connection
    // asks for the password again.
    throw new UnusableConnection(`connection error: connection.password failed: ${messageOf(cause)}`, {
      cause,
    });
  }
  if (typeof answer === 'string' && answer !== '') return answer;
  throw new IntegrationError(
    'INTEGRATION_OPTIONS_INVALID',
    `connection.password gave ${answer === '' ? 'an empty text' : `no text but ${typeof answer}`}: it must resolve to the password`,
  );
}
