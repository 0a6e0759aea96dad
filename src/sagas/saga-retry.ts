import type { ChangeAuthor } from '../audit/change-author.js';
import type { ConsumerService } from '../changes/consumer.service.js';
import type { AdminDatabase } from '../database/admin-database.js';
import type { DeadLetter } from '../inbox/inbox-record.js';
import { InboxRecordStore } from '../inbox/inbox-record.store.js';
import { consumerOf } from './saga-definition.js';

/** How many dead letters are sent again at most. */
const MOST_RETRIED = 1_000;

interface Which {
  readonly saga: string;
  readonly key: string;
}

/**
 * The dead letters that belong to the key of a saga, as far as the inbox shows it: it knows the id of the
 * aggregate. That of a saga's own events is the key.
 */
export async function deadLettersOf(admin: AdminDatabase, { saga, key }: Which): Promise<DeadLetter[]> {
  const filter = { consumerName: consumerOf(saga), aggregateId: key };
  return (await new InboxRecordStore(admin).findDeadLetters(filter, MOST_RETRIED, 0)).items;
}

/** Sends them again, and resolves to their number. */
export async function retrySaga(
  { admin, consumers }: { readonly admin: AdminDatabase; readonly consumers: ConsumerService },
  which: Which,
  author: ChangeAuthor,
): Promise<number> {
  const consumerName = consumerOf(which.saga);
  let sent = 0;
  for (const { outboxEventId } of await deadLettersOf(admin, which))
    if (await consumers.redriveOne({ consumerName, outboxEventId }, author)) sent++;
  return sent;
}
