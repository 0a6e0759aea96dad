import type { InjectionToken, ModuleMetadata } from '@nestjs/common';
import { type AdapterFactory, type HostAdapter, isHostAdapter } from '../database/clients/host-adapter.js';
import { isSqlClient, type TransactionalSqlClient } from '../database/clients/sql-client.js';
import {
  type EngineConnectionOptions,
  problemsOfConnection,
} from '../database/connection/connection-options.js';
import { validateConnectionString } from '../database/connection/connection-string.js';
import { poolerHint } from '../database/connection/pooler-hint.js';
import { DEFAULT_SCHEMA, validateSchemaName } from '../database/sql/schema-name.js';
import { LONGEST_TIMER_MS } from '../database/wire/answer-within.js';
import type { HandlerLinesOption } from '../delivery/partition/attempt-lines.js';
import { IntegrationError } from '../errors.js';
import { DEFAULT_MAX_PAYLOAD_BYTES } from '../events/event-limits.js';
import type { OutboxSettings } from '../settings/settings-definitions.js';
import { type ConfigurationReader, listSettingProblems } from '../settings/settings-resolution.js';
import type { TelemetryOptions } from '../telemetry/telemetry-options.js';
import { DEFAULT_ENGINE, variablePrefixOf } from '../words/engine-name.js';
import { problemsOfUnknownNames } from '../words/known-names.js';
import { type IntegrationExtension, problemsOfExtensions } from './extension.js';
import type { MadeOptions, OptionsMaker } from './made-options.js';
import {
  isObject,
  isToken,
  problemsOfChoice,
  problemsOfCount,
  problemsOfHandlerLines,
  problemsOfPool,
  problemsOfTelemetry,
  problemsOfThrowing,
  problemsUnless,
  textOf,
} from './option-checks.js';
import type { ResolvedOptions } from './resolved-options.js';

export type { ResolvedOptions };

/** All options except `imports`. */
export interface IntegrationOptions {
  /**
   * The token of the host's client (its PrismaService). The engine's own connections are used if neither
   * `clientToken` nor `client` is given.
   */
  clientToken?: InjectionToken | undefined;
  /** The host's client itself, or the adapter of its library: `fromKysely(db)`. */
  client?: TransactionalSqlClient | HostAdapter<object> | undefined;
  /**
   * Beside `clientToken`, where that names what another library than Prisma has: `fromTypeOrm` for a
   * DataSource, and so on.
   */
  adapter?: AdapterFactory | undefined;
  /**
   * The transaction that surrounds the calling code, where a library of the application keeps one: see
   * `clsAmbient` and `typeOrmAmbient`. Publishing without `persistenceClient` while it gives one is then
   * INTEGRATION_TRANSACTION_FORGOTTEN. Without this option nothing of the kind is read.
   */
  ambient?: (() => object | undefined) | undefined;
  /** `join`: such a publish takes part in the ambient transaction. Default `refuse`. */
  ambientPublishing?: 'refuse' | 'join' | undefined;
  /**
   * The URL of the engine's own connections to Postgres. It must lead there directly. The default is
   * `DATABASE_URL` of ConfigService, then of the environment. With a name it is `<NAME>_DATABASE_URL`.
   */
  connectionString?: string | undefined;
  /**
   * The parts of the connection, instead of `connectionString`. Use it for a password that changes while the
   * application runs, and for connectors.
   */
  connection?: EngineConnectionOptions | undefined;
  /** `max` is the number of the engine's connections, 4 by default. */
  pool?: { max?: number | undefined } | undefined;
  /**
   * The Postgres schema of the tables, `integration` by default. Its name has lower-case letters, digits and
   * underscores.
   */
  schema?: string | undefined;
  /**
   * What the boot does with the schema. `verify`, the default, checks it and fails with the command to run.
   * `run` migrates it. `off` does neither.
   */
  migrations?: 'verify' | 'run' | 'off' | undefined;
  /** A `publisher` runs no consumers and listens to no notifications. The default is `all`. */
  role?: 'all' | 'publisher' | 'worker' | undefined;
  /** Defaults of this application. The environment, the configuration and stored values win over them. */
  settings?: Partial<OutboxSettings> | undefined;
  /** How many handlers run at the same time in this process at most. The default is 100. */
  maxConcurrency?: number | undefined;
  /**
   * How many transactional handlers run at the same time in this process at most, over all consumers. Each of
   * them holds a connection of the client's pool. The default leaves room in the pool.
   */
  transactionalConcurrency?: number | undefined;
  /** How many milliseconds a shutdown waits for running handlers. The default is 10000. */
  shutdownTimeoutMs?: number | undefined;
  /**
   * What happens when a handler blocks the event loop for longer than the lease. The default is `report`,
   * which logs it.
   */
  watchdog?: 'report' | 'exit' | 'off' | undefined;
  /** The largest payload in bytes of JSON text in UTF-8. The default is 1048576. */
  maxPayloadBytes?: number | undefined;
  /**
   * Keeps the last 50 lines of `context.logger` with each attempt that fails. `redact` sees each of them
   * before it is stored: `{ redact: (text) => text.replaceAll(CARD, '[card]') }`. Nothing is kept by
   * default.
   */
  handlerLines?: HandlerLinesOption | undefined;
  /** What is reported to OpenTelemetry: `{ spans: true, metrics: true }`. Nothing by default. */
  telemetry?: TelemetryOptions | undefined;
  /** Parts of this package that the application uses and that have tables, settings or tasks of their own. */
  extensions?: readonly IntegrationExtension[] | undefined;
}

