import { Injectable } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { AdminDatabase } from '../../database/admin-database.js';
import type { DeadLetterSearch, InboxFilter } from '../../inbox/inbox-record.js';
import { InboxRecordStore } from '../../inbox/inbox-record.store.js';
import type { EventHead } from '../../log/event-look.js';
import type { OutboxEventStatusReport } from '../../log/outbox-event.js';
import { OutboxQueryStore } from '../../log/outbox-query.store.js';
import { engineOf } from '../../module/engine-of.js';
import { type LoggedEvent, statusesOf } from '../../outbox/event-statuses.js';
import { AttemptHistoryService } from '../../status/attempt-history.service.js';
import { type ExplainedReport, WhyNotYetService } from '../../status/why-not-yet.service.js';

/**
 * Reads what consumers have done with events, over the connections of admins. `OutboxService` and
 * `InboxService` of the application use those of the engine, which delivery needs.
 */
@Injectable()
export class Deliveries {
  private readers:
    | {
        readonly log: OutboxQueryStore;
        readonly whys: WhyNotYetService;
        readonly inbox: InboxRecordStore;
        readonly attempts: AttemptHistoryService;
      }
    | undefined;

  constructor(private readonly moduleRef: ModuleRef) {}

  /** Without why, which a list of many events has no room for. */
  statusesOf(events: readonly LoggedEvent[]): Promise<OutboxEventStatusReport[]> {
    return statusesOf(this.opened().log, events);
  }

  reportsOf(events: readonly EventHead[]): Promise<ExplainedReport[]> {
    return this.opened().whys.reportsOf(events);
  }

  leftOut(event: EventHead) {
    return this.opened().whys.leftOut(event);
  }

  deadLetters(filter: InboxFilter, limit: number, after: number): Promise<DeadLetterSearch> {
    return this.opened().inbox.findDeadLetters(filter, limit, after);
  }

  get attempts(): AttemptHistoryService {
    return this.opened().attempts;
  }

  private opened() {
    if (this.readers === undefined) {
      const db = engineOf(this.moduleRef, 'IntegrationAdminModule').get(AdminDatabase);
      this.readers = {
        log: new OutboxQueryStore(db),
        whys: new WhyNotYetService(db),
        inbox: new InboxRecordStore(db),
        attempts: new AttemptHistoryService(db),
      };
    }
    return this.readers;
  }
}
