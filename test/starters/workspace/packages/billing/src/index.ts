import { Injectable, Module } from '@nestjs/common';
import { type DomainEvent, IntegrationSubscriber } from 'nestjs-integration';

/** What billing reads of an order; it imports nothing of the package that publishes it. */
export interface PlacedOrder {
  name: string;
  placedAt: string;
}

@Injectable()
export class BillingSubscriber {
  /** Resolves with the payload that the handler got. */
  readonly billed: Promise<PlacedOrder>;
  private bill: (order: PlacedOrder) => void = () => {};

  constructor() {
    this.billed = new Promise((resolve) => {
      this.bill = resolve;
    });
  }

  @IntegrationSubscriber('order.placed', { consumerName: 'billing.orders' })
  onPlaced({ payload }: DomainEvent<PlacedOrder>): void {
    this.bill(payload);
  }
}

@Module({ providers: [BillingSubscriber], exports: [BillingSubscriber] })
export class BillingModule {}
