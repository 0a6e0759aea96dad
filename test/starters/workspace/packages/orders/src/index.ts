import { Injectable, Module } from '@nestjs/common';
import { type AggregatePublisher, IntegrationDeveloperApiService } from 'nestjs-integration';

// Each feature declares its own events, and says of no other what it publishes.
declare module 'nestjs-integration' {
  interface IntegrationEvents {
    'order.placed': { name: string; placedAt: Date };
  }
  interface IntegrationTypes {
    strictEvents: true;
  }
}

@Injectable()
export class OrdersService {
  private readonly orders: AggregatePublisher;

  constructor(private readonly integrationApi: IntegrationDeveloperApiService) {
    this.orders = integrationApi.for('orders', 'order');
  }

  async place(name: string): Promise<string> {
    const { outboxEventId } = await this.integrationApi.transaction((tx) =>
      this.orders.publish('order.placed', name, { name, placedAt: new Date() }, tx),
    );
    return outboxEventId;
  }

  /** The compiler refuses a misspelt name; what this does if it is called is of no account. */
  protected async misspelt(name: string): Promise<void> {
    // @ts-expect-error order.placed is declared, order.plaecd is not
    await this.orders.publish('order.plaecd', name);
  }
}

@Module({ providers: [OrdersService], exports: [OrdersService] })
export class OrdersModule {}
