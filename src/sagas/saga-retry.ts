import type { ChangeAuthor } from '../audit/change-author.js';
import type { ConsumerService } from '../changes/consumer.service.js';
import type { DeadLetter, InboxFilter } from '../inbox/inbox-record.js';

/** How many dead letters are sent again at most. */
export const MOST_RETRIED = 1_000;

interface RetryParts {
  readonly inbox: {
    findDeadLetters(filter: InboxFilter, page: { limit: number }): Promise<readonly DeadLetter[]>;
  };
  readonly consumers: Pick<ConsumerService, 'redriveOne'>;
}

/** The dead letters that belong to the key of a saga, as far as the inbox shows it. */
export function deadLettersOf({ inbox }: Pick<RetryParts, 'inbox'>, consumerName: string, key: string) {
  return inbox.findDeadLetters({ consumerName, aggregateId: key }, { limit: MOST_RETRIED });
}

/** Sends them again, and resolves to their number. */
export async function retrySaga(
  parts: RetryParts,
  consumerName: string,
  key: string,
  author: ChangeAuthor,
): Promise<number> {
  let sent = 0;
  for (const { outboxEventId } of await deadLettersOf(parts, consumerName, key))
    if (await parts.consumers.redriveOne({ consumerName, outboxEventId }, author)) sent++;
  return sent;
}
