import { text } from 'node:stream/consumers';
import { messageOf } from '../errors.js';
import { onServer, untilOthersLeft } from './on-server.js';

/**
 * The program that makes the database of one worker of a test run. It reads the URL of that database, and
 * copies the one of the run (`DATABASE_URL` of the global setup), with whatever other global setups have made
 * in it.
 */
async function main(): Promise<void> {
  const url = await text(process.stdin);
  const base = process.env.NESTJS_INTEGRATION_TEST_DATABASE_URL ?? '';
  await onServer(process.env.NESTJS_INTEGRATION_TEST_SERVER_URL ?? '', async (store) => {
    const template = nameIn(base);
    // One at a time, because a copy keeps others from copying the same database.
    await store.exclusively(template, async () => {
      await untilOthersLeft(store, template);
      if (await store.hasOtherSessions(template)) throw new Error(IN_USE);
      await store.drop(nameIn(url));
      await store.create(nameIn(url), template);
    });
  });
}

const IN_USE =
  'a connection to DATABASE_URL of the global setup is still open, and Postgres copies no database that is in use. Close what your own global setup has opened before the tests begin. If a part of the test files runs without the setup file "nestjs-integration/testing/worker-database" (as other projects of one Jest run do), add it to their setupFiles';

function nameIn(url: string): string {
  return decodeURIComponent(new URL(url).pathname.slice(1));
}

main().catch((error: unknown) => {
  process.stderr.write(`${messageOf(error)}\n`);
  process.exitCode = 1;
});
