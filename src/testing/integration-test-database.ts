import { createHash, randomBytes } from 'node:crypto';
import { readMigrationFiles } from '../database/migrations/migration-files.js';
import { runMigrations } from '../database/migrations/migration-runner.js';
import { DEFAULT_SCHEMA } from '../database/sql/schema-name.js';
import { checkNames } from '../words/argument-checks.js';
import { onServer, untilOthersLeft } from './on-server.js';

const DEFAULT_TEMPLATE = 'nestjs_integration';
/** Postgres cuts names at 63 bytes, and up to 26 are added to a template's name. */
const LONGEST_TEMPLATE = 36;

export interface IntegrationTestDatabaseOptions {
  /**
   * A server that `startEmbeddedPostgres` started, or the URL of one. Its role must be allowed to create
   * databases. The default is `TEST_DATABASE_URL` of the environment, which the global setups of Jest and
   * Vitest set.
   */
  server?: string | { readonly url: string } | undefined;
  /** The name of your template, at most 36 characters. Change it when what `prepare` does changes. */
  template?: string | undefined;
  /**
   * Creates the tables of your application in the template, once per server, by your migrations or by SQL. It
   * must not leave a connection open.
   */
  prepare?: ((url: string) => Promise<void>) | undefined;
  /** The schema of the integration tables, `integration` by default. */
  schema?: string | undefined;
}

/** A database for one test. */
export interface IntegrationTestDatabase {
  readonly url: string;
  readonly name: string;
  /**
   * Deletes the database. Sessions that are about to end have a second for it. Those that are still there are
   * ended.
   */
  drop(): Promise<void>;
}

/**
 * Makes a database with the integration tables and your own, as a copy of a template. The first call on a
 * server makes the template. Every other call copies it in a fraction of a second. Any number of test
 * processes may call it at the same time.
 */
export async function createIntegrationTestDatabase(
  options: IntegrationTestDatabaseOptions = {},
): Promise<IntegrationTestDatabase> {
  checkNames('an option of createIntegrationTestDatabase', options, [
    'server',
    'template',
    'prepare',
    'schema',
  ]);
  const { server = process.env.TEST_DATABASE_URL, schema = DEFAULT_SCHEMA, prepare } = options;
  const label = options.template ?? DEFAULT_TEMPLATE;
  if (label === '' || Buffer.byteLength(label) > LONGEST_TEMPLATE) {
    throw new RangeError(`template must have 1 to ${LONGEST_TEMPLATE} characters: ${label}`);
  }
  if (server === undefined || server === '') {
    throw new TypeError(
      'createIntegrationTestDatabase knows no server: give `server`, set TEST_DATABASE_URL, or let Jest or Vitest ' +
        'start one with "globalSetup": "nestjs-integration/testing/jest-global-setup" (or "/vitest-global-setup")',
    );
  }
  const serverUrl = typeof server === 'string' ? server : server.url;
  const urlOf = (database: string) => {
    const url = new URL(serverUrl);
    url.pathname = `/${encodeURIComponent(database)}`;
    return url.toString();
  };
  const template = `${label}_${await versionOf(schema)}`;
  const name = `${label}_${process.pid}_${randomBytes(6).toString('hex')}`;
  await onServer(serverUrl, async (store) => {
    await store.exclusively(template, async () => {
      if (await store.exists(template)) return;
      const unfinished = `${template}_new`;
      await store.drop(unfinished);
      await store.create(unfinished);
      await runMigrations({ connectionString: urlOf(unfinished), schema });
      await prepare?.(urlOf(unfinished));
      await store.rename(unfinished, template);
    });
    await store.create(name, template);
  });
  return {
    url: urlOf(name),
    name,
    drop: () =>
      onServer(serverUrl, async (store) => {
        await untilOthersLeft(store, name);
        await store.drop(name);
      }),
  };
}

/** Each version of the package has a template of its own. */
async function versionOf(schema: string): Promise<string> {
  const checksums = (await readMigrationFiles()).map(({ checksum }) => checksum);
  return createHash('sha256')
    .update([schema, ...checksums].join('\n'))
    .digest('hex')
    .slice(0, 12);
}
