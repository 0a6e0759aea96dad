import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEmbeddedPostgres } from './embedded-postgres.js';
import { createIntegrationTestDatabase } from './integration-test-database.js';
import { onServer, untilOthersLeft } from './on-server.js';

/**
 * The program that a test run starts. It makes a server, unless `TEST_DATABASE_URL` names one, and a
 * database. It prints their URLs as one line of JSON. It removes both when its input ends, which happens when
 * the run is over or was killed.
 */
async function main(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'nestjs-integration-run-'));
  const given = process.env.TEST_DATABASE_URL;
  const server = given ? undefined : await startEmbeddedPostgres({ flags: ['-c', 'fsync=off'] });
  try {
    const serverUrl = given || (server?.url ?? '');
    const database = await createIntegrationTestDatabase({ server: serverUrl });
    process.stdout.write(`${JSON.stringify({ databaseUrl: database.url, serverUrl, folder })}\n`);
    await endOfInput();
    // A server of the run's own takes its databases with it.
    if (server === undefined) await dropCopies(serverUrl, database.name);
    await database.drop();
  } finally {
    await server?.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Drops the databases of the workers, which are copies of that of the run. */
async function dropCopies(serverUrl: string, name: string): Promise<void> {
  await onServer(serverUrl, async (store) => {
    for (const copy of await store.beginningWith(`${name}_w`)) {
      await untilOthersLeft(store, copy);
      await store.drop(copy);
    }
  });
}

function endOfInput(): Promise<void> {
  return new Promise((resolve) => {
    process.stdin
      .once('end', resolve)
      .once('close', resolve)
      .once('error', () => resolve());
    process.stdin.resume();
  });
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  },
);
