import { Injectable } from '@nestjs/common';
import { type EventOf, IntegrationSubscriber, type SubscriberContext } from 'nestjs-integration';
import { Carrier } from './carrier';
import { Shipment } from './shipment.entity';

@Injectable()
export class ShippingSubscriber {
  constructor(private readonly carrier: Carrier) {}

  /** Where the carrier fails, the shipment goes with the transaction, and the event is tried again. */
  @IntegrationSubscriber('invoice.issued', {
    consumerName: 'shipping',
    transactional: true,
    retry: { maxAttempts: 5, baseDelayMs: 200 },
  })
  async onInvoice(event: EventOf<'invoice.issued'>, { transaction }: SubscriberContext): Promise<void> {
    const { orderId } = event.payload;
    await transaction.insert(Shipment, { orderId });
    await this.carrier.book(orderId, event.outboxEventId);
  }
}
