import pg from 'pg';

/** Longer than a server takes to stop, or to drop a database, that waits for nobody. */
const LEAVES_AFTER_MS = 300;

/** Opens a session that ends by itself soon. `errors` has what it was told before. */
export async function sessionThatEndsLater(url: string): Promise<{ errors: Error[] }> {
  const client = new pg.Client({ connectionString: url });
  const errors: Error[] = [];
  client.on('error', (error) => errors.push(error));
  await client.connect();
  setTimeout(() => void client.end(), LEAVES_AFTER_MS);
  return { errors };
}
