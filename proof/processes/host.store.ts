import type { SqlClient } from 'nestjs-integration';

/** The write that serializes an aggregate's writers; resolves to the sequence before it. */
export async function takeSequence(transaction: SqlClient, thing: string, count: number): Promise<number> {
  const [row] = await transaction.$queryRawUnsafe<{ sequence: number }[]>(
    `INSERT INTO thing (id, sequence) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET sequence = thing.sequence + $2 RETURNING sequence`,
    thing,
    count,
  );
  return (row?.sequence ?? count) - count;
}

/** What a transactional handler does. There is no unique key: a second effect would be seen. */
export function recordEffects(
  transaction: SqlClient,
  consumer: string,
  eventIds: readonly string[],
): PromiseLike<number> {
  return transaction.$executeRawUnsafe(
    `INSERT INTO effect (consumer, event_id)
     SELECT $1, e.id FROM unnest($2::uuid[]) WITH ORDINALITY AS e (id, place) ORDER BY e.place`,
    consumer,
    eventIds,
  );
}