/** Options of `IntegrationModule.forRoot`. */
export interface IntegrationModuleOptions extends IntegrationOptions {
  /**
   * The name of this integration, if the application has several databases: lower-case letters, digits and
   * underscores. Its services are injected with `@InjectIntegration(Service, name)`.
   */
  name?: string | undefined;
  /** Modules that export `clientToken`. */
  imports?: ModuleMetadata['imports'] | undefined;
  /** Whether every module can inject the services without importing this module. The default is true. */
  isGlobal?: boolean | undefined;
}

/** A class that makes the options, for `useClass` and `useExisting`. */
export interface IntegrationOptionsFactory extends OptionsMaker<IntegrationOptions> {}

/** Options of `IntegrationModule.forRootAsync`: one of `useFactory`, `useClass` and `useExisting`. */
export interface IntegrationModuleAsyncOptions extends MadeOptions<IntegrationOptions> {
  /** As for `forRoot`. */
  name?: string | undefined;
  /** Modules that export `clientToken` and what is injected. */
  imports?: ModuleMetadata['imports'] | undefined;
  /** The token of the host's client. The factory may return it instead. */
  clientToken?: InjectionToken | undefined;
  /** The default is true. */
  isGlobal?: boolean | undefined;
}

/** Token of the options as the host gave them. */
export const GIVEN_OPTIONS = Symbol('nestjs-integration:given-options');

/** Token of the options as they are in force. */
export const RESOLVED_OPTIONS = Symbol('nestjs-integration:resolved-options');

/** Reads the host's configuration. It has no reader if `@nestjs/config` is not used. */
export interface HostConfiguration {
  readonly reader: ConfigurationReader | undefined;
}

/** Token of the HostConfiguration. */
export const CONFIGURATION = Symbol('nestjs-integration:configuration');

const DEFAULT_MAX_CONCURRENCY = 100;
const DEFAULT_SHUTDOWN_TIMEOUT_MS = 10_000;
/** Postgres refuses jsonb values of 256 MiB. */
const MAX_MAX_PAYLOAD_BYTES = 268_435_455;

/** The options that Nest needs before it creates anything. */
const OF_THE_MODULE = ['name', 'imports', 'isGlobal'] as const satisfies (keyof IntegrationModuleOptions)[];

