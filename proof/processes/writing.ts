import type { IntegrationDeveloperApiService } from 'nestjs-integration';
import type { WriterJournal } from '../harness/journal.js';
import { takeSequence } from './host.store.js';
import type { PlannedEvent } from './protocol.js';

class RolledBack extends Error {}

/**
 * One transaction of a writer as the guide wants it: first the write that serializes the aggregate, then the events. What
 * became of it goes to the journal; a commit without an answer is unknown.
 */
export async function writeThing(
  api: IntegrationDeveloperApiService,
  journal: WriterJournal,
  aggregate: string,
  events: readonly (PlannedEvent & { id: string })[],
  rollBack = false,
): Promise<void> {
  const ids = events.map((event) => event.id);
  let isAtCommit = false;
  try {
    await api.transaction(async (transaction) => {
      isAtCommit = false;
      const before = await takeSequence(transaction, aggregate, events.length);
      await api.publishEvents(
        events.map(({ id, eventName, payload, delayMs }, index) => ({
          id,
          eventName,
          sourceModule: 'proof',
          aggregateType: 'thing',
          aggregateId: aggregate,
          payload: { ...payload, sequence: before + index + 1 },
          ...(delayMs === undefined ? {} : { delayMs }),
        })),
        { persistenceClient: transaction },
      );
      if (rollBack) throw new RolledBack();
      isAtCommit = true;
    });
    journal.write(ids, 'committed');
  } catch (error) {
    journal.write(ids, isAtCommit ? 'unknown' : 'rolled back');
    if (!(error instanceof RolledBack)) throw error;
  }
}
