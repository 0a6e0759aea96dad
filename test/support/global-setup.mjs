// One Postgres for the whole run: the server at TEST_DATABASE_URL if that is set, else an embedded one.
import { startEmbeddedPostgres } from '../../dist/testing/index.js';

export default async function globalSetup() {
  if (process.env.TEST_DATABASE_URL) return;
  globalThis.__EMBEDDED_POSTGRES__ = await startEmbeddedPostgres({ flags: ['-c', 'fsync=off'] });
  process.env.TEST_DATABASE_URL = globalThis.__EMBEDDED_POSTGRES__.url;
}
