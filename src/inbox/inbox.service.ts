import { Injectable } from '@nestjs/common';
import { refuseClientOfOther } from '../context/integration-context.js';
import { HostClient } from '../database/clients/host-client.js';
import type { PersistenceClient, SqlClient } from '../database/clients/sql-client.js';
import { IntegrationError, messageOf } from '../errors.js';
import { checkNames, checkPosition, pageSizeOf } from '../words/argument-checks.js';
import { isUuid } from '../words/text.js';
import { checkFilter } from './filter-checks.js';
import type {
  DeadLetter,
  DeadLetterSearch,
  EventHistory,
  InboxFilter,
  InboxPageRequest,
  InboxRecord,
} from './inbox-record.js';
import { InboxRecordStore } from './inbox-record.store.js';
import type { InboxStatus } from './inbox-status.js';

/**
 * Reads what consumers have done with events. For consumers that the engine runs, it only reads.
 * `getOrCreate` and the `mark` methods are for consumers written by hand, outside the engine. Ids are uuids.
 */
@Injectable()
export class InboxService {
  constructor(
    private readonly rows: InboxRecordStore,
    private readonly host: HostClient,
  ) {}

  /**
   * Whether the consumer has processed the event. It is also true when only the consumer's cursor shows it.
   * It is false for skipped events and dead letters.
   */
  async isProcessed(outboxEventId: string, consumerName: string): Promise<boolean> {
    return isUuid(outboxEventId) && this.rows.isProcessed(outboxEventId, consumerName);
  }

  /**
   * Returns dead letters by position, the oldest first. Pass the position of the last one as `after` to get
   * the next page. If several consumers have dead letters of that event, all of them are on one page. That
   * page may then have a few more items than `limit`.
   *
   * @throws IntegrationError INTEGRATION_ADMIN_INVALID for an invalid filter or page
   */
  async findDeadLetters(filter: InboxFilter = {}, page: InboxPageRequest = {}): Promise<DeadLetter[]> {
    checkFilter(filter);
    checkNames('a field of the page', page, ['limit', 'after']);
    checkPosition('after', page.after);
    const limit = pageSizeOf(page.limit);
    const found: DeadLetter[] = [];
    for (let after: number | null = page.after ?? 0; after !== null && found.length < limit; ) {
      const part: DeadLetterSearch = await this.rows.findDeadLetters(filter, limit - found.length, after);
      found.push(...part.items);
      after = part.scannedTo;
    }
    return found;
  }

  /**
   * Returns the attempts of this event that failed at this consumer, and what an admin decided about it. They
   * are kept whatever became of the event later. Undefined if the inbox has no row of it, as for an event
   * that succeeded at once.
   */
  async historyOf(outboxEventId: string, consumerName: string): Promise<EventHistory | undefined> {
    return isUuid(outboxEventId) ? this.rows.historyOf(outboxEventId, consumerName) : undefined;
  }

  /**
   * Returns the row of this event and consumer. Creates it if there is none, except for a consumer that the
   * engine runs.
   *
   * @throws IntegrationError INTEGRATION_INBOX_UNKNOWN if the log has no such event, or if the engine runs
   * the consumer and there is no row
   */
  async getOrCreate(
    outboxEventId: string,
    consumerName: string,
    persistenceClient?: PersistenceClient,
  ): Promise<InboxRecord> {
    if (!isUuid(outboxEventId)) throw unknownEvent(outboxEventId, consumerName);
    const client = this.clientFor(persistenceClient);
    const managed = await this.rows.isManaged(consumerName);
    if (!managed) await this.rows.create(client, outboxEventId, consumerName);
    const row = await this.rows.findByEvent(client, outboxEventId, consumerName);
    if (row !== undefined) return row;
    if (!managed) throw unknownEvent(outboxEventId, consumerName);
    throw new IntegrationError(
      'INTEGRATION_INBOX_UNKNOWN',
      `The engine runs consumer "${consumerName}" and has no inbox row for event ${outboxEventId}: ask isProcessed() instead`,
      { outboxEventId, consumerName },
    );
  }

  /** Marks the row as `processing` and counts an attempt. */
  markProcessing(id: string, persistenceClient?: PersistenceClient): Promise<InboxRecord> {
    return this.mark(id, 'processing', undefined, persistenceClient);
  }

  markProcessed(id: string, persistenceClient?: PersistenceClient): Promise<InboxRecord> {
    return this.mark(id, 'processed', undefined, persistenceClient);
  }

  markFailed(id: string, error: unknown, persistenceClient?: PersistenceClient): Promise<InboxRecord> {
    return this.mark(id, 'failed', messageOf(error), persistenceClient);
  }

  markSkipped(id: string, persistenceClient?: PersistenceClient): Promise<InboxRecord> {
    return this.mark(id, 'skipped', undefined, persistenceClient);
  }

  private async mark(
    id: string,
    status: InboxStatus,
    error: string | undefined,
    persistenceClient: PersistenceClient | undefined,
  ): Promise<InboxRecord> {
    if (!isUuid(id)) throw unknownRow(id);
    const client = this.clientFor(persistenceClient);
    const consumerName = await this.rows.consumerOf(client, id);
    if (consumerName !== undefined && (await this.rows.isManaged(consumerName))) {
      throw new IntegrationError(
        'INTEGRATION_INBOX_MANAGED',
        `The engine runs consumer "${consumerName}" and keeps its inbox itself: throw from the handler to steer an event, or use ConsumerService`,
        { id, consumerName },
      );
    }
    const row = await this.rows.mark(client, id, status, error);
    if (row !== undefined) return row;
    throw unknownRow(id);
  }

  private clientFor(persistenceClient: PersistenceClient | undefined): SqlClient {
    refuseClientOfOther(persistenceClient, this.host.engine);
    return this.host.within(persistenceClient);
  }
}

// A value that is not a uuid is in no row. To ask Postgres for it would fail, and would abort the caller's
// transaction.

function unknownEvent(outboxEventId: string, consumerName: string): IntegrationError {
  return new IntegrationError('INTEGRATION_INBOX_UNKNOWN', `The log has no event ${outboxEventId}`, {
    outboxEventId,
    consumerName,
  });
}

function unknownRow(id: string): IntegrationError {
  return new IntegrationError('INTEGRATION_INBOX_UNKNOWN', `There is no inbox row ${id}`, { id });
}
