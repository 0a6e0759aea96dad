import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import {
  type AggregatePublisher,
  DomainEventPublisher,
  type EventOf,
  IntegrationSubscriber,
  type SubscriberContext,
} from 'nestjs-integration';
import { Invoice } from './invoice.entity';

@Injectable()
export class BillingSubscriber {
  private readonly events: AggregatePublisher;

  constructor(publisher: DomainEventPublisher) {
    this.events = publisher.for('billing', 'invoice');
  }

  /** The invoice, its event and the note that the order's event is done are committed together. */
  @IntegrationSubscriber('order.placed', { consumerName: 'billing', transactional: true })
  async onOrder(event: EventOf<'order.placed'>, { transaction }: SubscriberContext): Promise<void> {
    const id = randomUUID();
    const orderId = event.aggregateId;
    const { total } = event.payload;
    await transaction.insert(Invoice, { id, orderId, total });
    await this.events.publish('invoice.issued', id, { orderId, total }, transaction);
  }
}