type Given = IntegrationOptions & Readonly<Record<string, unknown>>;

/** The check of each option. It returns what is wrong with a given value. */
const CHECKS: { readonly [K in keyof Required<IntegrationOptions>]: (value: unknown) => string[] } = {
  clientToken: (value) => problemsUnless(isToken(value), 'clientToken must be a class, a string or a symbol'),
  client: (value) =>
    problemsUnless(
      isTransactionalClient(value) || isHostAdapter(value),
      'client is not a client: it needs the functions $queryRawUnsafe, $executeRawUnsafe and $transaction. Of another library than Prisma give the adapter, such as fromTypeOrm(dataSource) of nestjs-integration/typeorm',
    ),
  adapter: (value) =>
    problemsUnless(
      typeof value === 'function',
      'adapter must be a function that makes the adapter of what clientToken names, such as fromTypeOrm of nestjs-integration/typeorm',
    ),
  ambient: (value) =>
    problemsUnless(
      typeof value === 'function',
      'ambient must be a function that gives the current transaction, such as clsAmbient(transactionHost)',
    ),
  ambientPublishing: (value) => problemsOfChoice('ambientPublishing', value, ['refuse', 'join']),
  connectionString: (value) =>
    problemsOfThrowing(() => validateConnectionString(textOf(value, 'connectionString'))),
  connection: problemsOfConnection,
  pool: problemsOfPool,
  schema: (value) => problemsOfThrowing(() => validateSchemaName(textOf(value, 'schema'))),
  migrations: (value) => problemsOfChoice('migrations', value, ['verify', 'run', 'off']),
  role: (value) => problemsOfChoice('role', value, ['all', 'publisher', 'worker']),
  settings: (value) =>
    isObject(value)
      ? listSettingProblems(value)
      : ['settings must be an object of settings and their values'],
  maxConcurrency: (value) => problemsOfCount('maxConcurrency', value, 1, 1_000_000),
  transactionalConcurrency: (value) => problemsOfCount('transactionalConcurrency', value, 1, 1_000_000),
  shutdownTimeoutMs: (value) => problemsOfCount('shutdownTimeoutMs', value, 0, LONGEST_TIMER_MS),
  watchdog: (value) => problemsOfChoice('watchdog', value, ['report', 'exit', 'off']),
  maxPayloadBytes: (value) => problemsOfCount('maxPayloadBytes', value, 1, MAX_MAX_PAYLOAD_BYTES),
  handlerLines: problemsOfHandlerLines,
  telemetry: problemsOfTelemetry,
  extensions: problemsOfExtensions,
};

/** The names of `IntegrationOptions`. */
export const OPTION_NAMES: readonly string[] = Object.keys(CHECKS);

/**
 * Checks the options and fills in the defaults.
 *
 * @throws IntegrationError INTEGRATION_OPTIONS_INVALID with every problem (`details.problems`)
 */
export function resolveOptions(
  given: IntegrationOptions,
  config: ConfigurationReader | undefined,
  environment: Readonly<Record<string, string | undefined>> = process.env,
  name: string = DEFAULT_ENGINE,
): ResolvedOptions {
  if (typeof given !== 'object' || given === null)
    throw invalidOptions(['there are none: the factory returned no object']);
  const connectionString =
    given.connectionString ??
    (given.connection === undefined ? databaseUrlOf(urlVariableOf(name), config, environment) : undefined);
  const options: Given = { ...given, connectionString };
  const problems = problemsOf(options, name);
  if (problems.length > 0) throw invalidOptions(problems);
  return {
    name,
    clientToken: options.clientToken,
    client: options.client,
    adapter: options.adapter,
    ambient: options.ambient,
    ambientPublishing: options.ambientPublishing ?? 'refuse',
    connectionString: connectionString === undefined ? undefined : validateConnectionString(connectionString),
    connection: options.connection,
    poolMax: options.pool?.max,
    schema: options.schema ?? DEFAULT_SCHEMA,
    migrations: options.migrations ?? 'verify',
    role: options.role ?? 'all',
    settings: options.settings ?? {},
    maxConcurrency: options.maxConcurrency ?? DEFAULT_MAX_CONCURRENCY,
    transactionalConcurrency: options.transactionalConcurrency,
    shutdownTimeoutMs: options.shutdownTimeoutMs ?? DEFAULT_SHUTDOWN_TIMEOUT_MS,
    watchdog: options.watchdog ?? 'report',
    maxPayloadBytes: options.maxPayloadBytes ?? DEFAULT_MAX_PAYLOAD_BYTES,
    handlerLines: options.handlerLines,
    telemetry: options.telemetry ?? {},
    extensions: options.extensions ?? [],
    hints: [connectionString === undefined ? undefined : poolerHint(connectionString)].filter(
      (hint) => hint !== undefined,
    ),
  };
}

