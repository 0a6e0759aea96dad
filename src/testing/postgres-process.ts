import { startEmbeddedPostgres } from './embedded-postgres.js';
import { createIntegrationTestDatabase } from './integration-test-database.js';

/**
 * The program that a test run starts. It makes a server, unless `TEST_DATABASE_URL` names one, and a
 * database. It prints their URLs as one line of JSON. It removes both when its input ends, which happens when
 * the run is over or was killed.
 */
async function main(): Promise<void> {
  const given = process.env.TEST_DATABASE_URL;
  const server = given ? undefined : await startEmbeddedPostgres({ flags: ['-c', 'fsync=off'] });
  try {
    const serverUrl = given || (server?.url ?? '');
    const database = await createIntegrationTestDatabase({ server: serverUrl });
    process.stdout.write(`${JSON.stringify({ databaseUrl: database.url, serverUrl })}\n`);
    await endOfInput();
    await database.drop();
  } finally {
    await server?.stop();
  }
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
