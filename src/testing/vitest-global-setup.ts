import { setUpRun } from './postgres-of-run.js';

/**
 * For Vitest's configuration, setup and teardown in one line:
 *
 * ```ts
 * test: { globalSetup: 'nestjs-integration/testing/vitest-global-setup' }
 * ```
 *
 * Does what `nestjs-integration/testing/jest-global-setup` does: `DATABASE_URL` is a database with the
 * integration tables, `TEST_DATABASE_URL` its server.
 */
export default async function setUp(): Promise<() => Promise<void>> {
  const run = await setUpRun();
  return () => run.stop();
}
