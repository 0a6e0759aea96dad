import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

export interface DemoDatabase {
  url: string;
  /** In a few words, for the screen. */
  description: string;
  close(): Promise<void>;
}

/** The database at DATABASE_URL, else a Postgres of the demo's own. */
export async function openDatabase(): Promise<DemoDatabase> {
  const given = process.env.DATABASE_URL;
  if (given) return { url: given, description: 'the Postgres at DATABASE_URL', close: async () => {} };

  // Its own process and its own session: Ctrl-C in the terminal ends the demo, which then stops the database last.
  const child = fork(fileURLToPath(new URL('database-process.js', import.meta.url)), {
    detached: true,
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const exited = once(child, 'exit');
  const [url] = await Promise.race([
    once(child, 'message'),
    exited.then(() =>
      Promise.reject(new Error('The embedded Postgres did not start; the reason stands above.')),
    ),
  ]);
  return {
    url: String(url),
    description: `an embedded Postgres on port ${new URL(String(url)).port}`,
    close: async () => {
      if (child.connected) child.disconnect();
      await exited;
    },
  };
}
