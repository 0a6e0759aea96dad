// One Postgres for the whole run: the server at TEST_DATABASE_URL if that is set, else an embedded one.
import { buildIfStale } from './fresh-build.mjs';

export default async function globalSetup() {
  buildIfStale();
  if (process.env.TEST_DATABASE_URL) return;
  const { startEmbeddedPostgres } = await import('../../dist/testing/index.js');
  globalThis.__EMBEDDED_POSTGRES__ = await startEmbeddedPostgres({ flags: ['-c', 'fsync=off'] });
  process.env.TEST_DATABASE_URL = globalThis.__EMBEDDED_POSTGRES__.url;
}
