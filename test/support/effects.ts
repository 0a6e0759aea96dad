import type { DomainEvent, SubscriberContext } from '../../src/index.js';
import type { PrismaClient } from '../generated/prisma/client.js';
import type { TestDatabase } from './test-database.js';

type Transaction = Pick<PrismaClient, 'effect' | '$executeRawUnsafe' | '$queryRawUnsafe'>;

/** The handler's transaction as the host's client types it. */
export function transactionOf(context: SubscriberContext): Transaction {
  return context.transaction as unknown as Transaction;
}

/** What a transactional handler of the tests does: a row for each time that it ran to its end. */
export async function writeEffect(
  consumer: string,
  event: DomainEvent,
  context: SubscriberContext,
): Promise<void> {
  await transactionOf(context).effect.create({
    data: { consumer, eventId: event.outboxEventId, note: `attempt ${context.attempt}` },
  });
}

/** The same through whatever client the transaction belongs to. */
export async function writeEffectBySql(
  consumer: string,
  event: DomainEvent,
  context: SubscriberContext,
): Promise<void> {
  await transactionOf(context).$executeRawUnsafe(
    'INSERT INTO effect (consumer, event_id, note) VALUES ($1, $2, $3)',
    consumer,
    event.outboxEventId,
    `attempt ${context.attempt}`,
  );
}

/** The notes of a consumer's effects, oldest first. */
export async function effectsOf(database: TestDatabase, consumer: string): Promise<string[]> {
  const { rows } = await database.pool.query<{ note: string }>(
    'SELECT note FROM effect WHERE consumer = $1 ORDER BY id',
    [consumer],
  );
  return rows.map((row) => row.note);
}
