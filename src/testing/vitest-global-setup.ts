import { setUpRun } from './postgres-of-run.js';

/**
 * Setup and teardown in one line of Vitest's configuration:
 *
 * ```ts
 * test: { globalSetup: 'nestjs-integration/testing/vitest-global-setup' }
 * ```
 *
 * Does the same as `nestjs-integration/testing/jest-global-setup`: in tests, `DATABASE_URL` is a database of
 * their worker with the integration tables, and `TEST_DATABASE_URL` is its server.
 */
export default async function setUp(project?: {
  readonly config?: { readonly setupFiles?: unknown };
}): Promise<() => Promise<void>> {
  const run = await setUpRun(project?.config?.setupFiles);
  return () => run.stop();
}
