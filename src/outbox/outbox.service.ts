import { Injectable } from '@nestjs/common';
import type { DomainEventInput, PublishedEvent } from '../events/domain-event.js';
import type {
  OutboxEvent,
  OutboxEventFilter,
  OutboxEventStatusReport,
  OutboxStats,
  Page,
  PageRequest,
  TimelineEntry,
} from '../log/outbox-event.js';
import { checkOutboxFilter } from '../log/outbox-filter-checks.js';
import { OutboxQueryStore } from '../log/outbox-query.store.js';
import { OutboxStatsStore } from '../log/outbox-stats.store.js';
import { checkNames, checkPosition, pageSizeOf } from '../words/argument-checks.js';
import { pageOf } from '../words/page-of.js';
import { isUuid } from '../words/text.js';
import { DomainEventPublisher } from './domain-event-publisher.js';
import { type LoggedEvent, statusesOf } from './event-statuses.js';
import type { PublishOptions } from './publish-options.js';

const PAGE_FIELDS = ['limit', 'after', 'order'] as const satisfies (keyof PageRequest)[];

/**
 * Reads the log and the delivery of its events. It sees committed events only. Filters and pages that make no
 * sense are refused with INTEGRATION_ADMIN_INVALID.
 */
@Injectable()
export class OutboxService {
  constructor(
    private readonly publisher: DomainEventPublisher,
    private readonly events: OutboxQueryStore,
    private readonly stats: OutboxStatsStore,
  ) {}

  /**
   * Appends an event to the log. It is the same as `DomainEventPublisher.publishEvent`, with the same rules
   * and errors.
   */
  append(event: DomainEventInput, options?: PublishOptions): Promise<PublishedEvent> {
    return this.publisher.publishEvent(event, options);
  }

  /** The event with this id. Undefined if it is not, or no longer, in the log. */
  async findById(id: string): Promise<OutboxEvent | undefined> {
    return isUuid(id) ? this.events.findById(id) : undefined;
  }

  /** Events by position, the newest first unless asked otherwise. */
  async findMany(filter: OutboxEventFilter = {}, page: PageRequest = {}): Promise<Page<OutboxEvent>> {
    checkOutboxFilter(filter);
    checkNames('a field of the page', page, PAGE_FIELDS);
    checkPosition('after', page.after);
    const limit = pageSizeOf(page.limit);
    const found = await this.events.findMany(filter, {
      limit: limit + 1,
      after: page.after,
      descending: page.order !== 'oldest',
    });
    const { rows: items, next } = pageOf(found, limit, ({ position }) => position);
    return { items, next };
  }

  /**
   * The delivery of an event, as a whole and for each consumer that wants the event. Undefined if the log has
   * no such event.
   */
  async statusOf(id: string): Promise<OutboxEventStatusReport | undefined> {
    const event = await this.findById(id);
    return event === undefined ? undefined : (await this.statusesOf([event]))[0];
  }

  /** The delivery of each of these events of the log, in their order. */
  statusesOf(events: readonly LoggedEvent[]): Promise<OutboxEventStatusReport[]> {
    return statusesOf(this.events, events);
  }

  /** The events of one entity in the order of the log, the oldest first, each with its delivery status. */
  async timeline(
    aggregateType: string,
    aggregateId: string,
    page: PageRequest = {},
  ): Promise<Page<TimelineEntry>> {
    const { items, next } = await this.findMany(
      { aggregateType, aggregateId },
      { ...page, order: page.order ?? 'oldest' },
    );
    const statuses = await this.statusesOf(items);
    return { items: items.map((event, index) => ({ ...event, ...statuses[index] }) as TimelineEntry), next };
  }

  /**
   * Counts over the log and every consumer. It takes bounded time: a log of more than 100,000 positions is
   * estimated, and `estimated` says so. It is meant for dashboards, not for hot paths.
   */
  getStats(): Promise<OutboxStats> {
    return this.stats.count();
  }
}