/** What Prisma, TypeORM, Drizzle, Knex and others call an option. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  url: 'connectionString',
  databaseUrl: 'connectionString',
  prisma: 'client',
  dataSource: 'client',
  db: 'client',
  knex: 'client',
};

function problemsOf(options: Given, name: string): string[] {
  const names = Object.keys(CHECKS) as (keyof typeof CHECKS)[];
  return [
    ...names.flatMap((name) => (options[name] === undefined ? [] : CHECKS[name](options[name]))),
    ...(options.connection !== undefined && options.connectionString !== undefined
      ? ['connection and connectionString exclude each other: give one']
      : []),
    ...(options.connection === undefined && options.connectionString === undefined ? [missingUrl(name)] : []),
    ...(options.client !== undefined && options.clientToken !== undefined
      ? ['client and clientToken exclude each other: give one']
      : []),
    ...(options.adapter !== undefined && options.clientToken === undefined
      ? [
          'adapter stands beside clientToken: give it a token, or give client the adapter itself, such as fromTypeOrm(dataSource)',
        ]
      : []),
    ...(options.ambientPublishing !== undefined && options.ambient === undefined
      ? ['ambientPublishing has no effect without ambient: give both']
      : []),
    ...problemsOfUnknownNames(options, { known: [...names, ...OF_THE_MODULE], elsewhere: ELSEWHERE }),
    ...OF_THE_MODULE.filter((name) => options[name] !== undefined).map(
      (name) => `${name} comes too late from a factory: give it to forRootAsync itself`,
    ),
  ];
}

/** The error for options with these problems. */
export function invalidOptions(problems: readonly string[]): IntegrationError {
  const list = problems.map((problem) => `\n- ${problem}`).join('');
  return new IntegrationError(
    'INTEGRATION_OPTIONS_INVALID',
    `The options of IntegrationModule are invalid:${list}`,
    { problems: [...problems] },
  );
}

/** An engine with a name never takes the database of another one because its own was forgotten. */
function urlVariableOf(name: string): string {
  return `${variablePrefixOf(name)}DATABASE_URL`;
}

function missingUrl(name: string): string {
  const other = name === DEFAULT_ENGINE ? '' : ` (an integration with a name does not take DATABASE_URL)`;
  return `connectionString is missing: give it, or set ${urlVariableOf(name)} in the environment or the configuration${other}. The commands of nestjs-integration read .env; the application does not, unless it is started with "node --env-file=.env" or imports ConfigModule.forRoot() of @nestjs/config`;
}

function databaseUrlOf(
  variable: string,
  config: ConfigurationReader | undefined,
  environment: Readonly<Record<string, string | undefined>>,
): string | undefined {
  const configured = config?.get(variable);
  return typeof configured === 'string' && configured !== '' ? configured : environment[variable];
}

/** Whether a value has the methods of a host's client. */
export function isTransactionalClient(value: unknown): value is TransactionalSqlClient {
  return isSqlClient(value) && typeof (value as Partial<TransactionalSqlClient>).$transaction === 'function';
}
