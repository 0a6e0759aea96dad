import { type BenchDatabase, withClient } from '../harness/bench-server.js';
import { FILLER } from '../systems/bench-event.js';

const CHUNK = 50_000;
const SESSIONS = 2;

/**
 * Events by the million, made by the server itself: the same rows as publishing leaves, in a fraction of its time. Sessions take
 * chunks in turn.
 */
export async function insertInChunks(
  database: Pick<BenchDatabase, 'url'>,
  statement: string,
  count: number,
): Promise<void> {
  let next = 1;
  const insert = () =>
    withClient(database, async (client) => {
      for (let from = next; from <= count; from = next) {
        next = from + CHUNK;
        await client.query(statement, [from, Math.min(count, next - 1), FILLER]);
      }
    });
  await Promise.all(Array.from({ length: SESSIONS }, insert));
}
